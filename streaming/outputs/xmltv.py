"""XMLTV from channels and their broadcasts, as a stream of bytes in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from guide.models import Programme
from guide.querysets import PAGE_ROWS, Feed, XmltvRow, feeds_of
from guide.records import GuideRef
from restreamer.lib.xmltv_write import HEAD, TAIL, channel_element, escape, escape_attribute

#: Large pieces: each costs a turn through the server.
CHUNK_CHARS = 128 * 1024
#: Guide channels read together; a page of rows is a query.
_CHANNELS_AT_ONCE = 200
_CHANNELS_ANNOUNCED = 2000


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
    known = list(_by_id(channels).values())
    waiting: list[str] = []
    chars = 0
    for text in chain(_channels(known, start, stop, with_empty), _programmes(known, start, stop)):
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


def _channels(known: list[XmltvChannel], start: datetime, stop: datetime, with_empty: bool) -> Iterator[str]:
    for some in _groups(known, _CHANNELS_ANNOUNCED):
        showing = {tvg_id for tvg_id, _ in _feeds(some, start, stop)} if not with_empty else set()
        for channel in some:
            if with_empty or channel.tvg_id in showing:
                names = (*channel.names, channel.number) if channel.number else channel.names
                yield channel_element(channel.tvg_id, dict.fromkeys(names), channel.icon)


def _programmes(known: list[XmltvChannel], start: datetime, stop: datetime) -> Iterator[str]:
    """Guide channels are looked up just before they are read, so a guide that is replaced meanwhile costs nothing."""
    for some in _groups(known, _CHANNELS_AT_ONCE):
        for together in _rounds(_feeds(some, start, stop)):
            yield from _read(together, start, stop)


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


def _read(together: dict[int, tuple[str, Feed]], start: datetime, stop: datetime) -> Iterator[str]:
    for some in _about_a_page(list(together.values())):
        shift = some[0][1].shift
        ids = {feed.channel_pk: escape_attribute(tvg_id) for tvg_id, feed in some}
        for page in Programme.objects.xmltv_pages(list(ids), start - shift, stop - shift):
            for row in page:
                yield _programme(row, ids[row[0]], shift)


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


def _programme(row: XmltvRow, escaped_id: str, shift: timedelta) -> str:
    _, begins, ends, title, subtitle, description, lang, rest = row
    if shift:
        begins, ends = _moved(begins, shift), _moved(ends, shift)
    tagged = f' lang="{escape_attribute(lang)}"' if lang else ""
    middle = f"<sub-title{tagged}>{escape(subtitle)}</sub-title>" if subtitle else ""
    if description:
        middle += f"<desc{tagged}>{escape(description)}</desc>"
    return (
        f'<programme start="{begins} +0000" stop="{ends} +0000" channel="{escaped_id}">'
        f"<title{tagged}>{escape(title)}</title>{middle}{rest}</programme>\n"
    )


def _moved(text: str, shift: timedelta) -> str:
    return f"{datetime.strptime(text, '%Y%m%d%H%M%S').replace(tzinfo=UTC) + shift:%Y%m%d%H%M%S}"
