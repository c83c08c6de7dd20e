"""Measurements. Each starts what it needs, prints a table, and ends what it started."""
