"""The portal's own guide and its archive: true times in both families, and no question too many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portals import errors
from portals.providers.stalker import epg
from portals.providers.stalker.signin import PortalSession
from portals.providers.vod_records import ArchiveWindow
from tests.fakes.portal_wire import Reply, js, page, panel_js

FAMILIES = pytest.mark.parametrize("family", ["stock", "panel"])
#: Channels 5 and 15 have a guide and 72 hours of archive.
CHANNEL = "5"


def hour_now() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def on_now(programmes) -> list[str]:
    now = datetime.now(UTC)
    return [one.title for one in programmes if one.start <= now < one.stop]


def title_now() -> str:
    return f"Show {CHANNEL} at {hour_now():%d %H} & more"


def guide(home, wanted=(CHANNEL,), hours=30):
    told = home.provider().guide(datetime.now(UTC) + timedelta(hours=hours), wanted)
    return {one.provider_id: one.programmes for one in told}


# --- the guide


def test_stock_tells_all_channels_in_two_questions(house):
    home = house()
    found = guide(home)
    assert len(found) == 10
    assert home.fake.count("itv.get_epg_info") == 2
    assert [name for _at, name in home.fake.requests if "epg" in name] == ["itv.get_epg_info"] * 2
    assert found[CHANNEL][-1].start >= hour_now() + timedelta(hours=30)


def test_a_panel_is_asked_for_the_channels_somebody_has(house):
    home = house("panel")
    found = guide(home, wanted=(CHANNEL, "7"))
    assert set(found) == {CHANNEL, "7"}
    assert home.fake.count("itv.get_short_epg") == 2
    assert home.fake.count("itv.get_epg_info") == 1
    assert guide(home, wanted=()) == {}


@FAMILIES
@pytest.mark.parametrize("zone", ["", "America/New_York", "Asia/Kolkata", "UTC"])
def test_what_is_on_now_is_on_now_whatever_the_zone(house, family, zone):
    home = house(family, portal={"time_zone": zone})
    programme = next(one for one in guide(home)[CHANNEL] if one.start == hour_now())
    assert on_now(guide(home)[CHANNEL]) == [title_now()]
    assert programme.stop - programme.start == timedelta(hours=1)
    assert programme.description == "What happens"


@FAMILIES
def test_printed_times_are_read_in_the_zone_of_the_cookie(house, family):
    home = house(family, portal={"time_zone": "Asia/Kolkata"})
    home.provider().check(home.subscription)
    start = hour_now()
    local = start + timedelta(hours=5, minutes=30)
    row = {"name": "Printed", "time": f"{local:%Y-%m-%d %H:%M:%S}", "duration": "1800", "stop_timestamp": "0"}
    data = {"data": {CHANNEL: [row]}}
    home.fake.fault("itv.get_epg_info", js(data) if family == "stock" else panel_js(data))
    (programme,) = guide(home)[CHANNEL]
    assert (programme.start, programme.stop) == (start, start + timedelta(minutes=30))


@pytest.mark.parametrize("answer", [js({"data": []}), js([]), js(False), js({"data": {}}), js({"data": {"5": []}})])
def test_a_portal_without_a_guide_has_none(house, answer):
    home = house()
    home.fake.fault("itv.get_epg_info", answer)
    home.fake.fault("itv.get_short_epg", js([]))
    assert guide(home) == {CHANNEL: ()}


@FAMILIES
def test_a_session_the_portal_forgot_is_no_portal_without_a_guide(house, family):
    home = house(family)
    home.provider().check(home.subscription)
    home.fake.account().token = "A" * 32
    assert on_now(guide(home)[CHANNEL]) == [title_now()]


def test_a_portal_that_breaks_on_the_long_guide_gives_its_day(house):
    home = house()
    home.fake.fault("itv.get_epg_info", page(500), skip=1)
    assert on_now(guide(home)[CHANNEL]) == [title_now()]


def test_a_portal_that_does_not_answer_is_named(house):
    home = house()
    home.fake.fault("itv.get_epg_info", page(500))
    with pytest.raises(errors.PortalOverloaded):
        guide(home)


@FAMILIES
def test_one_channel_can_be_asked_about_alone(house, family):
    home = house(family)
    found = home.provider().programmes(CHANNEL, {})
    assert on_now(found) == [title_now()]
    assert [one.start for one in found] == sorted({one.start for one in found})
    # Two days of 24 hours, ten to the page; the kept two days may end before midnight.
    assert home.fake.count("epg.get_simple_data_table") <= 6


def test_a_channel_without_days_tells_what_is_next(house):
    home = house("panel")
    home.fake.fault("epg.get_simple_data_table", Reply(content_type="text/javascript"))
    assert on_now(home.provider().programmes(CHANNEL, {})) == [title_now()]


# --- rows that lie


def read(*rows, family="stock", zone="UTC", portal_zone="UTC"):
    session = PortalSession("T", "http://h/", family=family, zone=zone, portal_zone=portal_zone)
    return [
        (one.start.timestamp(), one.stop.timestamp(), one.title) for one in epg.programmes(rows, epg.times_of(session))
    ]


def row(start, stop, name="x", **more):
    return {"start_timestamp": start, "stop_timestamp": stop, "name": name, **more}


def test_an_open_end_lasts_to_the_next_start():
    assert read(row("1000", "0", "a"), row("5000", "6000", "b")) == [(1000, 5000, "a"), (5000, 6000, "b")]
    assert read(row("1000", "0", "a", time_to="0000-00-00 00:00:00")) == [(1000, 4600, "a")]


def test_overlaps_are_cut_and_the_order_is_by_time():
    rows = row("5000", "6000", "b"), row("1000", "5500", "a"), row("5000", "5900", "twice")
    assert read(*rows) == [(1000, 5000, "a"), (5000, 6000, "b")]


@pytest.mark.parametrize(
    "bad", [{}, {"name": "x"}, row("x", "y"), row(None, None), row("1000", "2000", ""), row([], {}), row(True, True)]
)
def test_rows_without_a_time_or_a_name_are_left_out(bad):
    assert read(bad) == []


def test_only_panels_shift_their_timestamps():
    shifted = row("7200", "10800")
    assert read(shifted, zone="Europe/Berlin", portal_zone="UTC") == [(7200, 10800, "x")]
    # 1970: Berlin was one hour ahead of UTC.
    assert read(shifted, family="panel", zone="Europe/Berlin", portal_zone="UTC") == [(3600, 7200, "x")]


def test_the_night_the_clocks_change_keeps_its_order():
    starts = [datetime(2025, 10, 25, 23, tzinfo=UTC) + timedelta(hours=n) for n in range(4)]
    rows = [row(str(int(at.timestamp())), str(int(at.timestamp()) + 3600), f"{n}") for n, at in enumerate(starts)]
    assert [title for _start, _stop, title in read(*rows, zone="Europe/Berlin")] == ["0", "1", "2", "3"]


# --- the archive


@FAMILIES
def test_channels_tell_how_long_their_archive_is(house, family):
    streams = house(family).streams()
    assert (streams["5"].archive_hours, streams["6"].archive_hours) == (72, 0)


@FAMILIES
@pytest.mark.parametrize("zone", ["", "Asia/Kolkata"])
@pytest.mark.parametrize("hours_ago", [3, 9, 23])
def test_a_start_and_a_duration_lead_to_the_programme(house, family, zone, hours_ago):
    home = house(family, portal={"time_zone": zone})
    start = hour_now() - timedelta(hours=hours_ago)
    window = ArchiveWindow(start + timedelta(minutes=10), 1800)
    (play,) = home.provider().archive_urls(home.subscription, CHANNEL, "", {}, window)
    assert home.fake.archived == [(5, start)]
    assert play.url == f"{home.fake.origin}/archive/5/{int(start.timestamp())}.ts?token=1"
    assert play.cookies["mac"]


@FAMILIES
def test_a_known_programme_costs_one_question(house, family):
    home = house(family)
    programmes = home.provider().programmes(CHANNEL, {})
    kept = next((one for one in programmes if one.has_archive), None)
    if kept is None:
        pytest.skip("just after midnight the day has nothing to look back on")
    asked = len(home.fake.requests)
    window = ArchiveWindow(kept.start, 3600, programme_id=kept.provider_id)
    home.provider().archive_urls(home.subscription, CHANNEL, "", {}, window)
    assert home.fake.archived == [(5, kept.start)]
    assert len(home.fake.requests) - asked == 1


@FAMILIES
@pytest.mark.parametrize(("channel", "hours_ago"), [("5", -3), ("5", 100), ("7", 3), ("6", 3), ("999", 3)])
def test_what_is_not_kept_is_refused(house, family, channel, hours_ago):
    home = house(family)
    window = ArchiveWindow(hour_now() - timedelta(hours=hours_ago), 1800)
    with pytest.raises(errors.ItemRefused, match="nothing in its archive"):
        home.provider().archive_urls(home.subscription, channel, "", {}, window)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (js({"id": 0, "cmd": "", "error": "limit", "storage_name": "s1"}), errors.ItemBusy),
        (js({"id": 0, "cmd": "", "error": "server_error"}), errors.ItemRefused),
        (js(False), errors.ItemRefused),
    ],
)
def test_every_refusal_of_the_archive_has_its_name(house, answer, kind):
    home = house()
    home.fake.fault("tv_archive.create_link", answer)
    with pytest.raises(kind):
        home.provider().archive_urls(
            home.subscription, CHANNEL, "", {}, ArchiveWindow(hour_now(), 3600, programme_id="5")
        )


@pytest.mark.parametrize(
    ("cmd", "form"),
    [
        ("ffmpeg http://s.example/storage/get.php?filename=20250101-10.mpg&start=5&duration=60", ""),
        ("http://s.example/archive/1000/60/mpegts?token=x", ""),
        ("http://s.example/index-1000-60.m3u8", "hls"),
    ],
)
def test_every_form_of_an_archive_link_is_read(house, cmd, form):
    home = house()
    home.fake.fault("tv_archive.create_link", js({"id": 0, "cmd": cmd, "error": ""}))
    window = ArchiveWindow(hour_now(), 3600, programme_id="5")
    (play,) = home.provider().archive_urls(home.subscription, CHANNEL, "", {}, window)
    assert (play.url, play.form) == (cmd.removeprefix("ffmpeg "), form)
