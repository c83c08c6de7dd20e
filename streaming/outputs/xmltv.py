"""XMLTV from channels and their broadcasts, as a stream of bytes in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from guide.models import Programme
from guide.querysets import PAGE_ROWS, Feed, XmltvRow, feeds_of, moment_of
from guide.records import GuideRef
from restreamer.lib.xmltv_write import HEAD, TAIL, channel_element, escape, escape_attribute

#: Large pieces: each costs a turn through the server.
CHUNK_CHARS = 128 * 1024
#: Guide channels read together; a page of rows is a query.
_CHANNELS_AT_ONCE = 200
_CHANNELS_ANNOUNCED = 10_000
#: A few megabytes; guides that count seconds never repeat themselves.
_TIMES_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class XmltvChannel:
    """One channel as players shall know it. `tvg_id` is the M3U's, to the letter."""

    tvg_id: str
    names: tuple[str, ...]
    number: str = ""
    icon: str = ""
    #: Where its broadcasts are read; None = it has none.
    guide: GuideRef | None = None


def xmltv(
    channels: Iterable[XmltvChannel],
    start: datetime,
    stop: datetime,
    *,
    with_empty: bool = False,
    chunk_chars: int = CHUNK_CHARS,
) -> Iterator[bytes]:
    """The guide of these channels between the two times: all channels first, then broadcasts by channel and start.

    Channels with one tvg-id are one to players: their names add up and the first one's guide counts. A channel that
    has nothing to show is announced only `with_empty`: the XMLTV project's validator calls such a channel an error.
    """
    # Readers with short patience see at once that something comes: which channels there are takes a while to say.
    yield HEAD.encode()
    waiting: list[str] = []
    chars = 0
    for text in _elements(list(_by_id(channels).values()), start, stop, with_empty):
        waiting.append(text)
        chars += len(text)
        if chars >= chunk_chars:
            yield "".join(waiting).encode()
            waiting.clear()
            chars = 0
    waiting.append(TAIL)
    yield "".join(waiting).encode()


def _by_id(channels: Iterable[XmltvChannel]) -> dict[str, XmltvChannel]:
    known: dict[str, XmltvChannel] = {}
    for channel in channels:
        first = known.setdefault(channel.tvg_id, channel)
        if first is not channel:
            known[channel.tvg_id] = XmltvChannel(
                first.tvg_id,
                tuple(dict.fromkeys((*first.names, *channel.names))),
                first.number or channel.number,
                first.icon or channel.icon,
                first.guide or channel.guide,
            )
    return known


def _elements(known: list[XmltvChannel], start: datetime, stop: datetime, with_empty: bool) -> Iterator[str]:
    """Guide channels are looked up again just before they are read, so one that is replaced meanwhile costs nothing."""
    announced: list[XmltvChannel] = []
    for some in _groups(known, _CHANNELS_ANNOUNCED):
        showing = {tvg_id for tvg_id, _ in _feeds(some, start, stop)}
        for channel in some:
            if channel.tvg_id in showing:
                announced.append(channel)
            if with_empty or channel.tvg_id in showing:
                names = (*channel.names, channel.number) if channel.number else channel.names
                yield channel_element(channel.tvg_id, dict.fromkeys(names), channel.icon)
    times: dict[timedelta, _Times] = {}
    for some in _groups(announced, _CHANNELS_AT_ONCE):
        for together in _rounds(_feeds(some, start, stop)):
            yield from _read(together, start, stop, times)


def _feeds(channels: list[XmltvChannel], start: datetime, stop: datetime) -> list[tuple[str, Feed]]:
    """The channels that have something in the window, each with the guide channel of the first source that has it."""
    feeds = feeds_of(channel.guide for channel in channels if channel.guide is not None)
    found = []
    for channel in channels:
        if channel.guide is not None:
            feed = next((feed for feed in feeds[channel.guide] if feed.covers(start, stop)), None)
            if feed is not None:
                found.append((channel.tvg_id, feed))
    return found


def _groups(channels: list[XmltvChannel], size: int) -> Iterator[list[XmltvChannel]]:
    for at in range(0, len(channels), size):
        yield channels[at : at + size]


def _rounds(shown: list[tuple[str, Feed]]) -> Iterator[dict[int, tuple[str, Feed]]]:
    """Groups in which each guide channel stands once: rows are read in its order and never kept for a second use."""
    while shown:
        together: dict[int, tuple[str, Feed]] = {}
        later = []
        for tvg_id, feed in shown:
            if feed.channel_pk in together:
                later.append((tvg_id, feed))
            else:
                together[feed.channel_pk] = (tvg_id, feed)
        yield together
        shown = later


def _read(
    together: dict[int, tuple[str, Feed]], start: datetime, stop: datetime, times: dict[timedelta, _Times]
) -> Iterator[str]:
    for some in _about_a_page(list(together.values())):
        shift = some[0][1].shift
        written = times.setdefault(shift, _Times(shift))
        ids = {feed.channel_pk: escape_attribute(tvg_id) for tvg_id, feed in some}
        for page in Programme.objects.xmltv_pages(list(ids), start - shift, stop - shift):
            for row in page:
                yield _programme(row, ids[row[0]], written)


def _about_a_page(shown: list[tuple[str, Feed]]) -> Iterator[list[tuple[str, Feed]]]:
    """Groups of one shift with about a page of rows, so that no database sorts more than it gives."""
    some: list[tuple[str, Feed]] = []
    rows = 0
    for tvg_id, feed in sorted(shown, key=lambda pair: (pair[1].shift, pair[1].channel_pk)):
        if some and (rows + feed.broadcasts > PAGE_ROWS or feed.shift != some[0][1].shift):
            yield some
            some, rows = [], 0
        some.append((tvg_id, feed))
        rows += feed.broadcasts
    if some:
        yield some


class _Times(dict[str, str]):
    """Times of rows as XMLTV writes them, a shift added. Many broadcasts begin and end at the same few."""

    def __init__(self, shift: timedelta) -> None:
        self._shift = shift

    def __missing__(self, stored: str) -> str:
        if len(self) >= _TIMES_KEPT:
            self.clear()
        written = self[stored] = f"{moment_of(stored).astimezone(UTC) + self._shift:%Y%m%d%H%M%S} +0000"
        return written


def _programme(row: XmltvRow, escaped_id: str, times: _Times) -> str:
    _, begins, ends, title, subtitle, description, lang, rest = row
    tagged = _language(lang) if lang else ""
    middle = f"<sub-title{tagged}>{escape(subtitle)}</sub-title>" if subtitle else ""
    if description:
        middle += f"<desc{tagged}>{escape(description)}</desc>"
    return (
        f'<programme start="{times[begins]}" stop="{times[ends]}" channel="{escaped_id}">'
        f"<title{tagged}>{escape(title)}</title>{middle}{rest}</programme>\n"
    )


@lru_cache(maxsize=256)
def _language(lang: str) -> str:
    return f' lang="{escape_attribute(lang)}"'
