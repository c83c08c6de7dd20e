"""Movies and series."""
