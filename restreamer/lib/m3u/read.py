"""Reads a channel list of any size while it arrives, by the rules that lists in the wild demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from restreamer.lib.decompress import DEFAULT_MAX_BYTES, unpacked
from restreamer.lib.m3u.address import NO_HEADERS, Address, last_part, read_address
from restreamer.lib.m3u.lines import LineReader
from restreamer.lib.m3u.scan import LIVE_DURATION_S, Extinf, scan_extinf, split_groups
from restreamer.lib.m3u.sniff import HEAD_BYTES, refuse_others

NO_OPTIONS: Mapping[str, str] = MappingProxyType({})

_USUAL = ("http://", "https://")
_NO_EXTINF: tuple[float, Mapping[str, str], tuple[str, ...], str | None] = (LIVE_DURATION_S, NO_OPTIONS, (), None)
#: Options kept for one entry; a list that sends more wants to fill the memory.
_MOST_OPTIONS = 64


class Entry(NamedTuple):
    """One item of a list. Attribute keys are in lower case; values are as they were written."""

    url: str
    name: str
    #: -1 when the list says it is live, or says nothing.
    duration_s: float
    attributes: Mapping[str, str]
    groups: tuple[str, ...]
    #: Behind the address: `|User-Agent=…`.
    headers: Mapping[str, str]
    #: `#EXTVLCOPT:` lines, keys in lower case.
    vlc_options: Mapping[str, str]
    #: `#KODIPROP:` lines, keys as written.
    kodi_properties: Mapping[str, str]


class PlaylistReader:
    """Iterates over the entries of a list; what was odd about it is counted beside.

    `pieces` are the bytes as they come, packed or not; `base_url` is where they came from after redirects, for lists
    with relative addresses. Memory is bounded whatever arrives. Iterate once.

    Raises NotAPlaylist when something else is sent (at the first entry asked for), UnpackError.
    """

    def __init__(self, pieces: Iterable[bytes], *, base_url: str = "", max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._pieces = pieces
        self._base_url = base_url
        self._max_bytes = max_bytes
        self._lines: LineReader | None = None
        self._extinf: Extinf | None = None
        self._group = ""
        self._vlc_options: dict[str, str] = {}
        self._kodi_properties: dict[str, str] = {}
        #: Attributes of the `#EXTM3U` line, keys in lower case; complete before the first entry comes.
        self.header: Mapping[str, str] = NO_OPTIONS
        #: The list begins with `#EXTM3U`, as it should.
        self.says_extm3u = False
        self.entries = 0
        #: `#EXTINF` lines with no address behind them.
        self.without_address = 0
        #: The last line is such an `#EXTINF`: perhaps the list was cut off.
        self.ends_open = False
        #: Addresses of a kind that is never opened.
        self.refused_addresses = 0

    @property
    def too_long_lines(self) -> int:
        """Lines dropped for their length."""
        return self._lines.dropped if self._lines else 0

    def __iter__(self) -> Iterator[Entry]:
        stream = unpacked(self._pieces, max_bytes=self._max_bytes)
        head = b""
        for piece in stream:
            head += piece
            if len(head) >= HEAD_BYTES:
                break
        self.says_extm3u = refuse_others(head)
        self._lines = LineReader(_chained(head, stream))
        for block in self._lines:
            for line in block:
                # The two kinds of line that make up a list come first, told apart as cheaply as can be.
                if line[:8] == "#EXTINF:":
                    self._begin(scan_extinf(line))
                elif line.startswith(_USUAL) and " " not in line and "|" not in line and line.isprintable():
                    yield self._entry(line, NO_HEADERS)
                else:
                    address = self._unusual(line.strip())
                    if address is not None:
                        yield self._entry(address.url, address.headers)
        self.ends_open = self._extinf is not None
        self.without_address += self.ends_open

    def _begin(self, extinf: Extinf) -> None:
        self.without_address += self._extinf is not None
        self._extinf = extinf
        if extinf.groups:
            self._group = ""

    def _entry(self, url: str, headers: Mapping[str, str]) -> Entry:
        self.entries += 1
        extinf = self._extinf
        duration_s, attributes, groups, name = extinf or _NO_EXTINF
        self._extinf = None
        if not groups and self._group:
            groups = split_groups(self._group)
        options: Mapping[str, str] = NO_OPTIONS
        properties: Mapping[str, str] = NO_OPTIONS
        if self._vlc_options:
            options, self._vlc_options = self._vlc_options, {}
        if self._kodi_properties:
            properties, self._kodi_properties = self._kodi_properties, {}
        if not name:
            name = _fallback_name(extinf, url) or f"Channel {self.entries}"
        return Entry(url, name, duration_s, attributes, groups, headers, options, properties)

    def _unusual(self, line: str) -> Address | None:
        """The address on a line that is no plain one; None when it holds none, or one that is never opened."""
        if not line:
            return None
        if line[0] == "#":
            self._directive(line)
            return None
        address = read_address(line, self._base_url)
        if address is None:
            self.refused_addresses += 1
            self._forget()
        return address

    def _forget(self) -> None:
        self._extinf = None
        self._vlc_options = {}
        self._kodi_properties = {}

    def _directive(self, line: str) -> None:
        tag, _, rest = line.partition(":")
        tag = tag.upper()
        if tag == "#EXTINF":
            self._begin(scan_extinf(line))
        elif tag == "#EXTGRP":
            self._group = rest.strip()
        elif tag == "#EXTVLCOPT":
            _keep_option(self._vlc_options, rest, lower=True)
        elif tag == "#KODIPROP":
            _keep_option(self._kodi_properties, rest, lower=False)
        elif line[:7].upper() == "#EXTM3U":
            attributes = scan_extinf("#EXTINF:" + line[7:]).attributes
            self.header = {**attributes, **self.header}


def _keep_option(options: dict[str, str], text: str, *, lower: bool) -> None:
    key, equals, value = text.partition("=")
    key = key.strip().lower() if lower else key.strip()
    if equals and key and len(options) < _MOST_OPTIONS:
        options[key] = value.strip()


def _fallback_name(extinf: Extinf | None, url: str) -> str:
    if extinf is None:
        return last_part(url)
    named = extinf.attributes.get("tvg-name", "").strip()
    if named:
        return named
    return last_part(url) if extinf.name is None else extinf.attributes.get("tvg-id", "").strip()


def _chained(head: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from stream
