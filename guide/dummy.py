"""A guide made from channel names: `Boxing: Fury v Usyk | 20:00 03/07` becomes an event with fillers around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from guide.models import DummyTemplate, EpgSource
from guide.records import ChannelFacts, GuideChannelRecord, GuideRecord
from restreamer.lib.time_zones import zone_named
from restreamer.lib.xmltv import one_line, paragraphs

_PLACE = re.compile(r"\{(\w+)\}")
_CLOCK = re.compile(r"(\d{1,2})(?:\s?[:.h]\s?(\d{2}))?\s*([ap])?\.?m?\.?\Z", re.IGNORECASE)
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\Z")
_DATE = re.compile(r"(\d{1,2})[./ -](\d{1,2}|[^\W\d]{3,9})(?:[./ -](\d{2,4}))?\Z")
_US_DATE = re.compile(r"([^\W\d]{3,9})[. ]+(\d{1,2})(?:st|nd|rd|th)?(?:[, ]+(\d{4}))?\Z")
_MONTH_NAMES = (
    "jan", "feb|fev|fév", "mar|mär|mrz", "apr|abr|avr", "may|mai|mei|mag", "jun|giu|juin", "jul|lug|juil",
    "aug|ago|aoû", "sep|set", "oct|okt|ott|out", "nov", "dec|dez|dic|déc",
)  # fmt: skip
_MONTHS = {name: at + 1 for at, names in enumerate(_MONTH_NAMES) for name in names.split("|")}
#: An event whose date names no year is the nearest one.
_HALF_A_YEAR = timedelta(days=183)
_LONGEST_NAME = 500


@dataclass(frozen=True, slots=True)
class _Event:
    title: str
    start: datetime
    stop: datetime


def items(
    source: EpgSource, channels: Iterable[ChannelFacts], now: datetime
) -> Iterator[GuideChannelRecord | GuideRecord]:
    """A guide for every channel whose name fits one of the source's templates; the first that fits is used."""
    templates = [(template, re.compile(template.name_pattern, re.IGNORECASE)) for template in source.templates.all()]
    for channel in channels:
        for template, pattern in templates:
            match = pattern.search(channel.name[:_LONGEST_NAME])
            if match is not None:
                guide_id = dummy_guide_id(source.pk, channel.id)
                yield GuideChannelRecord(guide_id, (channel.name,))
                yield from broadcasts(template, guide_id, channel.name, match.groupdict(""), source.window(now), now)
                break


def dummy_guide_id(source_id: int, channel_id: int) -> str:
    """The guide id of one of our channels in a dummy source."""
    return f"{channel_id}.dummy{source_id}.restreamer"


def broadcasts(
    template: DummyTemplate,
    guide_id: str,
    name: str,
    found: dict[str, str],
    window: tuple[datetime, datetime],
    now: datetime,
) -> Iterator[GuideRecord]:
    """Fillers over the whole window, and the event where the name tells its time."""
    zone = zone_named(template.time_zone)
    shown_zone = zone_named(template.shown_time_zone) if template.shown_time_zone else zone
    title = one_line(found.get("title", "") or name)
    event = _event(template, found, title, zone, now)
    words = {"name": one_line(name), "title": title, **{key: one_line(text) for key, text in found.items()}}
    if event is not None:
        words |= _clock_words(event, shown_zone)
    for start, stop, pattern in _schedule(template, event, window, zone):
        block = words if event is not None else words | _clock_words(_Event(title, start, stop), shown_zone)
        filled = {key: _filled(text, block) for key, text in _texts(template, pattern).items()}
        yield GuideRecord(
            guide_id,
            start,
            stop,
            one_line(filled["title"]) or title,
            subtitle=one_line(filled["subtitle"]),
            description=paragraphs(filled["description"]),
            categories=tuple(part.strip() for part in template.categories.split(",") if part.strip()),
            icon=_filled(template.icon_template, block),
        )


def _texts(template: DummyTemplate, title_pattern: str) -> dict[str, str]:
    return {
        "title": title_pattern,
        "subtitle": template.subtitle_template,
        "description": template.description_template,
    }


def _filled(text: str, words: dict[str, str]) -> str:
    """The template with its places filled; only names of words count, so a template cannot reach anything else."""
    return _PLACE.sub(lambda match: words.get(match[1], ""), text)


def _clock_words(event: _Event, zone: tzinfo) -> dict[str, str]:
    start, stop = event.start.astimezone(zone), event.stop.astimezone(zone)
    return {"start": f"{start:%H:%M}", "stop": f"{stop:%H:%M}", "date": f"{start:%Y-%m-%d}"}


def _schedule(
    template: DummyTemplate, event: _Event | None, window: tuple[datetime, datetime], zone: tzinfo
) -> Iterator[tuple[datetime, datetime, str]]:
    """Times and title template of each broadcast: blocks before, the event, blocks after; or blocks only."""
    begin, end = window
    length = timedelta(minutes=template.block_minutes)
    if event is None:
        midnight = datetime.combine(begin.astimezone(zone).date(), time(), zone)
        yield from _blocks(midnight, end, length, template.title_template)
        return
    # Counted back from the event, so that the last block ends where it begins.
    blocks_before = max(0, -((begin - event.start) // length))
    yield from _blocks(event.start - blocks_before * length, event.start, length, template.before_template)
    yield event.start, event.stop, template.title_template
    yield from _blocks(event.stop, end, length, template.after_template)


def _blocks(
    start: datetime, end: datetime, length: timedelta, pattern: str
) -> Iterator[tuple[datetime, datetime, str]]:
    while start < end:
        yield start, min(start + length, end), pattern
        start += length


def _event(template: DummyTemplate, found: dict[str, str], title: str, zone: tzinfo, now: datetime) -> _Event | None:
    clock = _clock_of(found.get("time", ""))
    if clock is None:
        return None
    day = _day_of(found.get("date", ""), now.astimezone(zone).date(), day_first=template.day_first)
    start = datetime.combine(day, clock, zone)
    return _Event(title, start, start + timedelta(minutes=template.event_minutes))


def _clock_of(text: str) -> time | None:
    """`20:00`, `8pm`, `8.30 PM`, `20h15`; None when it is none."""
    match = _CLOCK.match(text.strip())
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3].lower() == "p" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _day_of(text: str, today: date, *, day_first: bool) -> date:
    """`03/07`, `3 July`, `Jul 3`, `2026-07-03`; today when it is none. Without a year the nearest such day is meant."""
    text = text.strip()
    iso = _ISO_DATE.match(text)
    if iso:
        return _nearest(int(iso[3]), int(iso[2]), iso[1], today)
    english = _US_DATE.match(text)
    if english:
        return _nearest(int(english[2]), _month(english[1]), english[3], today)
    match = _DATE.match(text)
    if match is None:
        return today
    if not match[2].isdigit():
        return _nearest(int(match[1]), _month(match[2]), match[3], today)
    day, month = (int(match[1]), int(match[2])) if day_first else (int(match[2]), int(match[1]))
    return _nearest(day, month, match[3], today)


def _month(name: str) -> int:
    folded = name.lower()
    return next((number for short, number in _MONTHS.items() if folded.startswith(short)), 0)


def _nearest(day: int, month: int, year: str | None, today: date) -> date:
    if year:
        years = [int(year) + (2000 if len(year) == 2 else 0)]
    else:
        years = [today.year, today.year - 1, today.year + 1]
    days = [found for found in (_date(each, month, day) for each in years) if found is not None]
    return min(days, key=lambda found: abs(found - today), default=today)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
