"""For outputs: channels as flat rows, straight from the database, in two statements however many there are.

Model instances would cost several times as much at a hundred thousand channels.

    for row in listed(sight.channels(lineup)): …
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import Max

from channels.models import ChannelStream
from channels.numbers import shown_number
from channels.querysets import ChannelQuerySet

_CHUNK = 5000
_COLUMNS = (
    "pk", "name", "number", "group_id", "group__name", "logo", "guide_id", "is_radio", "adult", "quality", "favourite",
    "created_at",
)  # fmt: skip


class ListedChannel(NamedTuple):
    """A channel as lists show it. `number` is the one to show, with a lineup's word over the channel's; "" without."""

    id: int
    name: str
    number: str
    group_id: int | None
    group: str
    logo: str
    #: What players match a guide on; never empty.
    tvg_id: str
    is_radio: bool
    adult: bool
    quality: str
    favourite: bool
    created_at: datetime
    #: Whole days of archive; 0 = none.
    archive_days: int


def listed(channels: ChannelQuerySet) -> Iterator[ListedChannel]:
    """Rows of these channels in the queryset's order."""
    archives = archive_days()
    columns = list(_COLUMNS)
    if "lineup_number" in channels.query.annotations:
        columns[2] = "lineup_number"
    for row in channels.values_list(*columns).iterator(chunk_size=_CHUNK):
        pk, name, number, group_id, group, logo, guide_id, radio, adult, quality, favourite, created_at = row
        yield ListedChannel(
            pk, name, shown_number(number), group_id, group or "", logo, guide_id or f"{pk}.restreamer", radio, adult,
            quality, favourite, created_at, archives.get(pk, 0),
        )  # fmt: skip


def archive_days() -> dict[int, int]:
    """Channels whose streams have an archive, in days (a part of a day is one). One statement."""
    rows = ChannelStream.objects.filter(
        stream__archive_hours__gt=0, stream__stale_since__isnull=True, stream__portal__enabled=True
    )
    longest = rows.order_by().values("channel_id").annotate(hours=Max("stream__archive_hours"))
    return {channel_id: -(-hours // 24) for channel_id, hours in longest.values_list("channel_id", "hours")}
