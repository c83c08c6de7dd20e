"""The four shapes of series: seasons, episodes, and that each episode plays as itself."""

from __future__ import annotations

import base64
import json

import pytest

from portals import errors
from portals.providers.stalker import episodes, vod_rows
from tests.fakes.portal_titles import FakeMovie
from tests.fakes.portal_wire import js, panel_js, text


def no_progress(done: int, expected: int) -> None:
    """Nobody watches."""


def details(home, name):
    """A series as it is listed, then asked about."""
    provider = home.provider()
    listed = {one.name: one for one in provider.series(no_progress)}[name]
    asked = len(home.fake.requests)
    found = provider.series_details(listed.provider_id, listed.provider_data)
    return listed, found, len(home.fake.requests) - asked


def play(home, record) -> str:
    return home.provider().play_url(home.subscription, record.provider_id, record.cmd, record.provider_data).url


def numbers(found):
    return [(one.season, one.number) for one in found.episodes]


WHOLE = [(0, 1), *((1, n) for n in (1, 2, 3)), *((2, n) for n in range(1, 17))]


def test_one_order_and_its_numbers_cost_no_question(house):
    home = house()
    listed, found, asked = details(home, "Old Shape Season 3")
    assert (listed.provider_id, asked) == ("vod:600", 0)
    assert [(one.number, one.name) for one in found.seasons] == [(3, "Season 3")]
    assert numbers(found) == [(3, 1), (3, 2), (3, 3), (3, 5)]
    assert play(home, found.episodes[3]).startswith(home.fake.origin)
    assert home.fake.vod_links == [("600", "5")]


def test_stocks_tree_is_asked_season_by_season_and_its_files_when_played(house):
    home = house()
    listed, found, asked = details(home, "Series 912")
    assert listed.provider_id == "vod:912"
    assert [(one.number, one.name) for one in found.seasons] == [(0, "Specials"), (1, "Season 1"), (2, "Season 2")]
    assert numbers(found) == WHOLE
    assert found.episodes[1].name == "Part 1"
    # One page of seasons; one, one and two pages of episodes.
    assert asked == 1 + 1 + 1 + 2
    before = len(home.fake.requests)
    play(home, found.episodes[-1])
    assert home.fake.vod_links == [("file_9120216", "")]
    assert len(home.fake.requests) - before == 2


@pytest.mark.parametrize("name", ["Series 911", "Series 912"])
def test_a_panels_seasons_come_in_one_question(house, name):
    home = house("panel")
    listed, found, asked = details(home, name)
    assert listed.provider_id == {"Series 911": "911", "Series 912": "912:912"}[name]
    assert [(one.number, one.name) for one in found.seasons] == [(0, "Specials"), (1, "Season 1"), (2, "Season 2")]
    assert (numbers(found), asked) == (WHOLE, 1)
    play(home, found.episodes[4])
    assert home.fake.vod_links == [(f"{name[-3:]}-2", "1")]


def test_the_oldest_panel_form_names_its_season_in_the_order(house):
    home = house("panel")
    home.fake.titles.movies.append(FakeMovie(700, "Legacy", "1", episodes=(1, 2), season=4))
    _listed, found, asked = details(home, "Legacy")
    assert (numbers(found), asked) == ([(4, 1), (4, 2)], 0)
    play(home, found.episodes[1])
    assert home.fake.vod_links == [("700-4", "2")]


def test_ids_of_episodes_are_unique(house):
    for family in ("stock", "panel"):
        home = house(family)
        provider = home.provider()
        made = [
            episode.provider_id
            for one in provider.series(no_progress)
            for episode in provider.series_details(one.provider_id, one.provider_data).episodes
        ]
        assert len(made) == len(set(made)) == 3 * 20 + 4
        assert all(key.count("/") == 2 for key in made)


def test_a_series_that_is_gone_is_said(house):
    home = house("panel")
    with pytest.raises(errors.ItemRefused, match="knows no season of this series"):
        home.provider().series_details("1", {"movie_id": "1", "own_list": True, "name": "Gone"})


def test_a_series_with_files_in_place_of_seasons_has_them_as_episodes(house):
    home = house()
    row = {"is_file": True, "series": [], "quality": "720p"}
    files = [{**row, "id": str(n), "name": f"Part {n}", "cmd": f"/media/file_{n}.mpg"} for n in (4, 9)]
    provider = home.provider()
    listed = next(one for one in provider.series(no_progress) if one.name == "Series 911")
    home.fake.fault("vod.get_ordered_list", js({"total_items": "2", "max_page_items": 14, "data": files}))
    found = provider.series_details(listed.provider_id, listed.provider_data)
    assert [(one.number, one.name, one.cmd) for one in found.episodes] == [
        (1, "Part 4", "/media/file_4.mpg"),
        (2, "Part 9", "/media/file_9.mpg"),
    ]


# --- numbers of seasons


def order(**told: object) -> str:
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.parametrize(
    ("row", "number"),
    [
        ({"season_number": "7", "name": "Season 2"}, 7),
        ({"season_number": 0}, 0),
        ({"cmd": order(series_id=12, season_num=2, type="series"), "name": "Season 9"}, 2),
        ({"cmd": "/media/12:3.mpg"}, 3),
        ({"id": "12:4"}, 4),
        ({"id": "12", "name": "Season 5"}, 5),
        ({"id": "12:12", "name": "Staffel 6"}, 6),
        ({"name": "Specials"}, 0),
        ({"name": "The Last One"}, 8),
        ({"id": "13:4"}, 8),
    ],
)
def test_a_seasons_number_is_found_where_a_portal_hides_it(row, number):
    movie_id = "12:12" if row.get("id") == "12:12" else "12"
    assert episodes._season_number(row, movie_id, 8) == number


# --- playing


def movie_of(home, name):
    return next(one for one in home.provider().movies(no_progress) if one.name == name)


@pytest.mark.parametrize("family", ["stock", "panel"])
def test_a_movie_plays_through_one_create_link(house, family):
    home = house(family)
    movie = movie_of(home, "Movie 3")
    made = home.provider().play_url(home.subscription, movie.provider_id, movie.cmd, movie.provider_data)
    assert made.url.startswith(home.fake.origin)
    assert made.cookies["mac"] == "00%3A1A%3A79%3A00%3A00%3A01"
    assert "MAG" in made.headers["User-Agent"]
    assert home.fake.vod_links == [("3", "")]


def test_a_movie_with_files_plays_the_first_that_can_be(house):
    home = house()
    movie = movie_of(home, "Many Files")
    assert play(home, movie)
    assert home.fake.vod_links == [("file_7001", "")]
    refused = js({"id": 1, "cmd": "", "error": "nothing_to_play"})
    home.fake.fault("vod.create_link", refused, times=1)
    play(home, movie)
    assert home.fake.vod_links[-1] == ("file_7002", "")


def test_a_whole_address_is_played_as_it_is(house):
    home = house()
    home.fake.titles.movies[0].cmd = "ffmpeg http://files.example/a.mkv"
    movie = movie_of(home, "Movie 1")
    assert (play(home, movie), movie.container) == ("http://files.example/a.mkv", "mkv")
    assert home.fake.doings().create_links == 0


def test_a_whole_address_of_a_series_gets_the_episodes_number(house):
    home = house()
    home.fake.titles.movies.append(
        FakeMovie(800, "Direct S02", episodes=(1, 12), cmd="ffmpeg http://files.example/Direct.S02E01.mkv")
    )
    _listed, found, _asked = details(home, "Direct S02")
    assert numbers(found) == [(2, 1), (2, 12)]
    assert play(home, found.episodes[1]) == "http://files.example/Direct.S02E12.mkv"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (js({"id": 1, "cmd": "auto /media/storage1/5.mkv", "error": ""}), errors.ItemRefused),
        (js({"id": 1, "cmd": "", "error": "limit"}), errors.ItemBusy),
        (js({"id": 1, "cmd": "", "error": "access_denied"}), errors.ItemNotSubscribed),
        (js({"id": 1, "cmd": "", "error": ""}), errors.ItemRefused),
        (js([{"media_type": "advert", "cmd": "ffmpeg http://ads.example/1"}]), errors.ItemRefused),
        (js(False), errors.ItemRefused),
        (text("Access denied."), errors.AccessDenied),
        (panel_js({"id": 0, "cmd": ""}, error="player_file_missing"), errors.ItemRefused),
    ],
)
def test_every_refusal_of_a_movie_has_its_name(house, answer, kind):
    home = house()
    movie = movie_of(home, "Movie 3")
    home.fake.fault("vod.create_link", answer)
    with pytest.raises(kind):
        play(home, movie)


@pytest.mark.parametrize(
    ("cmd", "address"),
    [
        ("ffmpeg http://storage.example/a.mkv?st=1&e=2", "http://storage.example/a.mkv?st=1&e=2"),
        ("http://storage.example/a.m3u8?token=1", "http://storage.example/a.m3u8?token=1"),
        ("ffmpeg http:\\/\\/storage.example\\/get\\/key", "http://storage.example/get/key"),
        ("//storage.example/a.mkv", "http://storage.example/a.mkv"),
    ],
)
@pytest.mark.parametrize("wrap", ["plain", "advert list"])
def test_every_form_of_a_link_is_read(house, cmd, address, wrap):
    home = house()
    movie = movie_of(home, "Movie 3")
    element = {"id": "1", "cmd": cmd, "load": 0.5, "subtitles": [], "error": ""}
    advert = {"type": "ad", "cmd": "ffmpeg http://ads.example/1.mp4"}
    home.fake.fault("vod.create_link", js([advert, element] if wrap == "advert list" else element))
    assert play(home, movie) == address


def test_a_panels_order_is_sent_back_as_it_came(house):
    home = house("panel")
    movie = movie_of(home, "Movie 3")
    assert vod_rows.unwrapped(movie.cmd)["stream_id"] == "3"
    play(home, movie)
    assert home.fake.vod_links == [("3", "")]
