"""The Xtream provider against a real panel: catalogues, details, guide, playing and catch-up."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import requests

from portals import errors
from portals.models import Subscription
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.row_spool import RowSpool
from portals.providers.vod_records import ArchiveWindow, CategoryRecord
from tests.fakes import xtream_catalogue
from tests.fakes.xtream_panel import Fault, Line, XtreamPanel
from tests.portals.providers.xtream_house import NOW, House


def no_progress(done: int, expected: int) -> None:
    pass


def streams(house: House) -> list[StreamRecord]:
    return list(house.provider().live_streams(no_progress))


def names(records) -> list[str]:
    return [record.name for record in records]


EVERY_CHANNEL = ["News HD", 'Ünïcode "quoted", name', "Jazz", "Late"]

# --- the account ---------------------------------------------------------------------------------------------------


def test_a_refresh_keeps_what_the_panel_says_of_each_login_without_another_question(xtream_house):
    house = xtream_house(Line("a", "1", exp_date=str(int(NOW) + 86400)), Line("b", "2", status="Banned"))
    provider = house.provider()
    provider.live_genres()
    list(provider.live_streams(no_progress))

    paid, banned = Subscription.objects.order_by("rank")
    assert (paid.state, paid.expires_at) == ("ok", datetime.fromtimestamp(NOW + 86400, UTC))
    assert paid.facts["Status"] == "Active"
    assert "in use, most:" in paid.facts["Connections"]
    assert banned.state == "blocked"
    assert sum(one.path.endswith("player_api.php") and not one.action for one in house.panel.asked) == 2


def test_a_login_the_panel_refused_before_is_not_forgotten_by_later_refreshes(xtream_house):
    house = xtream_house(Line("a", "1", status="Expired"), Line("b", "2", bouquet={1}), Line("c", "3", bouquet={1, 2}))
    gone, _, wide = house.logins
    streams(house)
    assert {one.name: one.offered_to for one in streams(house)}["Jazz"] == (wide.pk, gone.pk)


# --- live ----------------------------------------------------------------------------------------------------------


def test_live_categories(xtream_house):
    assert xtream_house().provider().live_genres() == [
        GenreRecord("1", "News"),
        GenreRecord("2", "Radio"),
        GenreRecord("3", "XXX Adults", censored=True),
    ]


def test_live_channels(xtream_house):
    house = xtream_house()
    news, quoted, jazz, late = streams(house)

    assert news == StreamRecord(
        provider_id="1001",
        name="News HD",
        number="1",
        genre_id="1",
        logo="http://logos.example/1001.png",
        guide_id="channel1001.example",
        cmd="live/1001",
        archive_hours=72,
        provider_data={"zone": "Europe/Berlin"},
    )
    assert (quoted.name, quoted.guide_id, quoted.logo) == (EVERY_CHANNEL[1], "", f"{house.panel.url}/icons/2.png")
    assert (jazz.is_radio, late.censored, late.genre_id) == (True, True, "3")


@pytest.mark.parametrize("fault", ["odd types", "object", "warnings"])
def test_the_list_reads_the_same_in_every_shape(xtream_house, fault):
    house = xtream_house()
    plain = streams(house)
    house.panel.faults["get_live_streams"] = Fault(fault)

    assert streams(house) == plain


def test_adult_channels_can_be_left_out(xtream_house):
    house = xtream_house(portal={"with_censored": False})

    assert names(streams(house)) == EVERY_CHANNEL[:3]
    assert [genre.name for genre in house.provider().live_genres()] == ["News", "Radio"]


def test_a_refresh_asks_no_more_than_it_must(xtream_house):
    house = xtream_house()
    provider = house.provider()
    provider.live_genres()
    list(provider.live_streams(no_progress))

    assert house.panel.actions() == ["", "get_live_categories", "get_live_streams"]


def test_progress_counts_arrivals_then_the_whole(xtream_house):
    seen = []
    house = xtream_house(offer=xtream_catalogue.large_offer(1200))
    list(house.provider().live_streams(lambda done, expected: seen.append((done, expected))))

    assert seen == [(500, 0), (1000, 0), (1200, 0), (1000, 1200), (1200, 1200)]


def test_rows_without_an_id_and_repeated_rows_count_for_nothing(xtream_house):
    offer = xtream_catalogue.small_offer()
    offer.channels += [
        offer.channels[0],
        {"name": "no id", "category_id": "1"},
        {"stream_id": None, "category_id": "1"},
    ]

    assert names(streams(xtream_house(offer=offer))) == EVERY_CHANNEL


def test_a_direct_address_is_preferred_and_an_odd_one_ignored(xtream_house):
    offer = xtream_catalogue.small_offer()
    offer.channels[0]["direct_source"] = "http://cdn.example/news.m3u8"
    offer.channels[1]["direct_source"] = "file:///etc/passwd"
    first, second, *_ = streams(xtream_house(offer=offer))

    assert (first.cmd, second.cmd) == ("http://cdn.example/news.m3u8", "live/1002")


def test_a_login_that_may_only_fetch_hls_is_given_hls(xtream_house):
    house = xtream_house(Line("user", "secret", formats=("m3u8",)))
    first = streams(house)[0]
    play = house.provider().play_url(house.login, first.provider_id, first.cmd, first.provider_data)

    assert (play.url, play.form) == (f"{house.panel.url}/live/user/secret/1001.m3u8", "hls")


# --- several logins ------------------------------------------------------------------------------------------------


def test_two_logins_make_one_catalogue_that_knows_who_sees_what(xtream_house):
    house = xtream_house(Line("a", "1", bouquet={1, 2}), Line("b", "2", bouquet={1, 3}))
    one, two = house.logins
    offered = [(record.name, record.offered_to) for record in streams(house)]

    assert offered == [(EVERY_CHANNEL[0], ()), (EVERY_CHANNEL[1], ()), ("Jazz", (one.pk,)), ("Late", (two.pk,))]
    assert [genre.name for genre in house.provider().live_genres()] == ["News", "Radio", "XXX Adults"]


def test_a_refused_login_does_not_stop_the_others_and_is_not_forgotten(xtream_house):
    house = xtream_house(Line("a", "1", status="Expired"), Line("b", "2", bouquet={1}), Line("c", "3", bouquet={1, 2}))
    gone, _, wide = house.logins
    offered = {record.name: record.offered_to for record in streams(house)}

    assert offered == {EVERY_CHANNEL[0]: (), EVERY_CHANNEL[1]: (), "Jazz": (wide.pk, gone.pk)}


def test_when_every_login_is_refused_the_first_says_why(xtream_house):
    house = xtream_house(Line("a", "1", status="Expired"), Line("b", "2", status="Banned"))

    with pytest.raises(errors.SubscriptionExpired):
        streams(house)


def test_a_portal_without_a_login_says_so(xtream_house):
    house = xtream_house()
    Subscription.objects.all().delete()

    with pytest.raises(errors.NoUsableSubscription) as caught:
        streams(house)

    assert caught.value.message == "This portal has no login that works. Add one, or test the ones it has."


def test_half_of_the_logins_is_not_the_whole_catalogue(xtream_house):
    house = xtream_house(Line("a", "1"), Line("b", "2"))
    provider = house.provider()
    provider.live_genres()
    house.panel.faults[""] = Fault("500")
    house.panel.faults["get_live_streams"] = Fault("cut", after=300)
    house.panel.faults["get_live_categories"] = Fault("500")
    answers = iter([False, True])
    plain = house.panel.spoiled
    house.panel.spoiled = lambda action, answer: (
        answer if action == "get_live_streams" and not next(answers, True) else plain(action, answer)
    )

    with pytest.raises(errors.CatalogueIncomplete) as caught:
        list(provider.live_streams(no_progress))

    assert caught.value.message == (
        "One login (login b***) could not be asked for its live channels; what the others are offered is not the "
        "whole. The panel's list of live channels broke off; 0 came. What is stored stays as it is; try again later, "
        "and tell your provider if it stays so."
    )


# --- lists that go wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut", "cut in silence", "garbage", "html", "empty", "404", "500", "none"])
def test_a_list_the_panel_cannot_send_whole_is_fetched_by_category(xtream_house, fault):
    house = xtream_house()
    house.panel.faults["get_live_streams"] = Fault(fault, times=1, after=900)

    assert sorted(names(streams(house))) == sorted(EVERY_CHANNEL)


@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        (
            "cut",
            errors.CatalogueIncomplete,
            "The panel's list of live channels broke off; 0 came. What is stored stays as it is; try again later, "
            "and tell your provider if it stays so.",
        ),
        (
            "cut in silence",
            errors.CatalogueIncomplete,
            "The panel's list of live channels broke off; 1 came. What is stored stays as it is; try again later, "
            "and tell your provider if it stays so.",
        ),
        (
            "garbage",
            errors.CatalogueIncomplete,
            "The panel's list of live channels is damaged and cannot be read. What is stored stays as it is; try again "
            "later, and tell your provider if it stays so.",
        ),
        (
            "html",
            errors.AnswerUnreadable,
            "The panel answers with a web page where its list of live channels should be. What is stored stays as it "
            "is; try again later. The panel's words: “Maintenance”",
        ),
        (
            "empty",
            errors.AnswerUnreadable,
            "The panel answers with nothing where its list of live channels should be. What is stored stays as it is; "
            "try again later.",
        ),
        (
            "404",
            errors.AnswerUnreadable,
            "The panel answers with nothing where its list of live channels should be. What is stored stays as it is; "
            "try again later.",
        ),
        ("500", errors.PortalOverloaded, "{host} failed inside while answering (status 500). Try again later."),
        ("429", errors.PortalThrottled, "{host} says it is asked too often. It is left alone for 7 s."),
        (
            "refused",
            errors.SubscriptionUnknown,
            "The panel refuses this user name or password. Check both for typing errors; then test again.",
        ),
    ],
)
def test_a_list_that_cannot_be_had_is_told_in_one_sentence(xtream_house, fault, error, sentence):
    house = xtream_house()
    house.panel.faults["get_live_streams"] = Fault(fault, after=500)

    with pytest.raises(error) as caught:
        streams(house)

    assert caught.value.message == sentence.format(host=house.panel.url.removeprefix("http://"))


def test_nothing_is_given_on_before_the_list_is_whole(xtream_house):
    house = xtream_house(offer=xtream_catalogue.large_offer(3000))
    provider = house.provider()
    provider.live_genres()
    house.panel.faults = {"get_live_streams": Fault("cut", after=400_000), "get_live_categories": Fault("500")}
    given = []

    with pytest.raises(errors.CatalogueIncomplete):
        given.extend(provider.live_streams(no_progress))
    assert given == []


def test_an_empty_catalogue_is_believed_after_a_few_empty_categories(xtream_house):
    offer = xtream_catalogue.large_offer(0)
    house = xtream_house(offer=offer)

    assert streams(house) == []
    assert house.panel.actions().count("get_live_streams") == 6


def test_a_panel_without_movies_has_none(xtream_house):
    house = xtream_house(offer=replace(xtream_catalogue.small_offer(), movies=[], vod_categories=[]))

    assert list(house.provider().movies(no_progress)) == []


def test_a_person_can_stop_a_list_on_its_way(xtream_house):
    house = xtream_house(offer=xtream_catalogue.large_offer(2000))

    def stop(done: int, expected: int) -> None:
        raise errors.RunCancelled

    with pytest.raises(errors.RunCancelled):
        list(house.provider().live_streams(stop))


# --- movies and series ---------------------------------------------------------------------------------------------


def test_movies(xtream_house):
    provider = xtream_house().provider()
    hard, unrated = provider.movies(no_progress)

    assert provider.movie_categories() == [CategoryRecord("11", "Action", "movie")]
    assert (hard.provider_id, hard.name, hard.category_ids) == ("2001", "Die Hard", ("11",))
    assert (hard.cmd, hard.container, hard.detailed) == ("movie/2001.mkv", "mkv", False)
    assert hard.added_at == datetime(2023, 11, 14, 22, 15, tzinfo=UTC)
    assert (hard.about.year, hard.about.rating) == (1988, 7.1)
    assert hard.about.poster == "http://posters.example/2001.jpg"
    assert unrated.about.rating is None


@pytest.mark.parametrize("fault", [None, "odd types", "arrays"])
def test_a_movie_in_detail(xtream_house, fault):
    house = xtream_house()
    if fault:
        house.panel.faults["get_vod_info"] = Fault(fault)
    movie = house.provider().movie_details("2001", {})

    assert (movie.name, movie.provider_id, movie.cmd, movie.detailed) == ("Die Hard", "2001", "movie/2001.mkv", True)
    about = movie.about
    assert (about.original_name, about.plot, about.cast) == ("Die Hard (original)", "A tower.", "Bruce, Alan")
    assert (about.director, about.genres, about.country) == ("John", "Action", "USA")
    assert (about.year, about.released_on, about.rating) == (1988, date(1988, 7, 15), 7.8)
    assert (about.duration_s, about.tmdb_id, about.age_rating) == (7920, "562", "R")
    assert (about.trailer, about.poster) == ("2TQ-pOvI6Xo", "http://posters.example/image.jpg")
    assert about.backdrops == ("http://posters.example/back.jpg",)


def test_a_movie_the_panel_does_not_know(xtream_house):
    with pytest.raises(errors.ItemRefused) as caught:
        xtream_house().provider().movie_details("999", {})

    assert caught.value.message == "The panel knows nothing about this item any more. Refresh the portal."


def test_series(xtream_house):
    provider = xtream_house().provider()
    (bad,) = provider.series(no_progress)

    assert provider.series_categories() == [CategoryRecord("21", "Drama", "series")]
    assert (bad.provider_id, bad.name, bad.category_ids) == ("3001", "Breaking Bad", ("21",))
    assert bad.changed_at == datetime(2023, 11, 14, 22, 16, 40, tzinfo=UTC)
    assert (bad.about.plot, bad.about.rating, bad.about.tmdb_id) == ("A teacher & his pupil.", 9.0, "1396")
    assert (bad.about.released_on, bad.about.duration_s) == (date(2008, 1, 20), 47 * 60)
    assert list(provider.episodes(no_progress)) == []
    assert provider.lists_episodes is False


@pytest.mark.parametrize("fault", [None, "arrays", "odd types"])
def test_a_series_in_detail_in_both_shapes(xtream_house, fault):
    house = xtream_house()
    if fault:
        house.panel.faults["get_series_info"] = Fault(fault)
    details = house.provider().series_details("3001", {})

    assert (details.series.name, details.series.provider_id, details.series.detailed) == ("Breaking Bad", "3001", True)
    assert [(season.number, season.name) for season in details.seasons] == [
        (0, "Specials"),
        (1, "Season 1"),
        (2, "Season 2"),
    ]
    assert [(one.season, one.number, one.provider_id) for one in details.episodes] == [
        (0, 1, "30000"),
        (1, 1, "30001"),
        (1, 2, "30002"),
        (2, 1, "30003"),
    ]
    first = details.episodes[1]
    assert (first.cmd, first.container, first.name) == ("series/30001.mkv", "mkv", "Breaking Bad - S01E01")
    assert (first.about.duration_s, first.about.rating, first.about.plot) == (2820, 8.1, "It begins.")


def test_a_flat_list_of_episodes_is_sorted_into_seasons(xtream_house):
    house = xtream_house()
    rows = house.panel.offer.episodes[3001]
    house.panel._series_info = lambda key: {"seasons": None, "info": {"name": "B"}, "episodes": rows}
    details = house.provider().series_details("3001", {})

    assert [season.number for season in details.seasons] == [0, 1, 2]


def test_a_series_the_panel_does_not_know(xtream_house):
    with pytest.raises(errors.ItemRefused):
        xtream_house().provider().series_details("999", {})


NO_ANSWER = "The panel does not answer this question; not every panel knows all of them."


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            "html",
            "{host} answers with a web page instead of data. Check server and port; if they are right, the panel is "
            "down or has moved: ask your provider. The panel's words: “Maintenance”",
        ),
        ("garbage", "The panel's answer is damaged and cannot be read. Try again; if it stays so, tell your provider."),
        ("404", NO_ANSWER),
        ("empty", NO_ANSWER),
    ],
)
def test_details_that_cannot_be_read_have_a_sentence(xtream_house, fault, sentence):
    house = xtream_house()
    house.panel.faults["get_vod_info"] = Fault(fault, after=1)

    with pytest.raises(errors.AnswerUnreadable) as caught:
        house.provider().movie_details("2001", {})

    assert caught.value.message == sentence.format(host=house.panel.url.removeprefix("http://"))


# --- guide ---------------------------------------------------------------------------------------------------------


def test_the_guide_of_a_channel(xtream_house):
    house = xtream_house()
    found = house.provider().programmes("1001", {})

    assert len(found) == 6
    assert found[0].start == datetime.fromtimestamp(NOW, UTC) - timedelta(hours=3)
    assert found[0].stop - found[0].start == timedelta(hours=1)
    assert (found[0].title, found[0].description, found[0].language) == ("Sendung «5»", "What it is about.", "de")
    assert [one.has_archive for one in found] == [True, True, True, False, False, False]


@pytest.mark.parametrize("fault", ["404", "empty"])
def test_panels_without_the_long_guide_are_asked_for_the_short_one(xtream_house, fault):
    house = xtream_house()
    house.panel.faults["get_simple_data_table"] = Fault(fault)

    assert len(house.provider().programmes("1001", {})) == 3


def test_wall_clock_times_are_the_panels(xtream_house):
    house = xtream_house()
    plain = house.panel._guide
    house.panel._guide = lambda *args, **kwargs: {
        "epg_listings": [
            {key: text for key, text in row.items() if "timestamp" not in key}
            for row in plain(*args, **kwargs)["epg_listings"]
        ]
    }

    assert house.provider().programmes("1001", {})[0].start == datetime.fromtimestamp(NOW, UTC) - timedelta(hours=3)


def test_titles_may_come_unwrapped_and_nonsense_is_left_out(xtream_house):
    house = xtream_house()
    house.panel._guide = lambda *args, **kwargs: {
        "epg_listings": {
            "7": {"title": "Plain & simple", "start_timestamp": 1_800_000_000, "stop_timestamp": 1_800_003_600},
            "8": {"title": "", "start_timestamp": 1_800_003_600, "stop_timestamp": 1_800_000_000},
            "9": {"title": "no times"},
        }
    }
    (one,) = house.provider().programmes("1001", {})

    assert one.title == "Plain & simple"


def test_a_channel_without_a_guide(xtream_house):
    assert xtream_house().provider().programmes("4711", {}) == []


def test_the_whole_guide_has_an_address(xtream_house):
    house = xtream_house()

    assert house.provider().guide_url(house.login) == f"{house.panel.url}/xmltv.php?username=user&password=secret"


# --- playing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cmd", "path", "form"),
    [
        ("live/1001", "/live/user/secret/1001.ts", "ts"),
        ("movie/2001.mkv", "/movie/user/secret/2001.mkv", ""),
        ("series/30001.mkv", "/series/user/secret/30001.mkv", ""),
    ],
)
def test_what_the_panel_lists_it_plays(xtream_house, cmd, path, form):
    house = xtream_house(portal={"user_agent": "Mine/1", "referer": "http://r/"})
    play = house.provider().play_url(house.login, "x", cmd, {})

    assert (play.url, play.form) == (house.panel.url + path, form)
    assert play.headers == {"User-Agent": "Mine/1", "Accept": "*/*", "Referer": "http://r/"}
    with requests.get(play.url, headers=dict(play.headers), stream=True, timeout=5) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_content(188))[0] == 0x47
    assert [asked.path for asked in house.panel.asked] == [path]


def test_odd_letters_in_a_login_are_encoded(xtream_house):
    house = xtream_house(Line("me@home", "a/b c?"))
    play = house.provider().play_url(house.login, "1001", "live/1001", {})

    assert play.url == f"{house.panel.url}/live/me%40home/a%2Fb%20c%3F/1001.ts"
    with requests.get(play.url, stream=True, timeout=5) as answer:
        assert answer.status_code == 200


def test_the_server_that_answered_is_the_one_played_from(xtream_house):
    house = xtream_house(portal={"endpoint": "http://cdn.example:8080"})

    assert (
        house.provider().play_url(house.login, "1", "live/1", {}).url == "http://cdn.example:8080/live/user/secret/1.ts"
    )


@pytest.mark.parametrize("cmd", ["", "live/", "ffrt http://x", "file:///etc/passwd", "7"])
def test_an_order_that_is_none_is_refused(xtream_house, cmd):
    house = xtream_house()

    with pytest.raises(errors.ItemRefused) as caught:
        house.provider().play_url(house.login, "1", cmd, {})

    assert caught.value.message == (
        "The address the panel gave for this item is not one that can be opened. Refresh the portal."
    )


def test_nothing_is_kept_alive(xtream_house):
    house = xtream_house()

    assert house.provider().keep_alive(house.login, playing=True) == 0


# --- catch-up ------------------------------------------------------------------------------------------------------


def archive(house: House, start: datetime, minutes: int, **data) -> list[str]:
    window = ArchiveWindow(start, minutes * 60)
    return [play.url for play in house.provider().archive_urls(house.login, "1001", "live/1001", data, window)]


def test_catch_up_is_asked_for_in_the_panels_own_zone_and_every_layout(xtream_house):
    house = xtream_house()
    first = streams(house)[0]
    found = archive(house, datetime(2027, 1, 14, 19, 30, tzinfo=UTC), 90, **first.provider_data)
    query = "/streaming/timeshift.php?username=user&password=secret&stream=1001&start=2027-01-14:20-30&duration=90"

    assert found == [
        f"{house.panel.url}/timeshift/user/secret/90/2027-01-14:20-30/1001.ts",
        f"{house.panel.url}{query}&extension=ts",
        f"{house.panel.url}/timeshift/user/secret/90/2027-01-14:20-30/1001.m3u8",
        f"{house.panel.url}{query}&extension=m3u8",
        f"{house.panel.url}{query}",
    ]


def test_the_panel_understands_every_layout_as_the_same_moment(xtream_house):
    house = xtream_house()
    start = datetime(2027, 1, 14, 19, 30, tzinfo=UTC)
    for url in archive(house, start, 90, zone="Europe/Berlin"):
        with requests.get(url, stream=True, timeout=5) as answer:
            assert answer.status_code == 200
        # One connection at a time: wait until the panel has noticed the end of the last.
        deadline = time.monotonic() + 5
        while house.panel.lines["user"].open and time.monotonic() < deadline:
            time.sleep(0.01)

    assert house.panel.archived == [(1001, start, 90)] * 5
    assert house.panel.lines["user"].peak == 1


@pytest.mark.parametrize(
    ("zone", "curated", "wall"),
    [
        ("Europe/Berlin", "", "2026-07-01:12-00"),
        ("+05:30", "", "2026-07-01:15-30"),
        ("-03:00", "", "2026-07-01:07-00"),
        ("Europe/Berlin", "America/New_York", "2026-07-01:06-00"),
        ("nonsense", "", "2026-07-01:10-00"),
        ("", "", "2026-07-01:10-00"),
    ],
)
def test_the_zone_of_an_archive(xtream_house, zone, curated, wall):
    house = xtream_house(portal={"time_zone": curated})

    assert f"/60/{wall}/" in archive(house, datetime(2026, 7, 1, 10, 0, tzinfo=UTC), 60, zone=zone)[0]


def test_a_window_is_widened_to_whole_minutes(xtream_house):
    found = archive(xtream_house(), datetime(2026, 7, 1, 10, 0, 40, tzinfo=UTC), 60)

    assert "/61/2026-07-01:10-00/" in found[0]


def test_a_login_for_hls_only_asks_for_hls_first(xtream_house):
    assert archive(xtream_house(), datetime(2026, 7, 1, tzinfo=UTC), 60, extension="m3u8")[0].endswith("1001.m3u8")


# --- size ----------------------------------------------------------------------------------------------------------


def test_a_list_keeps_its_ids_in_memory_and_its_rows_on_disk():
    listing = RowSpool("stream_id")
    rows = (xtream_catalogue.movie(i, f"Movie {i}", 11) for i in range(50_000))
    tracemalloc.start()
    try:
        listing.fill(rows, no_progress)
        count = sum(1 for _ in listing.rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 50_000
    assert peak < 24 * 1024 * 1024


def test_the_fake_panel_counts_connections_strictly():
    with XtreamPanel(Line("user", "secret", max_connections="1")) as panel:
        address = f"{panel.url}/live/user/secret/1001.ts"
        with requests.get(address, stream=True, timeout=5) as first:
            assert first.status_code == 200
            assert requests.get(address, timeout=5).status_code == 403
        assert requests.get(f"{panel.url}/live/user/wrong/1001.ts", timeout=5).status_code == 401
        assert (panel.lines["user"].peak, panel.lines["user"].refused) == (1, 1)
