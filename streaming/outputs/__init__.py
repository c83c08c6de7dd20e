"""Querysets to text or bytes, streamed."""
