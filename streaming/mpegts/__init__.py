"""MPEG transport stream: packets, tables, joins."""
