"""What the playing side and the outputs are given."""

from __future__ import annotations

import pytest

from portals.models import Portal
from tests.factories import PortalFactory, SubscriptionFactory
from tests.vod.conftest import episode, movie, series
from vod import listing, offers
from vod.models import Episode, Movie, MovieOffer, Series

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(refresh, portal):
    """Two portals: one movie and one series of both."""
    other = PortalFactory(priority=10)
    for at, key in ((portal, "1"), (other, "2")):
        refresh(
            [movie(key, "Heat", year=1995, poster=f"http://p/{key}.jpg", rating=8.2, genres="Crime")],
            [series(key, "Dark", year=2017)], of=at, episodes=[episode(f"e{key}", key, 1, 1)],
        )  # fmt: skip
    Movie.objects.update(enabled=True)
    Series.objects.update(enabled=True)
    return other


def test_offers_come_by_rank_then_by_priority_in_one_statement(shelf, django_assert_num_queries):
    film = Movie.objects.get()
    with django_assert_num_queries(1):
        found = offers.movie_offers(film.pk)
        assert [(o.portal.priority, o.provider_id, o.cmd) for o in found] == [
            (10, "2", "movie/2.mkv"),
            (100, "1", "movie/1.mkv"),
        ]
    MovieOffer.objects.filter(provider_id="2").update(rank=1)
    assert [o.provider_id for o in offers.movie_offers(film.pk)] == ["1", "2"]
    chosen = MovieOffer.objects.get(provider_id="2").pk
    assert [o.provider_id for o in offers.movie_offers(film.pk, prefer=chosen)] == ["2", "1"]


def test_only_what_an_enabled_portal_still_lists_is_given(shelf, refresh, portal):
    Portal.objects.filter(pk=shelf.pk).update(enabled=False)
    film, part = Movie.objects.get(), Episode.objects.get()
    assert [o.provider_id for o in offers.movie_offers(film.pk)] == ["1"]
    assert [o.provider_id for o in offers.episode_offers(part.pk)] == ["e1"]
    refresh([movie("9", "Ran")], [series("9", "Lost")], episodes=[episode("e9", "9", 1, 1)])
    assert offers.movie_offers(film.pk) == []
    assert offers.episode_offers(part.pk) == []
    assert offers.playable(film.pk) is None


def test_a_public_id_names_a_movie_or_an_episode(shelf):
    film, part = Movie.objects.get(), Episode.objects.get()
    assert offers.playable(film.pk) == ("movie", film.pk, "Heat", False)
    assert offers.playable(part.pk) == ("episode", part.pk, "Dark: S1E1", False)
    assert offers.playable(999_999) is None
    assert offers.playable(Series.objects.get().pk) is None


def test_an_offer_names_the_subscriptions_that_may_play_it(shelf, portal):
    mine, _ = SubscriptionFactory(portal=portal), SubscriptionFactory(portal=portal)
    first = offers.movie_offers(Movie.objects.get().pk)[1]
    assert first.subscriptions().count() == 2
    MovieOffer.objects.filter(portal=portal).update(offered_to=[mine.pk])
    first = offers.movie_offers(Movie.objects.get().pk)[1]
    assert list(first.subscriptions()) == [mine]


def test_lists_for_outputs_take_one_statement_each(shelf, refresh, portal, django_assert_num_queries):
    refresh([movie(n, f"Film {n}", year=1999) for n in range(100, 150)], [series("1", "Dark", year=2017)])
    Movie.objects.update(enabled=True)
    with django_assert_num_queries(1):
        rows = list(listing.movies(Movie.objects.visible().in_order()))
    assert len(rows) == 51
    with django_assert_num_queries(1):
        heat = next(iter(listing.movies(Movie.objects.search("heat"))))
    assert (heat.name, heat.category, heat.poster, heat.rating, heat.container) == (
        "Heat", "Action", "http://p/2.jpg", 8.2, "mkv",
    )  # fmt: skip
    with django_assert_num_queries(1):
        assert [row.name for row in listing.series(Series.objects.visible())] == ["Dark"]
    dark = Series.objects.get()
    with django_assert_num_queries(1):
        (part,) = listing.episodes(Episode.objects.visible().filter(series=dark).in_order())
    assert (part.season, part.number, part.container) == (1, 1, "mkv")


def test_the_description_follows_the_first_offer_that_is_still_there(shelf, refresh):
    assert Movie.objects.get().lead.poster == "http://p/2.jpg"
    refresh([movie("9", "Ran", year=1985)], [series("2", "Dark", year=2017)], of=shelf)
    assert Movie.objects.get(name="Heat").lead.poster == "http://p/1.jpg"
