"""Movies and series as the mirror sees them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from portals import bulk
from portals.mirror.shape import Shape
from portals.mirror.spool import Form
from portals.models import Genre, Portal
from portals.models.genre import GenreKind
from portals.providers.titles import year_in
from portals.providers.vod_records import About, MovieRecord, SeriesRecord
from restreamer.lib import storable
from vod import same
from vod.births import Births
from vod.models import Movie, MovieOffer, Series, SeriesOffer

#: Columns of both; births read the first three (vod/births.py).
_COLUMNS = (
    "tmdb_id", "imdb_id", "title_key", "category_ids", "censored", "added_at", "year", "rating", "poster", "plot",
    "cast", "director", "genres", "duration_s", "more", "detailed",
)  # fmt: skip
_MORE = ("original_name", "released_on", "country", "age_rating", "trailer", "backdrops")
_ABOUT = list(About.__dataclass_fields__)
_RELEASED_ON, _BACKDROPS = _ABOUT.index("released_on"), _ABOUT.index("backdrops")
_LONGEST_PLOT = 10_000
_LATEST_YEAR = 2200


def moment(value: str | None) -> datetime | None:
    """A moment from its text."""
    return datetime.fromisoformat(value) if value else None


def about(values: list[Any]) -> About:
    """An About from the list of its values."""
    released = values[_RELEASED_ON]
    values[_RELEASED_ON] = date.fromisoformat(released) if released else None
    values[_BACKDROPS] = tuple(values[_BACKDROPS])
    return About(*values)


def told(about: About) -> dict[str, Any]:
    """The columns of `vod.models.base.Told`, ready for the database but for `more`."""
    return {
        "year": about.year if about.year and 1800 < about.year < _LATEST_YEAR else None,
        "rating": about.rating,
        "poster": storable.text(about.poster, 2000),
        "plot": storable.text(about.plot, _LONGEST_PLOT),
        "cast": storable.text(about.cast, _LONGEST_PLOT),
        "director": storable.text(about.director, 500),
        "genres": storable.text(about.genres, 300),
        "duration_s": about.duration_s if about.duration_s and 0 < about.duration_s < 10**6 else None,
        "tmdb_id": same.tmdb_id(about.tmdb_id),
        "imdb_id": same.imdb_id(about.imdb_id),
        "more": more_of(about),
    }


def more_of(about: About) -> dict[str, Any]:
    """What has no column, where it is told; JSON types only."""
    values: Mapping[str, Any] = {
        name: storable.json_value(getattr(about, name)) for name in _MORE if getattr(about, name)
    }
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


class _VodShape:
    """What both kinds share."""

    fed_by = "offers"
    batch = 250
    year_needed = True

    def genre_id(self, record: Any) -> str:
        """The first category counts."""
        return record.category_ids[0] if record.category_ids else ""

    def _own(self, record: Any, genre: Genre | None, changed_at: datetime | None) -> tuple[Any, ...]:
        columns = told(record.about)
        year = columns["year"] or year_in(record.name)
        columns.update(
            year=year,
            more=bulk.prepared(columns["more"]),
            title_key=same.title_key(record.name, year, year_needed=self.year_needed),
            category_ids=bulk.prepared(list(record.category_ids)),
            censored=record.censored or bool(genre and genre.censored),
            detailed=record.detailed,
            added_at=bulk.prepared(changed_at) if changed_at else None,
        )
        return tuple(columns[name] for name in _COLUMNS)


class MovieShape(_VodShape, Shape[MovieRecord]):
    """Columns, births and words of movies."""

    noun = "movies"
    one = "Movie"
    kind = GenreKind.MOVIE
    form = Form(MovieRecord, {"category_ids": tuple, "offered_to": tuple, "about": about, "added_at": moment})
    offered = MovieOffer
    shown = Movie
    columns = (*_COLUMNS, "container")

    def cmd(self, record: MovieRecord) -> str:
        """The play order."""
        return record.cmd

    def own(self, record: MovieRecord, genre: Genre | None) -> tuple[Any, ...]:
        """Values for `columns`."""
        return (*self._own(record, genre, record.added_at), storable.text(record.container, 10))

    def births(self, portal: Portal) -> Births[MovieRecord]:
        """Movies for new offers."""
        return Births(portal, Movie, year_needed=self.year_needed)


class SeriesShape(_VodShape, Shape[SeriesRecord]):
    """Columns, births and words of series. Two series of one name are rarer than portals that tell no year."""

    noun = "series"
    one = "Series"
    kind = GenreKind.SERIES
    form = Form(SeriesRecord, {"category_ids": tuple, "offered_to": tuple, "about": about, "changed_at": moment})
    offered = SeriesOffer
    shown = Series
    columns = _COLUMNS
    year_needed = False

    def cmd(self, record: SeriesRecord) -> str:
        """A series is not played; its episodes are."""
        return ""

    def own(self, record: SeriesRecord, genre: Genre | None) -> tuple[Any, ...]:
        """Values for `columns`."""
        return self._own(record, genre, record.changed_at)

    def births(self, portal: Portal) -> Births[SeriesRecord]:
        """Series for new offers."""
        return Births(portal, Series, year_needed=self.year_needed)


MOVIES = MovieShape()
SERIES = SeriesShape()
