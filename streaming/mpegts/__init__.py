"""MPEG transport stream: packets, tables, entries, joins. Pure: bytes and a clock in, bytes and facts out."""
