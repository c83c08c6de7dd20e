"""Puts the broadcasts of one channel right after they came unsorted: no overlaps, no missing ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from guide.models import Programme
from guide.querysets import LONGEST_BROADCAST

_PAGE_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Tidied:
    """What the channel has now."""

    kept: int
    last_stop: datetime | None


def put_in_order(channel_pk: int, *, open_end: timedelta) -> Tidied:
    """Cut each broadcast at the next one's start; one with `stop == start` gets its end there, or `open_end` later."""
    kept = 0
    changed: list[Programme] = []
    before: Programme | None = None
    for programme in _in_order(channel_pk):
        if before is not None:
            _settle(before, programme.start, open_end, changed)
        before = programme
        kept += 1
        if len(changed) >= _PAGE_ROWS:
            Programme.objects.bulk_update(changed, ["stop"], batch_size=500)
            changed.clear()
    if before is not None:
        _settle(before, None, open_end, changed)
    Programme.objects.bulk_update(changed, ["stop"], batch_size=500)
    return Tidied(kept, before.stop if before is not None else None)


def _settle(programme: Programme, next_start: datetime | None, open_end: timedelta, changed: list[Programme]) -> None:
    stop = programme.stop
    if stop == programme.start:
        stop = (
            programme.start + open_end if next_start is None else min(next_start, programme.start + LONGEST_BROADCAST)
        )
    elif next_start is not None and next_start < stop:
        stop = next_start
    if stop != programme.stop:
        programme.stop = stop
        changed.append(programme)


def _in_order(channel_pk: int) -> Iterator[Programme]:
    rows = Programme.objects.filter(channel=channel_pk).only("pk", "start", "stop").order_by("start")
    page = list(rows[:_PAGE_ROWS])
    while page:
        yield from page
        page = list(rows.filter(start__gt=page[-1].start)[:_PAGE_ROWS])
