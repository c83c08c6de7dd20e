"""Playlist text into typed lines: one small class per tag, and nothing a provider writes makes it raise.

Source: RFC 8216 section 4.3 and its successor draft (EXT-X-DEFINE, EXT-X-SKIP, EXT-X-GAP, EXT-X-PART).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

#: Whatever a number could not be read from becomes this, so that a comparison decides and no None check is needed.
UNKNOWN = -1

_NUMBER = re.compile(r"\s*([+-]?\d{1,18}(?:\.\d{0,18})?|[+-]?\.\d{1,18})")
_INTEGER = re.compile(r"\s*([+-]?\d{1,18})")
_RESOLUTION = re.compile(r"\s*(\d{1,6})\s*[xX]\s*(\d{1,6})")
_HEX = re.compile(r"\s*0[xX]([0-9A-Fa-f]{1,32})\s*$")


@dataclass(frozen=True, slots=True)
class Uri:
    """A line that is an address."""

    text: str


@dataclass(frozen=True, slots=True)
class Header:
    """EXTM3U."""


@dataclass(frozen=True, slots=True)
class Version:
    """EXT-X-VERSION."""

    number: int


@dataclass(frozen=True, slots=True)
class TargetDuration:
    """EXT-X-TARGETDURATION."""

    seconds: float


@dataclass(frozen=True, slots=True)
class MediaSequence:
    """EXT-X-MEDIA-SEQUENCE."""

    number: int


@dataclass(frozen=True, slots=True)
class DiscontinuitySequence:
    """EXT-X-DISCONTINUITY-SEQUENCE."""

    number: int


@dataclass(frozen=True, slots=True)
class PlaylistType:
    """EXT-X-PLAYLIST-TYPE, upper case."""

    kind: str


@dataclass(frozen=True, slots=True)
class Extinf:
    """EXTINF. Radio lists write -1 for "endless"."""

    duration_s: float
    title: str


@dataclass(frozen=True, slots=True)
class ByteRange:
    """EXT-X-BYTERANGE; `offset` is UNKNOWN when it goes on where the previous range of the same resource ended."""

    length: int
    offset: int


@dataclass(frozen=True, slots=True)
class Key:
    """EXT-X-KEY. `iv` is None when the media sequence number is the vector."""

    method: str
    uri: str
    iv: bytes | None
    keyformat: str


@dataclass(frozen=True, slots=True)
class Map:
    """EXT-X-MAP: what stands in front of every fMP4 segment."""

    uri: str
    byte_range: ByteRange | None


@dataclass(frozen=True, slots=True)
class ProgramDateTime:
    """EXT-X-PROGRAM-DATE-TIME, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class DateRange:
    """EXT-X-DATERANGE: adverts and events; counted, not acted on."""

    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """EXT-X-PART of low-latency lists: a piece of a segment that will be listed whole later."""

    uri: str


@dataclass(frozen=True, slots=True)
class Skip:
    """EXT-X-SKIP: how many segments a delta update leaves out in front."""

    segments: int


@dataclass(frozen=True, slots=True)
class Define:
    """EXT-X-DEFINE: exactly one of the three names is set."""

    name: str
    value: str
    imported: str
    query_parameter: str


@dataclass(frozen=True, slots=True)
class StreamInf:
    """EXT-X-STREAM-INF: a variant; its address is the next line."""

    bandwidth_bps: int
    average_bandwidth_bps: int
    width: int
    height: int
    frame_rate: float
    codecs: str
    audio_group: str
    video_range: str
    name: str


@dataclass(frozen=True, slots=True)
class IFrameStreamInf:
    """EXT-X-I-FRAME-STREAM-INF: pictures for trick play; of no use to a relay."""

    uri: str


@dataclass(frozen=True, slots=True)
class Media:
    """EXT-X-MEDIA: a rendition. Without an address it lies inside the variant itself."""

    kind: str
    group_id: str
    name: str
    language: str
    uri: str
    default: bool
    autoselect: bool


@dataclass(frozen=True, slots=True)
class Discontinuity:
    """EXT-X-DISCONTINUITY."""


@dataclass(frozen=True, slots=True)
class Gap:
    """EXT-X-GAP: the segment does not exist and must not be asked for."""


@dataclass(frozen=True, slots=True)
class IFramesOnly:
    """EXT-X-I-FRAMES-ONLY."""


@dataclass(frozen=True, slots=True)
class EndList:
    """EXT-X-ENDLIST."""


@dataclass(frozen=True, slots=True)
class Other:
    """A tag that changes nothing here."""

    name: str
    value: str


Tag = (
    Uri | Header | Version | TargetDuration | MediaSequence | DiscontinuitySequence | PlaylistType | Extinf | ByteRange
    | Key | Map | ProgramDateTime | DateRange | Part | Skip | Define | StreamInf | IFrameStreamInf | Media
    | Discontinuity | Gap | IFramesOnly | EndList | Other
)  # fmt: skip


def number(text: str) -> float:
    """The decimal a value begins with, UNKNOWN when it begins with none."""
    found = _NUMBER.match(text)
    return float(found[1]) if found else UNKNOWN


def integer(text: str) -> int:
    """The whole number a value begins with, UNKNOWN when it begins with none. Not by `float`: 18 digits must stay."""
    found = _INTEGER.match(text)
    return int(found[1]) if found else UNKNOWN


def attributes(text: str) -> dict[str, str]:
    """An attribute list. Names in upper case; an unclosed quote ends with the line; nonsense between is skipped.

    Walks with `find` because a pattern would look at a long hostile line once per character.
    """
    found: dict[str, str] = {}
    at = 0
    while (equals := text.find("=", at)) >= 0:
        name = text[at:equals].rpartition(",")[2].strip().upper()
        start = equals + 1
        quote = '"' if text.startswith('"', start) else ","
        start += quote == '"'
        end = text.find(quote, start)
        end = len(text) if end < 0 else end
        if name:
            found[name] = text[start:end].strip()
        at = end + 1
    return found


def _byte_range(text: str) -> ByteRange:
    length, _, offset = text.partition("@")
    return ByteRange(integer(length), integer(offset))


def _key(text: str) -> Key:
    named = attributes(text)
    vector = _HEX.match(named.get("IV", ""))
    return Key(
        method=named.get("METHOD", "").upper(),
        uri=named.get("URI", ""),
        iv=int(vector[1], 16).to_bytes(16, "big") if vector else None,
        keyformat=named.get("KEYFORMAT", "") or "identity",
    )


def _map(text: str) -> Map:
    named = attributes(text)
    return Map(named.get("URI", ""), _byte_range(named["BYTERANGE"]) if "BYTERANGE" in named else None)


def _define(text: str) -> Define:
    named = attributes(text)
    return Define(
        named.get("NAME", ""), named.get("VALUE", ""), named.get("IMPORT", ""), named.get("QUERYPARAM", "")
    )  # fmt: skip


def _stream_inf(text: str) -> StreamInf:
    named = attributes(text)
    size = _RESOLUTION.match(named.get("RESOLUTION", ""))
    return StreamInf(
        bandwidth_bps=max(integer(named.get("BANDWIDTH", "")), 0),
        average_bandwidth_bps=max(integer(named.get("AVERAGE-BANDWIDTH", "")), 0),
        width=int(size[1]) if size else 0,
        height=int(size[2]) if size else 0,
        frame_rate=max(number(named.get("FRAME-RATE", "")), 0.0),
        codecs=named.get("CODECS", ""),
        audio_group=named.get("AUDIO", ""),
        video_range=named.get("VIDEO-RANGE", "").upper(),
        name=named.get("NAME", ""),
    )


def _media(text: str) -> Media:
    named = attributes(text)
    return Media(
        kind=named.get("TYPE", "").upper(),
        group_id=named.get("GROUP-ID", ""),
        name=named.get("NAME", ""),
        language=named.get("LANGUAGE", ""),
        uri=named.get("URI", ""),
        default=named.get("DEFAULT", "").upper() == "YES",
        autoselect=named.get("AUTOSELECT", "").upper() == "YES",
    )


def _extinf(text: str) -> Extinf:
    duration, _, title = text.partition(",")
    return Extinf(number(duration), title.strip())


_READERS: dict[str, Callable[[str], Tag]] = {
    "#EXTM3U": lambda value: Header(),
    "#EXTINF": _extinf,
    "#EXT-X-VERSION": lambda value: Version(integer(value)),
    "#EXT-X-TARGETDURATION": lambda value: TargetDuration(number(value)),
    "#EXT-X-MEDIA-SEQUENCE": lambda value: MediaSequence(integer(value)),
    "#EXT-X-DISCONTINUITY-SEQUENCE": lambda value: DiscontinuitySequence(integer(value)),
    "#EXT-X-PLAYLIST-TYPE": lambda value: PlaylistType(value.strip().upper()),
    "#EXT-X-BYTERANGE": _byte_range,
    "#EXT-X-KEY": _key,
    "#EXT-X-MAP": _map,
    "#EXT-X-PROGRAM-DATE-TIME": lambda value: ProgramDateTime(value.strip()),
    "#EXT-X-DATERANGE": lambda value: DateRange(attributes(value)),
    "#EXT-X-PART": lambda value: Part(attributes(value).get("URI", "")),
    "#EXT-X-SKIP": lambda value: Skip(max(integer(attributes(value).get("SKIPPED-SEGMENTS", "")), 0)),
    "#EXT-X-DEFINE": _define,
    "#EXT-X-STREAM-INF": _stream_inf,
    "#EXT-X-I-FRAME-STREAM-INF": lambda value: IFrameStreamInf(attributes(value).get("URI", "")),
    "#EXT-X-MEDIA": _media,
    "#EXT-X-DISCONTINUITY": lambda value: Discontinuity(),
    "#EXT-X-GAP": lambda value: Gap(),
    "#EXT-X-I-FRAMES-ONLY": lambda value: IFramesOnly(),
    "#EXT-X-ENDLIST": lambda value: EndList(),
}


def read(text: str) -> Iterator[Tag]:
    """The typed lines of a playlist in order; comments and blank lines are left out."""
    # Not str.splitlines: it also cuts at U+2028, form feeds and others, which may stand inside a title.
    for raw in text.removeprefix("\ufeff").replace("\r", "\n").split("\n"):
        line = raw.strip()
        if not line:
            continue
        if not line.startswith("#"):
            yield Uri(line)
        elif line[:4].upper() == "#EXT":
            name, _, value = line.partition(":")
            # `#EXTM3U url-tvg="http://…"` is common in lists that were made for other purposes.
            name = name.split(None, 1)[0].upper()
            reader = _READERS.get(name)
            yield reader(value) if reader else Other(name, value)
