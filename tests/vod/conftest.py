"""A portal that offers the movies and series a test says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portals import refreshing, runs
from portals.errors import ItemRefused, PortalUnreachable
from portals.models import RunKind
from portals.providers.vod_records import About, CategoryRecord, EpisodeRecord, MovieRecord, SeriesDetails, SeriesRecord
from tests.factories import PortalFactory


class Shop:
    """A provider that lists what the test says and counts what it is asked."""

    def __init__(self, movies=(), series=(), categories=(), episodes=(), dies_after=None, details=None):
        self.listed_movies, self.listed_series = list(movies), list(series)
        self.categories, self.listed_episodes = list(categories), list(episodes)
        self.lists_episodes = bool(episodes)
        self.dies_after = dies_after
        self.details = details or {}
        self.asked: list[str] = []

    def movie_categories(self) -> list[CategoryRecord]:
        return [c for c in self.categories if c.kind == "movie"]

    def series_categories(self) -> list[CategoryRecord]:
        return [c for c in self.categories if c.kind == "series"]

    def movies(self, progress) -> Iterator[MovieRecord]:
        for position, record in enumerate(self.listed_movies):
            if position == self.dies_after:
                raise PortalUnreachable("The portal stopped answering.")
            progress(position, len(self.listed_movies))
            yield record

    def series(self, progress) -> Iterator[SeriesRecord]:
        yield from self.listed_series

    def episodes(self, progress) -> Iterator[EpisodeRecord]:
        yield from self.listed_episodes

    def movie_details(self, provider_id, provider_data) -> MovieRecord:
        return self._details(provider_id)

    def series_details(self, provider_id, provider_data) -> SeriesDetails:
        return self._details(provider_id)

    def _details(self, provider_id):
        self.asked.append(provider_id)
        found = self.details.get(provider_id)
        if found is None:
            raise ItemRefused("The portal knows nothing of it.")
        if isinstance(found, Exception):
            raise found
        return found


def movie(provider_id, name, category="1", **about) -> MovieRecord:
    return MovieRecord(
        str(provider_id), name, (category,) if category else (), cmd=f"movie/{provider_id}.mkv", container="mkv",
        about=About(**about),
    )  # fmt: skip


def series(provider_id, name, category="9", **about) -> SeriesRecord:
    return SeriesRecord(str(provider_id), name, (category,) if category else (), about=About(**about))


def episode(provider_id, series_id, season, number, name="", **about) -> EpisodeRecord:
    return EpisodeRecord(
        str(provider_id), str(series_id), season, number, name or f"S{season}E{number}",
        cmd=f"series/{provider_id}.mkv", container="mkv", about=About(**about),
    )  # fmt: skip


CATEGORIES = (
    CategoryRecord("1", "Action", "movie"),
    CategoryRecord("2", "Drama", "movie"),
    CategoryRecord("3", "XXX", "movie", censored=True),
    CategoryRecord("9", "Serien", "series"),
)


@pytest.fixture
def portal():
    return PortalFactory(hold_percent=100)


@pytest.fixture
def stock(monkeypatch):
    """What each portal's provider is from now on: `stock(portal, shop)`."""
    shops: dict[int, Shop] = {}
    for place in ("vod.refresh", "vod.details", "vod.prefetch"):
        monkeypatch.setattr(f"{place}.vod_provider_for", lambda portal: shops[portal.pk], raising=False)

    def put(portal, shop):
        shops[portal.pk] = shop
        return shop

    return put


@pytest.fixture
def refresh(portal, stock):
    def run(movies=(), series=(), *, of=None, categories=CATEGORIES, **kwargs):
        stock(of or portal, Shop(movies, series, categories, **kwargs))
        return refreshing.perform(runs.begin(of or portal, RunKind.VOD, "test"))

    return run
