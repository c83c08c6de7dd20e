"""The whole way with both families: sign in, list, play."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.parametrize("family", ["stock", "panel"])


def test_a_working_mac_is_reported_as_working(house, family):
    home = house(family)
    report = home.provider().check(home.subscription)
    assert (report.state, report.sentence) == ("ok", "The portal accepts this MAC.")
    assert report.time_zone == "Europe/Kiev"
    assert report.facts["family"] == family


def test_all_channels_come_censored_and_radio_included(house, family):
    home = house(family, channels=40)
    streams = home.streams()
    assert set(streams) == {str(n) for n in range(1, 41)} | {"radio:1", "radio:2"}
    assert [streams[key].censored for key in ("1", "39", "40")] == [False, True, True]
    assert streams["radio:1"].is_radio


def test_genres_come_without_the_row_for_all(house, family):
    genres = house(family).provider().live_genres()
    assert [(g.provider_id, g.name, g.censored) for g in genres][:2] == [
        ("1", "News", False),
        ("2", "Sport & Fun", False),
    ]
    assert genres[-1].censored


def test_a_channel_plays_through_one_create_link(house, family):
    home = house(family)
    stream = home.streams()["5"]
    url = home.provider().play_url(home.subscription, "5", stream.cmd, stream.provider_data)
    assert url.url.startswith(home.fake.origin)
    assert url.cookies["mac"] == "00%3A1A%3A79%3A00%3A00%3A01"
    assert home.fake.doings().create_links == 1


def test_one_handshake_serves_refresh_and_playback(house, family):
    home = house(family)
    home.provider().check(home.subscription)
    stream = home.streams()["5"]
    home.provider().play_url(home.subscription, "5", stream.cmd, stream.provider_data)
    assert home.fake.doings().handshakes == 1


def test_the_endpoint_found_is_kept(house, family):
    home = house(family)
    home.streams()
    home.portal.refresh_from_db()
    assert home.portal.endpoint == home.fake.endpoint
