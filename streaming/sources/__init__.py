"""All that can feed a relay."""
