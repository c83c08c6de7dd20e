"""What portals dropped long ago goes; what a curator touched stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.vod.conftest import episode, movie, series
from vod import merging
from vod.forgetting import forget_gone
from vod.models import Episode, Movie, MovieOffer, Series, SeriesOffer

pytestmark = pytest.mark.django_db
LATER = timedelta(days=31)


@pytest.fixture
def dropped(refresh):
    """Everything but one movie and one series is gone."""
    films = [movie(n, f"Film {n}") for n in range(4)]
    refresh(films, [series(7, "Dark"), series(8, "Lost")], episodes=[episode(71, 7, 1, 1), episode(81, 8, 1, 1)])
    refresh(films[:1], [series(8, "Lost")], episodes=[episode(82, 8, 1, 2)])
    long_ago = timezone.now() - LATER
    for model in (Movie, Series, Episode):
        model.objects.update(created_at=long_ago)


def test_what_is_gone_for_a_month_is_removed_and_the_rest_stays(dropped):
    assert not any(forget_gone(timezone.now() + timedelta(days=29)).values())
    removed = forget_gone(timezone.now() + LATER)
    assert (removed["movies"], removed["series"], removed["episodes"]) == (3, 1, 1)
    assert list(Movie.objects.values_list("name", flat=True)) == ["Film 0"]
    assert list(Episode.objects.values_list("name", flat=True)) == ["S1E2"]
    assert MovieOffer.objects.count() == SeriesOffer.objects.count() == 1


def test_nothing_a_curator_touched_is_removed(dropped):
    Movie.objects.filter(name="Film 1").switch(enabled=True)
    merging.merge(list(Movie.objects.filter(name__in=["Film 2", "Film 3"])), "ann")
    Episode.objects.update(curated=True)
    forget_gone(timezone.now() + LATER)
    assert Movie.objects.count() == 3
    assert MovieOffer.objects.count() == 4
    assert Series.objects.count() == 2


def test_nothing_is_removed_when_the_owner_says_never(dropped, settings):
    settings.FORGET_DAYS = 0
    assert forget_gone(timezone.now() + LATER) == {}
    assert Movie.objects.count() == 4
