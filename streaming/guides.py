"""The XMLTV guide of what a viewer sees: which channels, under which names, over which days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from channels.listing import listed
from channels.models import Lineup
from guide.matchmaking import refs_of
from guide.records import GuideRef
from streaming.outputs.addresses import Pictures
from streaming.outputs.xmltv import XmltvChannel, xmltv
from streaming.visible import Sight

#: What a guide goes back and ahead unless asked otherwise, and at most.
DAYS_BACK, DAYS_AHEAD = 1, 7
MOST_DAYS = 30
_CHANNELS_AT_ONCE = 20_000


def window(back: int, ahead: int, now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of a day to the end of another, so that a guide is the same all through an hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(days=back), hour + timedelta(days=ahead)


def text(sight: Sight, lineup: Lineup | None, start: datetime, stop: datetime, pictures: Pictures) -> Iterator[bytes]:
    """The guide, in pieces."""
    return xmltv(_channels(sight, lineup, pictures), start, stop)


def _channels(sight: Sight, lineup: Lineup | None, pictures: Pictures) -> Iterator[XmltvChannel]:
    """Some at a time, so that no more than those are held as rows."""
    rows = listed(sight.channels(lineup))
    while some := list(islice(rows, _CHANNELS_AT_ONCE)):
        refs = refs_of(row.id for row in some)
        for row in some:
            ref = refs.get(row.id) or (None if row.tvg_id.endswith(".restreamer") else GuideRef(row.tvg_id))
            icon = pictures.channel(row.id, row.logo, adult=row.adult)
            yield XmltvChannel(row.tvg_id, (row.name,), row.number, icon, ref)


def today() -> datetime:
    """Now, where guides are read."""
    return datetime.now(UTC)
