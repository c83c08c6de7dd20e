"""One movie from several portals is one movie."""

from __future__ import annotations

import pytest

from tests.factories import PortalFactory
from tests.vod.conftest import movie
from vod.models import Movie
from vod.same import imdb_id, title_key, tmdb_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (movie(1, "Heat", tmdb_id="949"), movie("a", "Heat - Hitze", tmdb_id="949")),
        (movie(1, "Heat", imdb_id="tt0113277"), movie("a", "Heat (1995)", imdb_id="113277")),
        (movie(1, "Léon: The Professional (1994)"), movie("a", "LEON THE PROFESSIONAL 4K", year=1994)),
        (movie(1, "Rocky II (1979)"), movie("a", "Rocky 2", year=1979)),
        (movie(1, "EN - Heat (1995)"), movie("a", "Heat", year=1995)),
        (movie(1, "Blade Runner 2049 (2017)"), movie("a", "Blade Runner 2049", year=2017)),
    ],
)
@pytest.mark.django_db
def test_the_same_movie_from_two_portals_is_one_with_two_offers(refresh, one, other):
    refresh([one])
    refresh([other], of=PortalFactory())
    assert Movie.objects.get().offers.count() == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (movie(1, "Heat", year=1995), movie("a", "Heat", year=1986)),
        (movie(1, "Heat"), movie("a", "Heat")),
        (movie(1, "EN - Heat (1995)"), movie("a", "FR - Heat (1995)")),
        (movie(1, "Rocky II (1979)"), movie("a", "Rocky III (1979)")),
        (movie(1, "A", tmdb_id="0", year=1999), movie("a", "B", tmdb_id="0", year=1999)),
    ],
)
@pytest.mark.django_db
def test_what_may_be_another_movie_stays_another(refresh, one, other):
    refresh([one])
    refresh([other], of=PortalFactory())
    assert Movie.objects.count() == 2


@pytest.mark.django_db
def test_one_portal_with_two_qualities_has_one_movie_and_with_two_languages_two(refresh):
    refresh([movie(1, "EN - Heat (1995)", tmdb_id="949"), movie(2, "EN - Heat (1995) 4K", tmdb_id="949"),
             movie(3, "FR - Heat (1995)", tmdb_id="949")])  # fmt: skip
    assert sorted(film.offers.count() for film in Movie.objects.all()) == [1, 2]


def test_ids_are_read_in_every_spelling_and_zero_is_none():
    assert (tmdb_id(" 0949 "), tmdb_id("0"), tmdb_id("N/A")) == ("949", "", "")
    assert (imdb_id("tt0113277"), imdb_id("113277"), imdb_id("tt0"), imdb_id("x")) == ("tt0113277", "tt0113277", "", "")


def test_a_title_without_letters_is_no_sign():
    assert title_key("(1999)", None, year_needed=True) in ("", "1999 1999")
    assert title_key("!!!", 1999, year_needed=True) == ""
