"""The one scheduler."""
