"""For outputs: channels as flat rows, straight from the database, in two statements however many there are.

Model instances would cost several times as much at a hundred thousand channels.

    for row in listed(sight.channels(lineup)): …
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import F, Field, FloatField, Func, Max
from django.db.models.functions import Cast

from channels.models import ChannelStream
from channels.numbers import shown_number
from channels.querysets import ChannelQuerySet

_CHUNK = 5000


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
    #: When it was made, unix s.
    added: int
    #: Whole days of archive; 0 = none.
    archive_days: int


def listed(channels: ChannelQuerySet) -> Iterator[ListedChannel]:
    """Rows of these channels in the queryset's order."""
    archives = archive_days()
    number = F("lineup_number" if "lineup_number" in channels.query.annotations else "number")
    rows = channels.values_list(
        "pk", "name", _Plain(Cast(number, FloatField())), "group_id", "group__name", "logo", "guide_id",
        _Plain("is_radio"), _Plain("adult"), "quality", _Plain("favourite"), _Epoch("created_at"),
    )  # fmt: skip
    for row in rows.iterator(chunk_size=_CHUNK):
        pk, name, shown, group_id, group, logo, guide_id, radio, adult, quality, favourite, added = row
        yield ListedChannel(
            pk, name, shown_number(shown), group_id, group or "", logo, guide_id or f"{pk}.restreamer", bool(radio),
            bool(adult), quality, bool(favourite), added, archives.get(pk, 0),
        )  # fmt: skip


def listed_among(channels: ChannelQuerySet, some: ChannelQuerySet) -> Iterator[ListedChannel]:
    """Rows of `some`, chosen out of `channels`, under the numbers they have among all of them.

    A lineup that counts from its first number counts what was filtered; a search must not change a number.
    """
    number = channels.query.annotations.get("lineup_number")
    if not getattr(number, "contains_over_clause", False):
        yield from listed(some)
        return
    numbers = dict(channels.order_by().values_list("pk", F("lineup_number")))
    for row in listed(some):
        yield row._replace(number=shown_number(numbers.get(row.id)))


def archive_days() -> dict[int, int]:
    """Channels whose streams have an archive, in days (a part of a day is one). One statement."""
    rows = ChannelStream.objects.filter(
        stream__archive_hours__gt=0, stream__stale_since__isnull=True, stream__portal__enabled=True
    )
    longest = rows.order_by().values("channel_id").annotate(hours=Max("stream__archive_hours"))
    return {channel_id: -(-hours // 24) for channel_id, hours in longest.values_list("channel_id", "hours")}


#: Without strftime: its percent sign would be taken for a parameter.
_SQLITE_EPOCH = "CAST(ROUND((julianday(%(expressions)s) - 2440587.5) * 86400) AS INTEGER)"


class _Plain(Func):
    """A value as the driver gives it: what Django makes of each by hand costs as much as reading it."""

    template = "%(expressions)s"
    output_field: Field[Any, Any] = Field()


class _Epoch(_Plain):
    """A time as unix seconds, made by the database."""

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template=_SQLITE_EPOCH, **more)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(EXTRACT(EPOCH FROM %(expressions)s) AS BIGINT)", **more)
