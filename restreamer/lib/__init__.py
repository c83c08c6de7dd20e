"""The leaf library: imports no app and no model."""
