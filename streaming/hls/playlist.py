"""A playlist as the reader needs it: a media list with whole segments, or a master list with its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

from streaming.faults import Fault, UpstreamError
from streaming.hls import tags
from streaming.hls.addresses import resolve, substituted, unwrapped

#: What a list without a usable target duration is taken to have.
DEFAULT_TARGET_S = 10.0
MAX_TARGET_S = 120.0
#: A film in one piece is the longest segment there is.
MAX_DURATION_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a resource, in bytes."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Initialisation:
    """What stands in front of fMP4 segments."""

    url: str
    byte_range: Range | None = None
    #: All keys in force where it was named.
    keys: tuple[tags.Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of media."""

    #: The address as written in the list, variables filled in.
    reference: str
    sequence: int
    #: 0 when the list does not say (or says -1: endless).
    duration_s: float
    byte_range: Range | None = None
    #: All keys in force, one per KEYFORMAT, addresses absolute; empty = in the clear.
    keys: tuple[tags.Key, ...] = ()
    initialisation: Initialisation | None = None
    discontinuity: bool = False
    gap: bool = False
    #: The list's own address.
    base: str = ""

    @property
    def url(self) -> str:
        """Where it is. Worked out when asked: of a day's list only the newest few segments are ever fetched."""
        return unwrapped(resolve(self.base, self.reference))


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A list of segments."""

    #: Where it was found after all redirects; the next load asks there.
    url: str
    segments: tuple[Segment, ...]
    target_s: float
    #: None when the list has no EXT-X-MEDIA-SEQUENCE; its segments then count from 0.
    media_sequence: int | None
    #: Nothing will be added: EXT-X-ENDLIST, a VOD list, or a plain list of endless addresses.
    ended: bool
    iframes_only: bool = False

    @property
    def end_sequence(self) -> int:
        """The number the next segment will have."""
        return self.segments[-1].sequence + 1 if self.segments else self.media_sequence or 0


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of a master list."""

    url: str
    inf: tags.StreamInf


@dataclass(frozen=True, slots=True)
class MasterPlaylist:
    """A list of variants, in the order written."""

    url: str
    variants: tuple[Variant, ...]
    renditions: tuple[tags.Media, ...] = ()
    #: What its media lists may import.
    variables: Mapping[str, str] = field(default_factory=dict)


def parse(text: str, url: str, imports: Mapping[str, str] | None = None) -> MediaPlaylist | MasterPlaylist:
    """The list found at `url`.

    Raises UpstreamError(NOT_TS) when the text is no playlist at all; whatever else is odd is made the best of.
    """
    lines = list(tags.read(text))
    if not any(isinstance(tag, tags.Header | tags.Extinf | tags.TargetDuration | tags.StreamInf) for tag in lines):
        raise UpstreamError(Fault.NOT_TS, f"The provider sent {_looks_like(text)} where a playlist was expected.")
    variables = _variables(lines, url, imports or {})
    if any(isinstance(tag, tags.StreamInf) for tag in lines):
        return _master(lines, url, variables)
    return _Assembly(url, variables).media(lines)


def _looks_like(text: str) -> str:
    start = text[:200].lstrip("\ufeff \t\r\n")
    if not start:
        return "nothing"
    if start[0] == "<":
        return "a web page"
    return "JSON" if start[0] in "{[" else "something unknown"


def _variables(lines: Iterable[tags.Tag], url: str, imports: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        query = parse_qs(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        query = {}
    for tag in lines:
        if not isinstance(tag, tags.Define):
            continue
        if tag.name:
            found[tag.name] = substituted(tag.value, found)
        elif tag.imported and tag.imported in imports:
            found[tag.imported] = imports[tag.imported]
        elif tag.query_parameter and tag.query_parameter in query:
            found[tag.query_parameter] = query[tag.query_parameter][0]
    return found


def _master(lines: Iterable[tags.Tag], url: str, variables: Mapping[str, str]) -> MasterPlaylist:
    def absolute(reference: str) -> str:
        return resolve(url, substituted(reference, variables))

    variants: list[Variant] = []
    renditions: list[tags.Media] = []
    pending: tags.StreamInf | None = None
    for tag in lines:
        match tag:
            case tags.StreamInf():
                pending = tag
            case tags.Uri() if pending is not None:
                variants.append(Variant(absolute(tag.text), pending))
                pending = None
            case tags.Media():
                renditions.append(replace(tag, uri=absolute(tag.uri) if tag.uri else ""))
            case _:
                pass
    return MasterPlaylist(url, tuple(variants), tuple(renditions), variables)


class _Assembly:
    """Collects what the tags before an address say about it."""

    def __init__(self, url: str, variables: Mapping[str, str]) -> None:
        self.url = url
        self.variables = variables
        self.segments: list[Segment] = []
        self.target_s = 0.0
        self.media_sequence: int | None = None
        self.skipped = 0
        self.kind = ""
        self.ended = False
        self.iframes_only = False
        # In force until changed:
        self.keys: dict[str, tags.Key] = {}
        self.initialisation: Initialisation | None = None
        # For the next segment only:
        self.duration_s = 0.0
        self.byte_range: tags.ByteRange | None = None
        self.discontinuity = False
        self.gap = False

    def absolute(self, reference: str) -> str:
        return resolve(self.url, substituted(reference, self.variables))

    def media(self, lines: Iterable[tags.Tag]) -> MediaPlaylist:
        for tag in lines:
            rule = self._RULES.get(type(tag))
            if rule is not None:
                rule(self, tag)
        return MediaPlaylist(
            url=self.url,
            segments=tuple(self._numbered()),
            target_s=self._target(),
            media_sequence=self.media_sequence,
            ended=self.ended or self.kind == "VOD" or self._is_plain_list(),
            iframes_only=self.iframes_only,
        )

    def _numbered(self) -> list[Segment]:
        """The segments, counted again when the number of the first came behind it, where it must not."""
        first = self._first_number()
        if self.segments and self.segments[0].sequence != first:
            return [replace(segment, sequence=first + n) for n, segment in enumerate(self.segments)]
        return self.segments

    def _first_number(self) -> int:
        return (self.media_sequence or 0) + self.skipped

    def _target(self) -> float:
        longest = max((segment.duration_s for segment in self.segments), default=0.0)
        wanted = self.target_s if self.target_s > 0 else longest or DEFAULT_TARGET_S
        return min(wanted, MAX_TARGET_S)

    def _is_plain_list(self) -> bool:
        """An M3U of endless addresses (radio), which nobody will ever extend."""
        return self.target_s <= 0 and bool(self.segments) and all(s.duration_s <= 0 for s in self.segments)

    def _uri(self, tag: tags.Uri) -> None:
        reference = substituted(tag.text, self.variables)
        self.segments.append(
            Segment(
                reference=reference,
                base=self.url,
                sequence=self._first_number() + len(self.segments),
                duration_s=self.duration_s,
                byte_range=self._range(reference) if self.byte_range is not None else None,
                keys=tuple(self.keys.values()),
                initialisation=self.initialisation,
                discontinuity=self.discontinuity,
                gap=self.gap,
            )
        )
        self.duration_s, self.byte_range, self.discontinuity, self.gap = 0.0, None, False, False

    def _range(self, reference: str) -> Range | None:
        if self.byte_range is None or self.byte_range.length <= 0:
            return None
        offset = self.byte_range.offset
        if offset < 0:
            before = self.segments[-1] if self.segments else None
            follows = before is not None and before.reference == reference and before.byte_range is not None
            offset = before.byte_range.offset + before.byte_range.length if follows else 0  # type: ignore[union-attr]
        return Range(offset, self.byte_range.length)

    def _key(self, tag: tags.Key) -> None:
        if tag.method == "NONE":
            self.keys.clear()
        else:
            self.keys[tag.keyformat] = replace(tag, uri=self.absolute(tag.uri) if tag.uri else "")

    def _map(self, tag: tags.Map) -> None:
        part = None
        if tag.byte_range is not None and tag.byte_range.length > 0:
            part = Range(max(tag.byte_range.offset, 0), tag.byte_range.length)
        keys = tuple(self.keys.values())
        self.initialisation = Initialisation(self.absolute(tag.uri), part, keys) if tag.uri else None

    def _extinf(self, tag: tags.Extinf) -> None:
        self.duration_s = min(max(tag.duration_s, 0.0), MAX_DURATION_S)

    def _byte_range(self, tag: tags.ByteRange) -> None:
        self.byte_range = tag

    def _header(self, tag: tags.Header) -> None:
        # A second list glued behind the first (seen in the wild) is another time line with keys of its own.
        self.discontinuity = bool(self.segments)
        self.keys.clear()
        self.initialisation = None

    def _discontinuity(self, tag: tags.Discontinuity) -> None:
        self.discontinuity = True

    def _gap(self, tag: tags.Gap) -> None:
        self.gap = True

    def _end(self, tag: tags.EndList) -> None:
        self.ended = True

    def _iframes(self, tag: tags.IFramesOnly) -> None:
        self.iframes_only = True

    def _target_duration(self, tag: tags.TargetDuration) -> None:
        self.target_s = max(self.target_s, tag.seconds)

    def _sequence(self, tag: tags.MediaSequence) -> None:
        if tag.number >= 0 and self.media_sequence is None:
            self.media_sequence = tag.number

    def _skip(self, tag: tags.Skip) -> None:
        self.skipped = tag.segments

    def _type(self, tag: tags.PlaylistType) -> None:
        self.kind = tag.kind

    _RULES: Mapping[type, Callable[..., None]] = {
        tags.Uri: _uri,
        tags.Header: _header,
        tags.Extinf: _extinf,
        tags.ByteRange: _byte_range,
        tags.Key: _key,
        tags.Map: _map,
        tags.Discontinuity: _discontinuity,
        tags.Gap: _gap,
        tags.EndList: _end,
        tags.IFramesOnly: _iframes,
        tags.TargetDuration: _target_duration,
        tags.MediaSequence: _sequence,
        tags.Skip: _skip,
        tags.PlaylistType: _type,
    }
