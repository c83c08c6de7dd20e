"""The decision journal: what happened to a viewing and why, in one sentence and in full."""
