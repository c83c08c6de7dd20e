"""Joining and separating titles by hand: nothing is lost, and a provider undoes none of it."""

from __future__ import annotations

import pytest

from tests.factories import PortalFactory
from tests.vod.conftest import episode, movie, series
from vod import merging, settling
from vod.models import Episode, EpisodeOffer, Merge, Movie, MovieOffer, Season, Series, SeriesOffer

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(refresh):
    refresh([movie(1, "Heat"), movie(2, "Hitze")])
    Movie.objects.filter(name="Hitze").update(enabled=True, custom_name="Mine")
    settling.settle(Movie, Movie.objects.values_list("pk", flat=True))
    return list(Movie.objects.order_by("pk"))


def test_the_older_stays_shown_and_named_and_a_refresh_leaves_it_so(pair, refresh):
    stays = merging.merge(pair[::-1], "ann")
    assert (stays.pk, stays.shown_name, stays.enabled, stays.offers.count()) == (pair[0].pk, "Mine", True, 2)
    refresh([movie(2, "Hitze (1995)"), movie(1, "Heat (1995)"), movie(3, "Ran")])
    assert Movie.objects.get(pk=stays.pk).offers.count() == 2
    assert Movie.objects.count() == 2


def test_a_merge_is_taken_back_to_the_last_value(pair):
    before = list(Movie.objects.order_by("pk").values())
    merging.merge(pair, "ann")
    merging.take_back(Merge.objects.get(), "ann")
    after = list(Movie.objects.order_by("pk").values())
    assert [{**row, "created_at": 0} for row in after] == [{**row, "created_at": 0} for row in before]
    with pytest.raises(merging.NotMergeable, match="already"):
        merging.take_back(Merge.objects.get(), "ann")


def test_a_split_offer_stays_apart_over_refreshes_and_is_joined_again(refresh):
    other = PortalFactory(hold_percent=100)
    refresh([movie(1, "Heat", year=1995)])
    refresh([movie("a", "Heat", year=1995)], of=other)
    old = Movie.objects.get()
    fresh = merging.split(MovieOffer.objects.get(portal=other), "ann")
    for rating in (7.0, 8.0):
        refresh([movie("a", "Heat", year=1995, rating=rating)], of=other)
    assert {m.pk: m.offers.count() for m in Movie.objects.all()} == {old.pk: 1, fresh.pk: 1}
    merging.take_back(Merge.objects.get(), "ann")
    assert Movie.objects.get().pk == old.pk


def test_what_cannot_be_merged_or_split_is_refused(pair):
    with pytest.raises(merging.NotMergeable, match="two or more"):
        merging.merge(pair[:1], "ann")
    with pytest.raises(merging.NotMergeable, match="only offer"):
        merging.split(MovieOffer.objects.first(), "ann")


def layout():
    return sorted(
        (offer.episode.series_id, offer.episode_id, offer.season, offer.number, offer.provider_id)
        for offer in EpisodeOffer.objects.select_related("episode")
    )


def test_series_are_merged_with_their_episodes_and_taken_back(refresh):
    refresh(
        [], [series(1, "Dark"), series(2, "Dunkel")],
        episodes=[episode(11, 1, 1, 1), episode(21, 2, 1, 1), episode(22, 2, 2, 1)],
    )  # fmt: skip
    Episode.objects.filter(offers__provider_id="21").update(custom_name="Mine")
    before, names = layout(), sorted(Episode.objects.values_list("pk", "custom_name", "name"))
    stays = merging.merge(list(Series.objects.all()), "ann")
    assert sorted(Episode.objects.values_list("season__number", "number")) == [(1, 1), (2, 1)]
    assert Episode.objects.get(season__number=1).offers.count() == 2
    assert set(Season.objects.values_list("series", flat=True)) == {stays.pk}
    merging.take_back(Merge.objects.get(), "ann")
    assert layout() == before
    assert sorted(Episode.objects.values_list("pk", "custom_name", "name")) == names


def test_a_split_series_takes_its_own_episodes_along(refresh):
    other = PortalFactory(hold_percent=100)
    refresh([], [series(1, "Dark", tmdb_id="5")], episodes=[episode(11, 1, 1, 1)])
    refresh([], [series(2, "Dark", tmdb_id="5")], of=other, episodes=[episode(21, 2, 1, 1), episode(22, 2, 1, 2)])
    shared = Episode.objects.get(number=1)
    fresh = merging.split(SeriesOffer.objects.get(portal=other), "ann")
    assert sorted(fresh.episodes.values_list("number", flat=True)) == [1, 2]
    assert [o.provider_id for o in Episode.objects.get(pk=shared.pk).offers.all()] == ["11"]
