"""Catch-up of playlist entries: every mode and placeholder of the reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portals import errors
from portals.providers.m3u.catchup import Catchup, Moment, archive_url, corrected, offered

START = datetime(2026, 1, 1, 20, 5, 9, tzinfo=UTC)
MOMENT = Moment(START, START + timedelta(minutes=90), START + timedelta(hours=10), ZoneInfo("Europe/Berlin"), "prog7")
UTC_S, END_S, NOW_S = "1767297909", "1767303309", "1767333909"


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{utc}/${start}", f"{UTC_S}/{UTC_S}"),
        ("{utcend}/${end}", f"{END_S}/{END_S}"),
        ("{lutc}/${now}/${timestamp}", f"{NOW_S}/{NOW_S}/{NOW_S}"),
        ("{duration}/${duration}/{duration:60}", "5400/5400/90"),
        ("{offset:1}/${offset}/{offset:60}", "36000/36000/600"),
        ("{Y}-{m}-{d}:{H}-{M}-{S}", "2026-01-01:21-05-09"),
        ("{utc:YmdHMS}", "20260101210509"),
        ("${start:Y-m-d:H-M}", "2026-01-01:21-05"),
        ("${end:H-M}/{lutc:H-M}", "22-35/07-05"),
        ("{catchup-id}", "prog7"),
        ("{unknown}/{}", "{unknown}/{}"),
        ("{duration:0}", "5400"),
    ],
)
def test_a_placeholder(template, filled):
    assert archive_url("http://h/1.ts", "default", f"http://a/{template}", MOMENT) == f"http://a/{filled}"


@pytest.mark.parametrize(
    ("url", "mode", "source", "address"),
    [
        ("http://h/1.ts", "append", "?utc={utc}", f"http://h/1.ts?utc={UTC_S}"),
        ("http://h/1.ts?a=b", "append", "?utc={utc}", f"http://h/1.ts?a=b&utc={UTC_S}"),
        ("http://h/1.ts", "append", "&utc={utc}", f"http://h/1.ts?utc={UTC_S}"),
        ("http://h/1", "append", "/{utc}.ts", f"http://h/1/{UTC_S}.ts"),
        ("http://h/1.ts", "default", "?utc={utc}", f"http://h/1.ts?utc={UTC_S}"),
        ("http://h/1.ts", "shift", "", f"http://h/1.ts?utc={UTC_S}&lutc={NOW_S}"),
        ("http://h/1.ts?a=b", "shift", "", f"http://h/1.ts?a=b&utc={UTC_S}&lutc={NOW_S}"),
        ("http://h/ch/mpegts", "flussonic", "", f"http://h/ch/timeshift_abs-{UTC_S}.ts"),
        ("http://h/ch/mpegts?token=x", "fs", "", f"http://h/ch/timeshift_abs-{UTC_S}.ts?token=x"),
        ("http://h/ch/index.m3u8", "flussonic", "", "http://h/ch/timeshift_rel-36000.m3u8"),
        ("http://h/a/ch/index.m3u8?token=x", "flussonic-hls", "", "http://h/a/ch/timeshift_rel-36000.m3u8?token=x"),
        ("http://h/ch/mono.m3u8", "flussonic", "", "http://h/ch/mono-timeshift_rel-36000.m3u8"),
        ("http://h/ch", "flussonic-ts", "", f"http://h/ch/timeshift_abs-{UTC_S}.ts"),
        ("http://h:80/live/u/p/7.ts", "xc", "", "http://h:80/timeshift/u/p/90/2026-01-01:21-05/7.ts"),
        ("http://h/u/p/7", "xc", "", "http://h/timeshift/u/p/90/2026-01-01:21-05/7.ts"),
        ("http://h/live/u/p/7.m3u8", "xc", "", "http://h/timeshift/u/p/90/2026-01-01:21-05/7.m3u8"),
        ("http://h/1", "vod", "http://a/{catchup-id}", "http://a/prog7"),
    ],
)
def test_a_mode(url, mode, source, address):
    assert archive_url(url, mode, source, MOMENT) == address


def test_an_address_that_is_no_panels_has_no_panel_archive():
    with pytest.raises(errors.ItemRefused) as caught:
        archive_url("http://h/stream.m3u8", "xc", "", MOMENT)

    assert caught.value.message == "This channel's playlist entry offers no catch-up."


def test_an_archive_by_programme_needs_the_programme():
    with pytest.raises(errors.ItemRefused) as caught:
        archive_url("http://h/1", "vod", "http://a/{catchup-id}", Moment(START, START, START, UTC))

    assert caught.value.message == (
        "Catch-up of this channel needs the provider's own programme id, which its guide does not tell."
    )


@pytest.mark.parametrize(
    ("attributes", "header", "offer"),
    [
        ({}, {}, None),
        ({"catchup": "shift", "catchup-days": "3"}, {}, Catchup("shift", "", 3, 0)),
        ({"catchup": "SHIFT"}, {"catchup-days": "2"}, Catchup("shift", "", 2, 0)),
        ({}, {"catchup": "flussonic"}, Catchup("flussonic", "", 5, 0)),
        ({"catchup": "none"}, {"catchup": "flussonic"}, None),
        ({"catchup": "0", "timeshift": "3"}, {}, None),
        ({"timeshift": "7"}, {}, Catchup("shift", "", 7, 0)),
        ({"tvg-rec": "2"}, {}, Catchup("shift", "", 2, 0)),
        ({"timeshift": "0"}, {}, None),
        ({"catchup": "default"}, {}, None),
        ({"catchup": "1", "catchup-source": "http://a/"}, {}, Catchup("default", "http://a/", 5, 0)),
        ({"catchup-type": "append", "catchup-source": "?x"}, {}, Catchup("append", "?x", 5, 0)),
        ({"catchup": "xc", "catchup-days": "900", "catchup-correction": "-2,5"}, {}, Catchup("xc", "", 60, -2.5)),
        ({"catchup": "xc", "catchup-days": "nonsense"}, {}, Catchup("xc", "", 5, 0)),
    ],
)
def test_what_an_entry_offers(attributes, header, offer):
    assert offered(attributes, header) == offer


def test_a_correction_moves_the_start():
    assert corrected(START, -1.5) == START - timedelta(hours=1.5)
