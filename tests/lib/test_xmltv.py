"""XMLTV's times and texts."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restreamer.lib import xmltv


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20260101200000 +0000", utc(2026, 1, 1, 20)),
        ("20260101200000 +0100", utc(2026, 1, 1, 19)),
        ("20260101200000 +01:00", utc(2026, 1, 1, 19)),
        ("20260101200000+0100", utc(2026, 1, 1, 19)),
        ("20260101200000 -0330", utc(2026, 1, 1, 23, 30)),
        ("20260101200000 +1", utc(2026, 1, 1, 19)),
        ("20260101200000 GMT+2", utc(2026, 1, 1, 18)),
        ("20260101200000 Z", utc(2026, 1, 1, 20)),
        ("20260101200000Z", utc(2026, 1, 1, 20)),
        ("20260101200000 UTC", utc(2026, 1, 1, 20)),
        ("20260601200000 BST", utc(2026, 6, 1, 19)),
        ("20260601200000 CEST", utc(2026, 6, 1, 18)),
        ("20260601200000 cest", utc(2026, 6, 1, 18)),
        ("20260101200000 EST", utc(2026, 1, 2, 1)),
        ("20260101200000", utc(2026, 1, 1, 20)),
        ("202601012030", utc(2026, 1, 1, 20, 30)),
        ("2026010120", utc(2026, 1, 1, 20)),
        ("20260101", utc(2026, 1, 1)),
        ("20260101 +0100", utc(2025, 12, 31, 23)),
        ("  20260101200000   +0000 ", utc(2026, 1, 1, 20)),
        ("20260101240000 +0000", utc(2026, 1, 2)),
        ("20260101200060 +0000", utc(2026, 1, 1, 20, 1)),
        ("20260101200000 +9900", utc(2026, 1, 1, 20)),
        ("20260101200000 NOWHERE", utc(2026, 1, 1, 20)),
        ("20260101200000.123 +0100", utc(2026, 1, 1, 19)),
        ("20240229120000 +0000", utc(2024, 2, 29, 12)),
    ],
)
def test_a_time_is_read(text, moment):
    assert xmltv.parse_time(text) == moment


@pytest.mark.parametrize(
    "text",
    ["", "1", "now", "2026", "202601", "20261301000000", "20260230000000", "20260101250000", "20260101006100",
     "00010101000000", "99991231235959", "２０２６0101", "-20260101", "2026-01-01T20:00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(xmltv.BadTime):
        xmltv.parse_time(text)


def test_a_time_without_a_zone_is_in_the_zone_of_its_source():
    assert xmltv.parse_time("20260701200000", ZoneInfo("Europe/Berlin")) == utc(2026, 7, 1, 18)
    assert xmltv.parse_time("20260101200000", ZoneInfo("Europe/Berlin")) == utc(2026, 1, 1, 19)
    assert xmltv.parse_time("20260101200000 +0000", ZoneInfo("Europe/Berlin")) == utc(2026, 1, 1, 20)


def test_the_day_clocks_change_is_read_by_the_wall_clock():
    berlin = ZoneInfo("Europe/Berlin")
    assert xmltv.parse_time("20260329033000", berlin) == utc(2026, 3, 29, 1, 30)
    assert xmltv.parse_time("20261025033000", berlin) == utc(2026, 10, 25, 2, 30)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text):
    with contextlib.suppress(xmltv.BadTime):
        assert xmltv.parse_time(text).tzinfo is UTC


@given(st.integers(86_400, 7_226_000_000))
def test_a_written_time_is_read_back(unix_s):
    moment = datetime.fromtimestamp(unix_s, UTC)
    assert xmltv.parse_time(xmltv.format_time(moment)) == moment


def test_times_are_written_in_utc():
    moment = datetime(2026, 7, 1, 20, tzinfo=ZoneInfo("Europe/Berlin"))
    assert xmltv.format_time(moment) == "20260701180000 +0000"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("caf&eacute;", "café"),
        ("a  b\n c", "a b c"),
        ("<b>News</b>", "News"),
        ("one<br/>two", "one two"),
        ("I <3 you", "I <3 you"),
        ("Q&A", "Q&A"),
        ("<Live> from Rome", "<Live> from Rome"),
        ("bell\x07", "bell"),
        ("non\xa0breaking", "non breaking"),
        ("   ", ""),
    ],
)
def test_titles_become_plain_text_on_one_line(text, plain):
    assert xmltv.one_line(text) == plain


def test_descriptions_keep_their_paragraphs():
    assert xmltv.paragraphs("one  <br>two\r\n\r\n three<p>four</p>") == "one\ntwo\nthreefour"
