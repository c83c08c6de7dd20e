"""M3U playlists, both ways: what we write for players, what we read from providers."""

from restreamer.lib.m3u.address import can_open, clean_header, header_pairs
from restreamer.lib.m3u.errors import (
    BinaryFile,
    EmptyAnswer,
    JsonAnswer,
    NotAPlaylist,
    PlainText,
    SingleStream,
    WebPage,
    XmlDocument,
)
from restreamer.lib.m3u.read import Entry, PlaylistReader
from restreamer.lib.m3u.sniff import page_title
from restreamer.lib.m3u.write import extinf, header, render_entry

__all__ = [
    "BinaryFile",
    "EmptyAnswer",
    "Entry",
    "JsonAnswer",
    "NotAPlaylist",
    "PlainText",
    "PlaylistReader",
    "SingleStream",
    "WebPage",
    "XmlDocument",
    "can_open",
    "clean_header",
    "extinf",
    "header",
    "header_pairs",
    "page_title",
    "render_entry",
]
