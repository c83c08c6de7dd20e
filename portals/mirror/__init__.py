"""Mirroring what a portal offers: spool the list, plan the differences, apply them, take them back. For any kind."""
