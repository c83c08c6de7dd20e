"""The XMLTV guide of what a viewer sees: which channels, under which names, over which days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

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


def window(back: int, ahead: int, now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of a day to the end of another, so that a guide is the same all through an hour."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(days=back), hour + timedelta(days=ahead)


def text(sight: Sight, lineup: Lineup | None, start: datetime, stop: datetime, pictures: Pictures) -> Iterator[bytes]:
    """The guide, in pieces."""
    rows = list(listed(sight.channels(lineup)))
    refs = refs_of(row.id for row in rows)
    channels = (
        XmltvChannel(
            tvg_id=row.tvg_id,
            names=(row.name,),
            number=row.number,
            icon=pictures.channel(row.id, row.logo, adult=row.adult),
            guide=refs.get(row.id) or (None if row.tvg_id.endswith(".restreamer") else GuideRef(row.tvg_id)),
        )
        for row in rows
    )
    return xmltv(channels, start, stop)


def today() -> datetime:
    """Now, where guides are read."""
    return datetime.now(UTC)
