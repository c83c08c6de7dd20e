"""Starts and durations as players write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from streaming.catchup import StartUnreadable, minutes_between, minutes_of, start_of

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 1, 31, 19, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31:20-15",
        "2026-01-31:20-15-00",
        "2026-01-31:20:15",
        "2026-01-31:20:15:00",
        "2026-01-31_20-15",
        "2026-01-31_20-15-00",
        "2026-01-31 20:15",
        "2026-01-31 20:15:00",
        "2026-01-31+20:15:00",
        "2026-01-31T20:15",
        "2026-01-31T20:15:00",
        "2026-01-31T19:15:00Z",
        "2026-01-31T20:15:00+01:00",
        "2026-01-31T20:15:00 01:00",
        "2026-01-31T20:15:00.000+0100",
        "20260131T191500Z",
        "20260131-2015",
        f"{int(AT.timestamp())}",
        f"{int(AT.timestamp())}.0",
        f"{int(AT.timestamp()) * 1000}",
        "  2026-01-31:20-15 ",
    ],
)
def test_every_form_of_a_start_is_the_same_moment(text: str) -> None:
    assert start_of(text, BERLIN) == AT


def test_a_start_may_name_the_hour_alone() -> None:
    assert start_of("20260131-20", BERLIN) == AT.replace(minute=0)


def test_summer_time_is_that_of_the_day_asked_for() -> None:
    assert start_of("2026-07-31:20-15", BERLIN) == datetime(2026, 7, 31, 18, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "0",
        "12",
        "2026-13-01:00-00",
        "2026-01-31",
        "2026-01-31:25-00",
        "99999999999999999",
        "2026-01-31:20",
        "9999999999",
        "1999-12-31:23-59",
        "２０２６-01-31:20-15",
        "2026-01-31T20:15:00+99:00",
        "{utc}",
        "\0",
    ],
)
def test_what_is_no_time_is_refused_in_words(text: str) -> None:
    with pytest.raises(StartUnreadable):
        start_of(text, UTC)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("1", 1),
        ("1440", 1440),
        ("1441", 25),
        ("5400", 90),
        ("7200", 120),
        ("86400", 1440),
        ("999999999", 1440),
        ("90.5", 91),
        (" 60 ", 60),
        ("", None),
        ("0", None),
        ("-5", None),
        ("abc", None),
        ("{duration}", None),
        ("٩٠", None),
    ],
)
def test_a_duration_is_minutes_unless_it_can_only_be_seconds(text: str, minutes: int | None) -> None:
    assert minutes_of(text) == minutes


def test_a_duration_between_two_times() -> None:
    assert minutes_between(AT, AT.replace(minute=44, second=1)) == 30
    assert minutes_between(AT, AT) is None
    assert minutes_between(AT, AT.replace(year=2027)) == 1440
