"""M3U playlists, both ways: what we write for players, what we read from providers."""

from restreamer.lib.m3u.write import extinf, header, render_entry

__all__ = ["extinf", "header", "render_entry"]
