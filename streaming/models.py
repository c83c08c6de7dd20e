"""Sessions and their journals."""
