"""Events and fillers made from names."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from guide.dummy import broadcasts, items
from guide.models import DummyTemplate, EpgSource, SourceKind
from guide.records import ChannelFacts, GuideRecord
from tests.guide.feeds import NOW, at

PATTERN = r"(?P<title>[^|]+?)\s*\|\s*(?P<time>\d+[:.h]?\d*\s*[apm.]*)\s*(?P<date>.*)"


WINDOW = (at("1 00:00"), at("3 00:00"))


def made(name: str, *, pattern: str = PATTERN, window=WINDOW, **options):
    template = DummyTemplate(name_pattern=pattern, **options)
    match = re.search(pattern, name, re.IGNORECASE)
    found = match.groupdict("") if match else {}
    return list(broadcasts(template, "x", name, found, window, NOW))


def times(rows: list[GuideRecord]) -> list[tuple[str, str, str]]:
    return [(f"{row.start:%-d %H:%M}", f"{row.stop:%-d %H:%M}", row.title) for row in rows]


def test_an_event_stands_between_what_is_next_and_what_has_ended():
    rows = made("Boxing: Fury v Usyk | 20:00", block_minutes=600, event_minutes=240)
    assert (
        times(rows)
        == [
            ("31 14:00", "1 00:00", "Next: Boxing: Fury v Usyk at 20:00"),
            ("1 00:00", "1 10:00", "Next: Boxing: Fury v Usyk at 20:00"),
            ("1 10:00", "1 20:00", "Next: Boxing: Fury v Usyk at 20:00"),
            ("1 20:00", "2 00:00", "Boxing: Fury v Usyk"),
            ("2 00:00", "2 10:00", "Ended: Boxing: Fury v Usyk"),
            ("2 10:00", "2 20:00", "Ended: Boxing: Fury v Usyk"),
            ("2 20:00", "3 00:00", "Ended: Boxing: Fury v Usyk"),
        ][-len(rows) :]
    )
    assert rows[0].start <= at("1 00:00")


@pytest.mark.parametrize(
    ("text", "day_first", "start"),
    [
        ("20:00 02/06", True, "2 20:00"),
        ("20:00 06/02", False, "2 20:00"),
        ("8pm 2 June", True, "2 20:00"),
        ("8.30 PM Jun 2", True, "2 20:30"),
        ("20h15 2026-06-02", True, "2 20:15"),
        ("20:00 02.06.26", True, "2 20:00"),
        ("12am 02/06", True, "2 00:00"),
        ("12:05 pm 02/06", True, "2 12:05"),
        ("20:00", True, "1 20:00"),
        ("20:00 99/99", True, "1 20:00"),
    ],
)
def test_times_and_dates_are_read(text, day_first, start):
    (event,) = [row for row in made(f"E | {text}", day_first=day_first) if row.title == "E"]
    assert event.start == at(start)


def test_a_date_without_a_year_is_the_nearest():
    (event,) = [row for row in made("E | 20:00 31/12", window=(at("1 00:00"), at("2 00:00"))) if row.title == "E"]
    assert event.start.year == 2026 or event.start.year == 2025
    assert abs(event.start - NOW) < timedelta(days=215)


@pytest.mark.parametrize("text", ["25:00", "13pm", "20:75"])
def test_what_is_no_time_makes_blocks_only(text):
    assert {row.title for row in made(f"E | {text}")} == {"E"}


def test_times_stand_in_the_zone_of_the_name_and_are_shown_in_another():
    rows = made("E | 20:00", time_zone="America/New_York", shown_time_zone="Europe/Berlin",
                description_template="From {start} to {stop} on {date}")  # fmt: skip
    event = next(row for row in rows if row.title == "E")
    assert event.start == at("2 00:00")
    assert event.description == "From 02:00 to 05:00 on 2026-06-02"


def test_a_name_without_a_time_gets_blocks_from_midnight():
    rows = made("Radio", pattern="(?P<title>.+)", block_minutes=1440, subtitle_template="{start}-{stop}",
                categories="Music, Live", icon_template="http://h/{title}.png", time_zone="Europe/Berlin")  # fmt: skip
    assert [row.start for row in rows] == [
        at("1 00:00") + timedelta(hours=22 + 24 * n) - timedelta(days=1) for n in range(3)
    ]
    assert (rows[0].subtitle, rows[0].categories, rows[0].icon) == (
        "00:00-00:00",
        ("Music", "Live"),
        "http://h/Radio.png",
    )


def test_a_template_reaches_nothing_but_words():
    rows = made("E", pattern="(?P<title>.+)", description_template="{title.__class__} {nothing} {0} {name}")
    assert rows[0].description == "{title.__class__} E"


def test_groups_of_the_pattern_are_words():
    rows = made("NBA: Lakers vs Bulls", pattern=r"(?P<league>\w+): (?P<home>.+) vs (?P<away>.+)",
                title_template="{home} - {away} ({league})")  # fmt: skip
    assert rows[0].title == "Lakers - Bulls (NBA)"


@pytest.mark.django_db
def test_the_first_template_that_fits_is_used():
    source = EpgSource.objects.create(name="D", kind=SourceKind.DUMMY, days_back=0, days_ahead=1)
    DummyTemplate.objects.create(source=source, position=2, title_template="any")
    DummyTemplate.objects.create(
        source=source, position=1, name_pattern="^PPV (?P<title>.+)", title_template="ppv {title}"
    )
    made_of = list(items(source, [ChannelFacts(1, "PPV one"), ChannelFacts(2, "Two")], NOW))
    assert {row.title for row in made_of if isinstance(row, GuideRecord)} == {"ppv one", "any"}


def test_nonsense_is_refused_at_the_desk():
    with pytest.raises(ValidationError) as caught:
        DummyTemplate(name_pattern="(", time_zone="Mars/Olympus", shown_time_zone="/etc/passwd").clean()
    assert set(caught.value.message_dict) == {"name_pattern", "time_zone", "shown_time_zone"}
