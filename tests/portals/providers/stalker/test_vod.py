"""Movies and series of both families: everything listed, within the budget, and every way a list can lie."""

from __future__ import annotations

from collections import Counter

import pytest

from portals import errors
from portals.models import Subscription
from portals.providers.vod_records import VodProvider
from tests.fakes.portal_titles import FakeMovie, titles
from tests.fakes.portal_wire import Reply, js, page, panel_js, raw, text

FAMILIES = pytest.mark.parametrize("family", ["stock", "panel"])


def no_progress(done: int, expected: int) -> None:
    """Nobody watches."""


def movies(home):
    return {one.provider_id: one for one in home.provider().movies(no_progress)}


def refused(home, kind=errors.CatalogueIncomplete) -> str:
    with pytest.raises(kind) as caught:
        movies(home)
    return caught.value.message


def test_a_portal_has_the_shape_of_a_provider_of_movies(house):
    provider: VodProvider = house().provider()
    assert not provider.lists_episodes
    assert list(provider.episodes(no_progress)) == []


@FAMILIES
def test_all_pages_of_movies_are_read_within_the_budget(house, family):
    home = house(family)
    home.fake.titles = titles(movies=100)
    provider = home.provider()

    assert [one.name for one in provider.movie_categories()] == ["Action", "Drama & More", "XXX"]
    listed = {one.provider_id for one in provider.movies(no_progress)}
    series = list(provider.series(no_progress))

    assert {str(n) for n in range(1, 101)} <= listed
    asked = Counter(name for _at, name in home.fake.requests)
    # Stock: 100 movies, one with files, four series. Panel: 100 movies and one series; 3 series on a page of their own.
    assert asked["vod.get_ordered_list"] == 8
    assert asked["series.get_ordered_list"] == (1 if family == "panel" else 0)
    assert (asked["vod.get_categories"], asked["series.get_categories"]) == (1, 1)
    assert len(series) == 4
    assert home.fake.parallel_peak == 1


@FAMILIES
def test_a_movie_tells_all_its_row_holds(house, family):
    home = house(family)
    movie = movies(home)["7"]
    about = movie.about
    assert (movie.name, movie.category_ids, movie.detailed, movie.censored) == ("Movie 7", ("2",), True, False)
    assert (about.year, about.duration_s, about.rating, about.age_rating) == (1999, 95 * 60, 7.4, "PG-13")
    assert (about.plot, about.genres, about.country) == ("About Movie 7 and more", "Thriller, Drama", "US")
    assert (about.cast, about.director) == ("B. Actor, C. Actress", "A. Director")
    assert movie.container == ("mkv" if family == "panel" else "")
    assert movie.added_at is not None
    assert f"{movie.added_at:%H:%M}" == "09:00"


@pytest.mark.parametrize(
    ("said", "poster"),
    [
        ("/stalker_portal/screenshots/1/7.jpg", "{origin}/stalker_portal/screenshots/1/7.jpg"),
        ("screenshots/1/7.jpg", "{origin}/stalker_portal/screenshots/1/7.jpg"),
        ("http://posters.example/7.jpg", "http://posters.example/7.jpg"),
        ("//posters.example/7.jpg", "http://posters.example/7.jpg"),
        ("data:image/png;base64,AAAA", "{origin}/stalker_portal/screenshots/2/123.jpg"),
        ("javascript:alert(1)", "{origin}/stalker_portal/screenshots/2/123.jpg"),
        (False, "{origin}/stalker_portal/screenshots/2/123.jpg"),
    ],
)
def test_posters_are_whole_addresses(house, said, poster):
    home = house()
    home.fake.titles = titles(movies=1)
    home.fake.titles.movies[0].extra = {"screenshot_uri": said, "screenshots": "123"}
    assert movies(home)["1"].about.poster == poster.format(origin=home.fake.origin)


@FAMILIES
def test_adult_titles_stay_out_when_the_owner_wants_that(house, family):
    assert movies(house(family))["30"].censored
    shy = house(family, portal={"with_censored": False})
    assert "30" not in movies(shy)
    assert "29" in movies(shy)
    assert "XXX" not in {one.name for one in shy.provider().movie_categories()}


@FAMILIES
def test_every_field_of_a_row_may_be_anything(house, family):
    home = house(family)
    nonsense: tuple[object, ...] = (
        None,
        "",
        [],
        {},
        True,
        -1,
        1e300,
        "x" * 5000,
        "\x00\ud800",
        "0000-00-00 00:00:00",
        [[1]],
        {"a": []},
    )
    row = home.fake.dialect.movie_row(FakeMovie(1, "M"))
    made = [{**row, "id": str(n), **dict.fromkeys(set(row) - {"id"}, value)} for n, value in enumerate(nonsense, 1)]
    home.fake.fault("vod.get_ordered_list", js({"total_items": len(made), "data": made, "max_page_items": 14}))
    provider = home.provider()
    found = [*provider.movies(no_progress), *provider.series(no_progress)]
    assert len({one.provider_id for one in found}) >= len(nonsense)
    assert all(one.name for one in found)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"name": "video_name_format", "o_name": "Original"}, "Original"),
        ({"name": "", "o_name": None, "path": "The_Path"}, "The_Path"),
        ({"name": "", "o_name": "", "path": ""}, "Movie 1"),
    ],
)
def test_a_name_is_found_wherever_it_stands(house, row, name):
    home = house()
    home.fake.titles = titles(movies=2)
    home.fake.titles.movies[0].extra = row
    assert movies(home)["1"].name == name


# --- several MACs


MACS = ("00:1A:79:00:00:01", "00:1A:79:00:00:02")


@FAMILIES
def test_a_second_mac_with_the_same_list_costs_one_page(house, family):
    home = house(family, macs=MACS)
    home.fake.titles = titles(movies=100)
    assert all(one.offered_to == () for one in movies(home).values())
    assert home.fake.count("vod.get_ordered_list") == 8 + 1


def test_a_mac_that_is_offered_more_is_read_to_the_end(house):
    home = house(macs=MACS)
    whole = home.fake.titles
    rows = [home.fake.dialect.movie_row(movie) for movie in whole.movies[:10]]
    home.fake.fault("vod.get_ordered_list", js({"total_items": "10", "max_page_items": 14, "data": rows}), times=1)
    found = movies(home)
    second = Subscription.objects.get(mac=MACS[1])
    assert found["3"].offered_to == ()
    assert found["20"].offered_to == (second.pk,)


@FAMILIES
def test_a_refused_mac_takes_nothing_away(house, family):
    home = house(family, macs=MACS)
    home.fake.account(MACS[0]).state = "blocked"
    assert len(movies(home)) >= 30
    assert Subscription.objects.get(mac=MACS[0]).state != "ok"


# --- lists that lie


@FAMILIES
def test_a_list_that_dies_at_page_thirty_is_no_list(house, family):
    home = house(family)
    home.fake.titles = titles(movies=14 * 40)
    home.fake.fault("vod.get_ordered_list", page(502), skip=29)
    assert refused(home, errors.PortalOverloaded).startswith("The portal is overloaded or down (status 502).")
    assert home.fake.count("vod.get_ordered_list") == 29 + 4


@FAMILIES
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (page(200, "Welcome"), errors.AnswerUnreadable),
        (raw('{"js":{"data":[{"id":'), errors.AnswerUnreadable),
        (js(None), errors.PortalOverloaded),
        (page(503, headers={"Retry-After": "600"}), errors.PortalThrottled),
        (text("<b>Fatal error</b>: Allowed memory size exhausted"), errors.PortalOverloaded),
        (page(404), errors.AnswerNotFound),
    ],
)
def test_what_is_no_page_ends_the_list_with_its_name(house, family, answer, kind):
    home = house(family)
    home.fake.titles = titles(movies=60)
    home.fake.fault("vod.get_ordered_list", answer, skip=2)
    assert refused(home, kind)


def test_half_a_list_is_said(house):
    home = house()
    home.fake.titles = titles(movies=60)
    empty = js({"total_items": "66", "max_page_items": 14, "data": []})
    home.fake.fault("vod.get_ordered_list", empty, skip=2)
    assert refused(home).startswith("The portal announced 66 movies but listed only 28.")


def test_an_empty_page_in_the_middle_is_asked_again(house):
    home = house()
    home.fake.titles = titles(movies=60)
    empty = js({"total_items": "65", "max_page_items": 14, "data": []})
    home.fake.fault("vod.get_ordered_list", empty, skip=2, times=1)
    assert {str(n) for n in range(1, 61)} <= set(movies(home))


def test_one_page_for_ever_is_said(house):
    home = house()
    rows = [home.fake.dialect.movie_row(FakeMovie(n, f"M{n}")) for n in range(1, 15)]
    home.fake.fault("vod.get_ordered_list", js({"total_items": "600", "max_page_items": 14, "data": rows}))
    assert "the same page again and again: 14 of 600 movies" in refused(home)


@FAMILIES
def test_categories_without_a_single_title_are_no_list(house, family):
    home = house(family)
    home.fake.titles.movies, home.fake.titles.series = [], []
    assert refused(home).startswith("The portal has categories but lists no movie")


@FAMILIES
def test_a_portal_without_movies_has_none(house, family):
    home = house(family)
    nothing = js(False) if family == "stock" else Reply(content_type="text/javascript")
    for action in ("vod.get_categories", "series.get_categories"):
        home.fake.fault(action, nothing)
    provider = home.provider()
    assert provider.movie_categories() == [] == provider.series_categories()
    assert list(provider.movies(no_progress)) == [] == list(provider.series(no_progress))
    assert home.fake.count("vod.get_ordered_list") == 0
    assert home.fake.doings().handshakes == 1
    assert len([name for _at, name in home.fake.requests if "get_categories" in name]) <= 3


@FAMILIES
def test_a_session_the_portal_forgot_is_no_portal_without_movies(house, family):
    home = house(family)
    home.provider().check(home.subscription)
    home.fake.account().token = "A" * 32
    provider = home.provider()
    assert len(list(provider.movies(no_progress))) >= 30
    assert len(list(provider.series(no_progress))) == 4


@FAMILIES
def test_categories_that_are_not_found_are_no_portal_without_movies(house, family):
    home = house(family)
    home.fake.fault("vod.get_categories", page(404))
    assert refused(home, errors.AnswerNotFound)


def test_a_portal_that_lists_nothing_under_all_is_asked_by_category(house):
    home = house("panel")
    nothing = panel_js({"total_items": 0, "max_page_items": 14, "data": []})
    home.fake.fault("vod.get_ordered_list", nothing, times=1)
    assert {str(n) for n in range(1, 31)} <= set(movies(home))


@FAMILIES
def test_a_throttled_portal_is_left_alone(house, family):
    home = house(family)
    home.fake.titles = titles(movies=60)
    home.fake.fault("vod.get_ordered_list", page(429, headers={"Retry-After": "120"}), skip=2)
    with pytest.raises(errors.PortalThrottled) as caught:
        movies(home)
    assert caught.value.retry_after_s == 120
    asked = len(home.fake.requests)
    with pytest.raises(errors.PortalThrottled):
        movies(home)
    assert len(home.fake.requests) == asked


# --- search


@FAMILIES
def test_the_portal_searches_itself(house, family):
    home = house(family)
    found = home.provider().search("movie 12", "movie")
    assert [one.name for one in found] == ["Movie 12"]
    assert [one.name for one in home.provider().search("series 912", "series")] == ["Series 912"]
    assert home.fake.count("vod.get_ordered_list") + home.fake.count("series.get_ordered_list") == 2
