"""Programme data."""
