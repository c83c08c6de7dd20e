"""For outputs: movies, series and episodes as flat rows, straight from the database, in one statement per list.

A row holds what playlists and the Xtream API print. Model instances would cost several times as much at 100,000 rows.

    for row in movies(Movie.objects.visible().in_category("Action").in_order()): …
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from portals.providers.vod_records import About
from vod.models import Movie, Series
from vod.models.base import about_of
from vod.querysets import EpisodeQuerySet, TitleQuerySet

_CHUNK = 2000


class ListedTitle(NamedTuple):
    """A movie or series as lists show it. `more` holds original_name, released_on (ISO), country, age_rating, trailer,
    backdrops where they are told; `container` is "" for series and where unknown."""

    id: int
    name: str
    category_id: int | None
    category: str
    adult: bool
    year: int | None
    poster: str
    rating: float | None
    plot: str
    cast: str
    director: str
    genres: str
    duration_s: int | None
    tmdb_id: str
    imdb_id: str
    added_at: datetime
    container: str
    more: dict[str, Any]


class ListedEpisode(NamedTuple):
    """An episode as lists show it."""

    id: int
    series_id: int
    season: int
    number: int
    name: str
    poster: str
    plot: str
    rating: float | None
    duration_s: int | None
    container: str
    added_at: datetime
    more: dict[str, Any]


_TITLE = (
    "pk", "custom_name", "name", "category_id", "category__name", "adult", "year", "created_at", "lead__added_at",
    "lead__poster", "lead__rating", "lead__plot", "lead__cast", "lead__director", "lead__genres", "lead__duration_s",
    "lead__tmdb_id", "lead__imdb_id", "lead__more",
)  # fmt: skip
_EPISODE = (
    "pk", "series_id", "season__number", "number", "custom_name", "name", "created_at", "lead__added_at",
    "lead__poster", "lead__plot", "lead__rating", "lead__duration_s", "lead__container", "lead__more",
)  # fmt: skip


def movies(chosen: TitleQuerySet[Movie]) -> Iterator[ListedTitle]:
    """Rows of these movies in the queryset's order. One statement."""
    for row in chosen.values_list(*_TITLE, "lead__container").iterator(chunk_size=_CHUNK):
        yield _title(row[:-1], row[-1] or "")


def series(chosen: TitleQuerySet[Series]) -> Iterator[ListedTitle]:
    """Rows of these series in the queryset's order. One statement."""
    for row in chosen.values_list(*_TITLE).iterator(chunk_size=_CHUNK):
        yield _title(row, "")


def episodes(chosen: EpisodeQuerySet) -> Iterator[ListedEpisode]:
    """Rows of these episodes in the queryset's order. One statement.

    A series whose details nobody asked for has none yet: call `vod.details.ensure(series)` before.
    """
    for (
        pk, series_id, season, number, custom, name, created, added, poster, plot, rating, duration_s, container, more,
    ) in chosen.values_list(*_EPISODE).iterator(chunk_size=_CHUNK):  # fmt: skip
        yield ListedEpisode(
            pk, series_id, season, number, custom or name, poster or "", plot or "", rating, duration_s,
            container or "", added or created, more or {},
        )  # fmt: skip


def about(title: Movie | Series) -> About:
    """Everything known about a title: its lead's word first, what that leaves out from its other offers.

    One statement. Does not ask the portal: `vod.details.ensure(title)` does.
    """
    offers: list[Any] = list(title.offers.in_order())
    offers.sort(key=lambda offer: offer.pk != title.lead_id)
    tellings = [_plain(offer.about) for offer in reversed(offers)]
    return about_of(*tellings)


def _plain(about: About) -> dict[str, Any]:
    return {name: getattr(about, name) for name in About.__dataclass_fields__ if getattr(about, name) != ()}


def _title(row: tuple[Any, ...], container: str) -> ListedTitle:
    (
        pk, custom, name, category_id, category, adult, year, created, added,
        poster, rating, plot, cast, director, genres, duration_s, tmdb_id, imdb_id, more,
    ) = row  # fmt: skip
    return ListedTitle(
        pk, custom or name, category_id, category or "", adult, year, poster or "", rating, plot or "", cast or "",
        director or "", genres or "", duration_s, tmdb_id or "", imdb_id or "", added or created, container, more or {},
    )  # fmt: skip
