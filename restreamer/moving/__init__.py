"""Moving in from other systems: their files are read into wishes, and the wishes become rows."""
