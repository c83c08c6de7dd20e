"""Judging transport streams: an analyser that shares no code with what it judges, and material to judge."""
