"""Bytes out: relay, playlists and the addresses players ask."""
