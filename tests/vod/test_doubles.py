"""Titles that share an id which became known later are joined where that is certain, and stay apart once taken back."""

from __future__ import annotations

import pytest

from portals import refreshing, runs
from portals.models import RunKind
from tests.factories import PortalFactory
from tests.vod.conftest import Shop, movie
from vod import merging
from vod.doubles import Known, certainly_one
from vod.models import Merge, Movie
from vod.prefetch import prefetch

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(refresh):
    """A second portal that calls the movie otherwise."""
    second = PortalFactory(hold_percent=100)
    refresh([movie(1, "Heat", tmdb_id="949")])
    refresh([movie(7, "Hitze")], of=second)
    assert Movie.objects.count() == 2
    return second


def test_an_id_told_by_a_later_list_joins_two_titles(refresh, other):
    stays = Movie.objects.order_by("pk").first()
    run = refresh([movie(7, "Hitze", tmdb_id="949")], of=other)
    film = Movie.objects.get()
    assert (film.pk, film.offers.count(), film.curated) == (stays.pk, 2, False)
    assert run.counts["joined"] == 1
    assert run.report["joined"] == [["Hitze", "Heat"]]
    assert Merge.objects.get().decided_by == "same TMDB id"
    assert "joined" not in refresh([movie(7, "Hitze", tmdb_id="949")], of=other).counts


def test_what_was_taken_back_is_not_joined_again(refresh, other):
    refresh([movie(7, "Hitze", tmdb_id="949")], of=other)
    merging.take_back(Merge.objects.get(), "ann")
    refresh([movie(7, "Hitze!", tmdb_id="949")], of=other)
    assert Movie.objects.count() == 2


def test_a_curators_title_is_not_taken_away(refresh, other):
    Movie.objects.filter(name="Hitze").update(curated=True)
    refresh([movie(7, "Hitze", tmdb_id="949")], of=other)
    assert Movie.objects.count() == 2


def test_an_id_the_details_tell_joins_them_too(stock, other):
    stock(other, Shop([movie(7, "Hitze")], details={"7": movie(7, "Hitze", tmdb_id="949")}))
    run = runs.begin(other, RunKind.DETAILS, "test")
    with runs.recorded(run) as progress:
        prefetch(run, progress, sleep=lambda seconds: None)
    assert Movie.objects.get().offers.count() == 2
    assert progress.counts["joined"] == 1
    assert refreshing.kinds_of(other)


@pytest.mark.parametrize(
    ("one", "other", "certain"),
    [
        ({}, {}, True),
        ({"languages": {"de"}}, {"languages": {"fr"}}, False),
        ({"languages": {"de"}}, {}, True),
        ({"languages": {"de"}, "portals": {2}}, {}, False),
        ({"years": {1995}}, {"years": {1996}}, True),
        ({"years": {1995}}, {"years": {2005}}, False),
        ({"imdb_ids": {"tt1"}}, {"imdb_ids": {"tt2"}}, False),
        ({"imdb_ids": {"tt1"}}, {"imdb_ids": {"tt1", "tt2"}}, True),
    ],
)
def test_what_speaks_against_being_one(one, other, certain):
    mine = Known(1, False, **{"languages": {""}, "portals": {1}, **one})
    theirs = Known(2, False, **{"languages": {""}, "portals": {2}, **other})
    assert certainly_one(mine, theirs) is certain
    assert certainly_one(theirs, mine) is certain
