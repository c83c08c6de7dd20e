"""Live channel, movie or episode? A playlist mixes all three and seldom says which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from restreamer.lib.m3u import Entry

Kind = Literal["live", "movie", "episode"]

_PATH = re.compile(r"/(live|movie|series)/")
_FILE = re.compile(r"(?i)\.(mp4|mkv|avi|mov|m4v|webm|mpg|mpeg|wmv|flv)(?:[?#]|$)")
_EPISODE_NAME = re.compile(r"(?i)(?<![a-z0-9])S\d{1,2}[\s._-]?E\d{1,4}(?!\d)")
_PATH_KINDS: dict[str, Kind] = {"live": "live", "movie": "movie", "series": "episode"}
#: What `tvg-type` and `media-type` say in the wild.
_SAID_KINDS: dict[str, Kind] = {
    "live": "live",
    "channel": "live",
    "movie": "movie",
    "movies": "movie",
    "vod": "movie",
    "series": "episode",
    "serie": "episode",
    "tvshow": "episode",
    "tvshows": "episode",
    "episode": "episode",
}
_NEVER_FILES = ("udp:", "rtp:", "rtsp:", "rtsps:")


def kind_of(entry: Entry) -> Kind:
    """What the entry is, by the strongest sign: the address's path, what the list says, the file's ending, its name."""
    path = _PATH.search(entry.url, 8)
    if path:
        return _PATH_KINDS[path[1]]
    said = _said_kind(entry.attributes)
    if said:
        return said
    if _EPISODE_NAME.search(entry.name):
        return "episode"
    if entry.url.startswith(_NEVER_FILES):
        return "live"
    if entry.duration_s > 0 or _FILE.search(entry.url) or entry.attributes.get("media", "").lower() == "true":
        return "movie"
    return "live"


def container_of(url: str) -> str:
    """The file form in an address: "mkv"; "" when it ends otherwise.

    >>> container_of("http://h/movie/u/p/7.MKV?x=1"), container_of("http://h/7")
    ('mkv', '')
    """
    ending = _FILE.search(url)
    return ending[1].lower() if ending else ""


def _said_kind(attributes: Mapping[str, str]) -> Kind | None:
    for key in ("tvg-type", "media-type"):
        if key in attributes:
            return _SAID_KINDS.get(attributes[key].strip().lower())
    if "tvg-season" in attributes and "tvg-episode" in attributes:
        return "episode"
    return None
