"""Programme data: where it comes from, its channels, its broadcasts."""
