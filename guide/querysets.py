"""Reading broadcasts: what is on now, what is on in a window, all of it page by page.

Every answer costs a constant number of queries for each 10,000 channels. A guide id that several sources know
is answered by the first (by priority) that has anything to say about the time asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast

from guide.records import GuideRef, key_of
from guide.words import holding

if TYPE_CHECKING:
    from guide.models.programme import Programme

#: The importer cuts every broadcast to this, so nothing on at T began earlier than T minus this.
LONGEST_BROADCAST = timedelta(hours=24)
#: Rows of a page: each is a query of its own.
PAGE_ROWS = 2000
#: How far ahead "next" is looked for.
NEXT_WITHIN = timedelta(hours=12)

#: Guide channel's row, begin and end (see moment_of), title, subtitle, description, language, what follows.
XmltvRow = tuple[int, str, str, str, str, str, str, str]
_XMLTV_COLUMNS = ("channel_id", "begins", "ends", "title", "subtitle", "description", "lang", "rest")

Ref = TypeVar("Ref", str, GuideRef)
Value = TypeVar("Value", str, int)
_VALUES_AT_ONCE = 10_000
#: Below this, asking how many there are is no gain.
_MANY_KEYS = 1000
#: A search looks through so much of a guide before it looks if it has found enough.
_SEARCHED_AT_ONCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Showing:
    """A broadcast as a channel shows it: `start` and `stop` have the shifts of source and channel in them."""

    start: datetime
    stop: datetime
    programme: Programme


@dataclass(frozen=True, slots=True)
class NowNext:
    """What is on, and what comes after; either may be unknown."""

    now: Showing | None = None
    next: Showing | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A guide channel that can answer for a reference, with the whole shift to add to its times."""

    channel_pk: int
    shift: timedelta
    first_start: datetime | None
    last_stop: datetime | None
    #: How many broadcasts it has in all.
    broadcasts: int = 0

    def covers(self, start: datetime, stop: datetime) -> bool:
        """May it have something between the two? Asked of the channel's own bounds, so no programme is read."""
        if self.first_start is None or self.last_stop is None:
            return False
        return self.first_start + self.shift < stop and self.last_stop + self.shift > start


def feeds_of(refs: Iterable[Ref]) -> dict[Ref, list[Feed]]:
    """The guide channels that know each reference, best source first. One query for each 10,000 references."""
    keys = {ref: key_of(ref.guide_id if isinstance(ref, GuideRef) else ref) for ref in refs}
    known: dict[str, list[tuple[int, Feed]]] = defaultdict(list)
    for some in _chunks(set(keys.values())):
        for pk, key, source, shift, first, last, kept in _channels(some):
            known[key].append((source, Feed(pk, timedelta(minutes=shift), first, last, kept)))
    return {ref: _shifted(known[key], ref) if key in known else [] for ref, key in keys.items()}


class ProgrammeQuerySet(models.QuerySet["Programme"]):
    """Words about broadcasts. References are guide ids, or GuideRefs where a source or a shift matters."""

    def on_between(self, start: datetime, stop: datetime) -> ProgrammeQuerySet:
        """Any part of it lies between the two, in the guide's own times."""
        return self.filter(start__lt=stop, stop__gt=start, start__gt=start - LONGEST_BROADCAST)

    def window(self, refs: Iterable[Ref], start: datetime, stop: datetime) -> dict[Ref, list[Showing]]:
        """What each reference shows between the two times, in order; an empty list when nobody knows."""
        feeds = feeds_of(refs)
        wanted = [feed for candidates in feeds.values() for feed in candidates if feed.covers(start, stop)]
        if not wanted:
            return {ref: [] for ref in feeds}
        by_channel: dict[int, list[Programme]] = defaultdict(list)
        for pks in _chunks({feed.channel_pk for feed in wanted}):
            rows = self.filter(channel__in=pks).on_between(*_widened(wanted, start, stop))
            for programme in rows.order_by("channel_id", "start"):
                by_channel[programme.channel_id].append(programme)
        return {ref: _first_answer(candidates, by_channel, start, stop) for ref, candidates in feeds.items()}

    def now_and_next(self, refs: Iterable[Ref], now: datetime) -> dict[Ref, NowNext]:
        """What each reference shows at a moment, and what comes after it within twelve hours.

        Three queries: guide channels, times (narrow, so that many rows cost little), the chosen broadcasts.
        """
        feeds = feeds_of(refs)
        horizon = now + NEXT_WITHIN
        wanted = [feed for candidates in feeds.values() for feed in candidates if feed.covers(now, horizon)]
        times: dict[int, list[tuple[datetime, datetime, int]]] = defaultdict(list)
        for pks in _chunks({feed.channel_pk for feed in wanted}):
            rows = self.filter(channel__in=pks).on_between(*_widened(wanted, now, horizon))
            rows = rows.order_by("channel_id", "start")
            for channel_pk, start, stop, pk in rows.values_list("channel_id", "start", "stop", "pk"):
                times[channel_pk].append((start, stop, pk))
        chosen = {ref: _now_next_pks(candidates, times, now) for ref, candidates in feeds.items()}
        programmes: dict[int, Programme] = {}
        for found in _chunks({pk for _, pks in chosen.values() for pk in pks if pk is not None}):
            programmes |= self.in_bulk(found)
        return {ref: _now_next(shift, pks, programmes) for ref, (shift, pks) in chosen.items()}

    def search(
        self, refs: Iterable[Ref], words: list[str], start: datetime, stop: datetime, limit: int
    ) -> list[tuple[Ref, Showing]]:
        """The first `limit` broadcasts between the two times whose texts hold all the words, the soonest first.

        Found by the database, a day at a time until there are enough: what comes soon is what people look for.
        """
        asked = self._answering(feeds_of(refs), start, stop) if words else {}
        found: list[tuple[Ref, Showing]] = []
        begin, on_already = start, True
        while asked and begin < stop and len(found) < limit:
            end = min(begin + _SEARCHED_AT_ONCE, stop)
            found += self._search_in(asked, words, begin, end, limit, on_already=on_already)
            begin, on_already = end, False
        return found[:limit]

    def _search_in(
        self,
        asked: dict[timedelta, dict[int, list[Ref]]],
        words: list[str],
        start: datetime,
        stop: datetime,
        limit: int,
        *,
        on_already: bool,
    ) -> list[tuple[Ref, Showing]]:
        found: list[tuple[Ref, Showing]] = []
        for shift, by_channel in asked.items():
            for pks in _chunks(by_channel):
                own_start, own_stop = start - shift, stop - shift
                rows = self.filter(channel__in=pks)
                rows = (
                    rows.on_between(own_start, own_stop)
                    if on_already
                    else rows.filter(start__gte=own_start, start__lt=own_stop)
                )
                rows = rows.filter(holding(words, "title", "subtitle", "description")).order_by("start", "pk")
                for row in rows[:limit]:
                    showing = Showing(row.start + shift, row.stop + shift, row)
                    found.extend((ref, showing) for ref in by_channel[row.channel_id])
        return sorted(found, key=lambda one: one[1].start)

    def _answering(
        self, feeds: dict[Ref, list[Feed]], start: datetime, stop: datetime
    ) -> dict[timedelta, dict[int, list[Ref]]]:
        """By shift, the guide channels that answer for these references in that time: as `window`, the first that has
        anything then."""
        able = {ref: [one for one in some if one.covers(start, stop)] for ref, some in feeds.items()}
        doubtful = {one.channel_pk: one.shift for some in able.values() if len(some) > 1 for one in some}
        shifts = doubtful.values() or (timedelta(),)
        inside = self.model._default_manager.filter(channel=OuterRef("pk")).on_between(
            start - max(shifts), stop - min(shifts)
        )
        telling: set[int] = set()
        guide_channels = apps.get_model("guide", "GuideChannel")._default_manager
        for pks in _chunks(doubtful):
            telling.update(guide_channels.filter(Exists(inside), pk__in=pks).values_list("pk", flat=True))
        answering: dict[timedelta, dict[int, list[Ref]]] = defaultdict(lambda: defaultdict(list))
        for ref, some in able.items():
            chosen = next((one for one in some if len(some) == 1 or one.channel_pk in telling), None)
            if chosen is not None:
                answering[chosen.shift][chosen.channel_pk].append(ref)
        return answering

    def pages(self, channel_pks: Sequence[int], start: datetime, stop: datetime) -> Iterator[list[Programme]]:
        """Everything these guide channels have between the two times, by (channel, start), a page at a time.

        Each page is a query of its own that begins behind the last row seen, so that nothing is held open in the
        database while a slow reader takes its time.
        """
        rows = self.filter(channel__in=list(channel_pks)).on_between(start, stop).order_by("channel_id", "start")
        page = list(rows[:PAGE_ROWS])
        while page:
            yield page
            if len(page) < PAGE_ROWS:
                return
            last = page[-1]
            behind = Q(channel_id=last.channel_id, start__gt=last.start) | Q(channel_id__gt=last.channel_id)
            page = list(rows.filter(behind, channel_id__gte=last.channel_id)[:PAGE_ROWS])

    def xmltv_pages(self, channel_pks: Sequence[int], start: datetime, stop: datetime) -> Iterator[list[XmltvRow]]:
        """The same as plain tuples with times as the database writes them: half a million of them pass in seconds."""
        rows = self.filter(channel__in=list(channel_pks)).on_between(start, stop).order_by("channel_id", "start")
        tuples = rows.annotate(begins=Cast("start", TextField()), ends=Cast("stop", TextField())).values_list(
            *_XMLTV_COLUMNS
        )
        page: list[XmltvRow] = list(tuples[:PAGE_ROWS])
        while page:
            yield page
            if len(page) < PAGE_ROWS:
                return
            channel_pk, begins = page[-1][0], moment_of(page[-1][1])
            behind = Q(channel_id=channel_pk, start__gt=begins) | Q(channel_id__gt=channel_pk)
            page = list(tuples.filter(behind, channel_id__gte=channel_pk)[:PAGE_ROWS])


def moment_of(stored: str) -> datetime:
    """A time from the text of an XmltvRow."""
    moment = datetime.fromisoformat(stored)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _chunks(values: Iterable[Value]) -> Iterator[list[Value]]:
    """Ten thousand at a time: databases bound the number of values in a statement."""
    listed = list(values)
    for at in range(0, len(listed), _VALUES_AT_ONCE):
        yield listed[at : at + _VALUES_AT_ONCE]


def _channels(keys: list[str]) -> Iterable[tuple[int, str, int, int, datetime | None, datetime | None, int]]:
    channels = apps.get_model("guide", "GuideChannel")._default_manager.readable()
    # Naming a key costs more than reading a row: where more is asked for than there is, all of it is read.
    if len(keys) < _MANY_KEYS or channels.count() > len(keys):
        channels = channels.filter(key__in=keys)
    return channels.order_by("source__priority", "source_id").values_list(
        "pk", "key", "source_id", "source__shift_minutes", "first_start", "last_stop", "programmes_kept"
    )


def _shifted(known: list[tuple[int, Feed]], ref: str | GuideRef) -> list[Feed]:
    if isinstance(ref, str):
        return [feed for _, feed in known]
    own = timedelta(minutes=ref.shift_minutes)
    return [
        replace(feed, shift=feed.shift + own)
        for source, feed in known
        if ref.source_id is None or ref.source_id == source
    ]


def _widened(feeds: list[Feed], start: datetime, stop: datetime) -> tuple[datetime, datetime]:
    """The window in the guides' own times, wide enough for every shift."""
    shifts = [feed.shift for feed in feeds]
    return start - max(shifts), stop - min(shifts)


def _first_answer(
    candidates: list[Feed], by_channel: Mapping[int, list[Programme]], start: datetime, stop: datetime
) -> list[Showing]:
    for feed in candidates:
        showings = [
            Showing(programme.start + feed.shift, programme.stop + feed.shift, programme)
            for programme in by_channel.get(feed.channel_pk, ())
            if programme.start + feed.shift < stop and programme.stop + feed.shift > start
        ]
        if showings:
            return showings
    return []


def _now_next_pks(
    candidates: list[Feed], times: Mapping[int, list[tuple[datetime, datetime, int]]], now: datetime
) -> tuple[timedelta, tuple[int | None, int | None]]:
    for feed in candidates:
        moment = now - feed.shift
        known = times.get(feed.channel_pk, ())
        on_now = next((pk for start, stop, pk in known if start <= moment < stop), None)
        after = next((pk for start, _, pk in known if start > moment), None)
        if on_now is not None or after is not None:
            return feed.shift, (on_now, after)
    return timedelta(), (None, None)


def _now_next(shift: timedelta, pks: tuple[int | None, int | None], programmes: Mapping[int, Programme]) -> NowNext:
    # A programme may have gone with its generation since its time was read; unknown is the right word for it then.
    shown = [programmes.get(pk) if pk is not None else None for pk in pks]
    on_now, after = (Showing(p.start + shift, p.stop + shift, p) if p is not None else None for p in shown)
    return NowNext(on_now, after)
