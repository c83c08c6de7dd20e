"""The identity contract: whatever providers do, a curator's movies, series and episodes stay his."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from django.db.models import Count

from tests.factories import PortalFactory
from tests.vod.conftest import episode, movie, series
from vod import merging
from vod.models import Category, Episode, Movie, Series

pytestmark = pytest.mark.django_db


@dataclass
class Item:
    """What a provider lists."""

    key: str
    name: str
    year: int

    @property
    def plain(self) -> str:
        return self.name.removesuffix(" HD")


class Provider:
    """Two lists that change as providers change them. Truth: which record is which title."""

    def __init__(self, mark: str, chance: random.Random) -> None:
        self.chance = chance
        self.films = [Item(f"{mark}{n}", f"Film {mark}{n}", 1950 + n) for n in range(30)]
        self.shows = [Item(f"{mark}s{n}", f"Show {mark}{n}", 1950 + n) for n in range(4)]
        self.gone: list[Item] = []

    def edit(self, step: int) -> None:
        """One refresh's worth of whims."""
        chance = self.chance
        for item in (chance.choice(self.films), chance.choice(self.shows)):
            item.name = item.plain if item.name != item.plain else f"{item.name} HD"
        if chance.random() < 0.3:
            chance.shuffle(self.films)
        if chance.random() < 0.4 and len(self.films) > 20:
            self.gone.append(self.films.pop(chance.randrange(len(self.films))))
        if chance.random() < 0.3 and self.gone:
            self.films.append(self.gone.pop())
        if chance.random() < 0.2:
            for item in chance.sample(self.films, 3):
                item.key = f"{item.key.split('-')[0]}-{step}"
        if chance.random() < 0.2:
            self.films.append(Item(f"n{step}", f"Novelty {step}", 1900 + step))

    def lists(self, host: int):
        films = [movie(i.key, i.name, year=i.year, rating=self.chance.choice([5.0, 6.0])) for i in self.films]
        shows = [series(i.key, i.name, year=i.year) for i in self.shows]
        parts = [
            episode(f"{i.key}e{n}-{host}", i.key, 1 + n // 2, 1 + n % 2, f"Part {n} of {host}")
            for i in self.shows
            for n in range(4)
        ]
        return films, shows, parts


def curated():
    return {
        model: set(model.objects.filter(curated=True).values_list("pk", "custom_name", "enabled", *extra))
        for model, extra in ((Movie, ["category"]), (Series, ["category"]), (Episode, ["series"]))
    }


@pytest.mark.parametrize("seed", range(2))
def test_random_provider_edits_lose_no_curated_value_and_reuse_no_public_id(refresh, portal, seed):
    chance = random.Random(seed)
    places = [(portal, Provider("a", chance)), (PortalFactory(hold_percent=100), Provider("b", chance))]
    for place, provider in places:
        films, shows, parts = provider.lists(0)
        refresh(films, shows, of=place, episodes=parts)
    mine = Category.objects.create(kind="movie", name="Mine")
    for model in (Movie, Series, Episode):
        for row in model.objects.all():
            values = {"category": mine} if model is Movie else {}
            model.objects.filter(pk=row.pk).update(
                custom_name=f"Mine {row.pk}", enabled=bool(row.pk % 2), curated=True, **values
            )
    merging.merge(list(Movie.objects.order_by("?")[:2]), "ann")
    before = curated()
    feeds = dict(Movie.objects.annotate(fed=Count("offers")).filter(fed=1).values_list("pk", "name"))
    ever = {pk for model in (Movie, Series, Episode) for pk in model.objects.values_list("pk", flat=True)}
    for step in range(1, 13):
        for place, provider in places:
            provider.edit(step)
            films, shows, parts = provider.lists(step if chance.random() < 0.3 else 0)
            refresh(films, shows, of=place, episodes=parts)
        now = {pk for model in (Movie, Series, Episode) for pk in model.objects.values_list("pk", flat=True)}
        assert all(pk > max(ever) for pk in now - ever), "a public id was used twice"
        ever |= now
        after = curated()
        assert all(before[model] <= after[model] for model in before)
    listed = {film.plain for _, provider in places for film in provider.films}
    truth = {pk: name.removesuffix(" HD") for pk, name in feeds.items() if name.removesuffix(" HD") in listed}
    fed = {
        pk: title.lead.name.removesuffix(" HD")
        for pk, title in Movie.objects.select_related("lead").in_bulk().items()
        if title.lead.stale_since is None
    }
    assert len(truth) > 30
    assert truth.items() <= fed.items()
    assert Episode.objects.count() == 2 * 4 * 4
