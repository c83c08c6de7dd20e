"""The guide as a grid: channels down, time across in slots of five minutes. A page of channels, a window of time.

A broadcast fills whole slots, so that a row is a row of table cells whose spans always add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from django.db.models import Max, Min

from channels.listing import ListedChannel, listed_among
from guide.matchmaking import refs_of
from guide.models import GuideChannel, Programme
from guide.querysets import Showing
from guide.records import GuideRef
from guide.words import words_of
from streaming.visible import Sight

SLOT = timedelta(minutes=5)
#: What one page shows, and how its head is divided.
WINDOW, STEP = timedelta(hours=3), timedelta(minutes=30)
SLOTS, SLOTS_A_STEP = WINDOW // SLOT, STEP // SLOT
#: How far from now anybody may look.
FARTHEST = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Cell:
    """A broadcast over `span` slots, or a gap where nobody knows what is on."""

    span: int
    showing: Showing | None = None
    #: Is it on, over, or does it come?
    when: str = ""
    #: May it be played from the archive?
    archived: bool = False

    @property
    def epoch(self) -> int:
        """When it begins, as addresses name it."""
        return int(self.showing.start.timestamp()) if self.showing else 0


@dataclass(frozen=True, slots=True)
class Row:
    """A channel and what it shows in the window; no cells when no guide tells anything."""

    channel: ListedChannel
    logo: str
    cells: list[Cell] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """A broadcast that a search found, on one of its channels."""

    channel: ListedChannel
    showing: Showing
    when: str
    archived: bool

    @property
    def epoch(self) -> int:
        """When it begins, as addresses name it."""
        return int(self.showing.start.timestamp())


def beginning(asked: str, now: datetime) -> datetime:
    """Where the window begins: at the full or half hour before the moment asked for in epoch seconds, else before now.

    Held to within FARTHEST of now.
    """
    try:
        moment = datetime.fromtimestamp(int(asked), UTC)
    except (ValueError, OverflowError, OSError):
        moment = now
    moment = min(max(moment, now - FARTHEST), now + FARTHEST)
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(STEP.total_seconds()), UTC)


def bounds() -> tuple[datetime, datetime] | None:
    """From when to when any guide tells something; None when there is no guide. One statement."""
    told = GuideChannel.objects.readable().aggregate(first=Min("first_start"), last=Max("last_stop"))
    return (told["first"], told["last"]) if told["first"] and told["last"] else None


def days(start: datetime, now: datetime, zone: tzinfo, told: tuple[datetime, datetime]) -> list[tuple[int, str]]:
    """The days one may jump to: the same time of day as `start` on each day a guide tells of, in epoch seconds, and
    its name."""
    here, today = start.astimezone(zone), now.astimezone(zone).date()
    names = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}
    found = []
    for away in range(-FARTHEST.days + 1, FARTHEST.days):
        day = today + timedelta(days=away)
        moment = here.replace(year=day.year, month=day.month, day=day.day)
        if told[0].astimezone(zone).date() <= day <= told[1].astimezone(zone).date() or day == here.date():
            found.append((int(moment.timestamp()), names.get(away) or f"{day:%a} {day.day} {day:%b}"))
    return found


def grid(channels: Sequence[tuple[ListedChannel, str]], start: datetime, now: datetime) -> list[Row]:
    """The rows of these channels, each with its logo's address. A fixed number of statements."""
    refs = refs_of(channel.id for channel, _ in channels)
    shows = Programme.objects.window(refs.values(), start, start + WINDOW)
    rows = []
    for channel, logo in channels:
        known = shows[refs[channel.id]] if channel.id in refs else []
        rows.append(Row(channel, logo, cells_of(known, start, now, channel.archive_days) if known else []))
    return rows


def cells_of(shows: Sequence[Showing], start: datetime, now: datetime, archive_days: int) -> list[Cell]:
    """What is shown from `start` on, as cells that fill the window exactly.

    What is shorter than a slot gets one; what a guide tells twice for the same time begins behind the first.
    """
    cells: list[Cell] = []
    at = 0
    for showing in shows:
        begin, end = max(min(_slot(showing.start, start), SLOTS - 1), at), _slot(showing.stop, start)
        if begin >= SLOTS or showing.stop <= start or showing.start >= start + WINDOW:
            continue
        end = min(max(end, begin + 1), SLOTS)
        if begin > at:
            cells.append(Cell(begin - at))
        cells.append(Cell(end - begin, showing, when(showing, now), archived(showing, now, archive_days * 24)))
        at = end
    if at < SLOTS:
        cells.append(Cell(SLOTS - at))
    return cells


def when(showing: Showing, now: datetime) -> str:
    """Is it over, on, or does it come?"""
    return "over" if showing.stop <= now else "on" if showing.start <= now else "later"


def archived(showing: Showing, now: datetime, archive_hours: int) -> bool:
    """Has it begun, so long ago at most that the archive still has its beginning?"""
    return now - timedelta(hours=archive_hours) <= showing.start <= now - timedelta(minutes=1)


def on_at(channel_id: int, start: datetime) -> Showing | None:
    """The broadcast that begins on the channel at this very moment."""
    ref = refs_of([channel_id]).get(channel_id)
    if ref is None:
        return None
    shows = Programme.objects.window([ref], start, start + timedelta(seconds=1))[ref]
    return next((one for one in shows if one.start == start), None)


def search(
    sight: Sight, text: str, start: datetime, stop: datetime, group_id: int | None, limit: int, now: datetime
) -> list[Found]:
    """Broadcasts between the two times on the viewer's channels whose texts hold all the words, the soonest first."""
    everything = sight.channels()
    channels = everything if group_id is None else everything.filter(group=group_id)
    named: dict[GuideRef, list[int]] = {}
    for pk, ref in refs_of(channels.values_list("pk", flat=True)).items():
        named.setdefault(ref, []).append(pk)
    hits = Programme.objects.search(named, words_of(text), start, stop, limit)
    pairs = [(pk, showing) for ref, showing in hits for pk in named[ref]][:limit]
    chosen = everything.filter(pk__in={pk for pk, _ in pairs})
    known = {row.id: row for row in listed_among(everything, chosen)}
    return [
        Found(known[pk], one, when(one, now), archived(one, now, known[pk].archive_days * 24))
        for pk, one in pairs
        if pk in known
    ]


def _slot(moment: datetime, start: datetime) -> int:
    return round((moment - start) / SLOT)
