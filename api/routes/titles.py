"""Movies and series with their episodes."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Router, Schema

from api.access import needs
from api.routes.shapes import Limit, Offset, Problem, Search, page
from api.scopes import Scope
from restreamer.lib import storable
from vod import details, listing
from vod.models import Category, Episode, Movie, Series

T = TypeVar("T", Movie, Series)

router = Router(tags=["movies and series"])


class _Title(Schema):
    id: int
    name: str
    year: int | None
    category: str | None
    enabled: bool
    adult: bool


class TitleOut(_Title):
    """A movie or a series."""

    @staticmethod
    def resolve_name(row: Movie | Series) -> str:
        return row.shown_name

    @staticmethod
    def resolve_category(row: Movie | Series) -> str | None:
        return row.category.name if row.category else None


class EpisodeOut(Schema):
    """One episode."""

    id: int
    season: int
    number: int
    name: str
    enabled: bool

    @staticmethod
    def resolve_season(row: Episode) -> int:
        return row.season.number

    @staticmethod
    def resolve_name(row: Episode) -> str:
        return row.shown_name


class TitleDetails(_Title):
    """With what the portals tell of it."""

    plot: str
    cast: str
    director: str
    genres: str
    rating: float | None
    duration_s: int | None
    poster: str
    tmdb_id: str
    imdb_id: str
    portals: list[str] = Field(description="Who offers it.")


class SeriesDetails(TitleDetails):
    """And its episodes in order."""

    episodes: list[EpisodeOut]


class TitleChange(Schema):
    """What is left out stays as it is."""

    name: Annotated[str, Field(max_length=500)] | None = Field(None, description="Empty = as the portal calls it.")
    category: Annotated[str, Field(max_length=200)] | None = Field(None, description="By name; empty = none.")
    enabled: bool | None = None
    adult: bool | None = None


class Titles(Schema):
    """A page of titles."""

    count: int
    items: list[TitleOut]


class CategoryOut(Schema):
    """What titles are sorted into."""

    id: int
    name: str


@router.get("/categories", response=list[CategoryOut], auth=needs(Scope.CATALOGUE_READ))
def categories(request: HttpRequest) -> QuerySet[Category]:
    """Of movies and series."""
    return Category.objects.all()


@router.get("/movies", response=Titles, auth=needs(Scope.CATALOGUE_READ))
def movies(
    request: HttpRequest,
    search: Search = "",
    category: str = "",
    portal: str = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """By name; a search is blind to accents and puts the best first."""
    return _listed(Movie.objects.all(), search, category, portal, limit, offset)


@router.get("/series", response=Titles, auth=needs(Scope.CATALOGUE_READ))
def all_series(
    request: HttpRequest,
    search: Search = "",
    category: str = "",
    portal: str = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """By name; a search is blind to accents and puts the best first."""
    return _listed(Series.objects.all(), search, category, portal, limit, offset)


@router.get("/movies/{int:movie_id}", response={200: TitleDetails, 404: Problem}, auth=needs(Scope.CATALOGUE_READ))
def movie(request: HttpRequest, movie_id: int) -> dict[str, Any]:
    """One movie; what was never looked at is asked of its portal first."""
    return _told(get_object_or_404(Movie.objects.select_related("category"), pk=movie_id))


@router.get("/series/{int:series_id}", response={200: SeriesDetails, 404: Problem}, auth=needs(Scope.CATALOGUE_READ))
def series(request: HttpRequest, series_id: int) -> dict[str, Any]:
    """One series with its episodes."""
    row = get_object_or_404(Series.objects.select_related("category"), pk=series_id)
    told = _told(row)
    return {**told, "episodes": list(row.episodes.select_related("season"))}


@router.patch("/movies/{int:movie_id}", response={200: TitleOut, 404: Problem}, auth=needs(Scope.CATALOGUE_WRITE))
def change_movie(request: HttpRequest, movie_id: int, change: TitleChange) -> Movie:
    """Change what is given; a refresh never takes it back."""
    return _changed(get_object_or_404(Movie.objects.select_related("category"), pk=movie_id), change)


@router.patch("/series/{int:series_id}", response={200: TitleOut, 404: Problem}, auth=needs(Scope.CATALOGUE_WRITE))
def change_series(request: HttpRequest, series_id: int, change: TitleChange) -> Series:
    """Change what is given; a refresh never takes it back."""
    return _changed(get_object_or_404(Series.objects.select_related("category"), pk=series_id), change)


def _listed(rows: Any, search: str, category: str, portal: str, limit: int, offset: int) -> dict[str, Any]:
    rows = rows.select_related("category")
    rows = rows.search(storable.text(search)) if search else rows.in_order()
    if category:
        rows = rows.in_category(storable.text(category))
    if portal:
        rows = rows.of_portal_slug(storable.text(portal))
    return page(rows, limit, offset)


def _told(row: Movie | Series) -> dict[str, Any]:
    details.ensure(row)
    row.refresh_from_db()
    about = listing.about(row)
    names = ("plot", "cast", "director", "genres", "rating", "duration_s", "poster", "tmdb_id", "imdb_id")
    portals = row.offers.values_list("portal__slug", flat=True).distinct()
    out = TitleOut.from_orm(row).dict()
    return {**out, **{name: getattr(about, name) for name in names}, "portals": sorted(set(portals))}


def _changed(row: T, change: TitleChange) -> T:
    said = change.dict(exclude_unset=True)
    if "category" in said:
        name = (said["category"] or "").strip()
        row.category = Category.objects.get_or_create(name=storable.text(name))[0] if name else None
    if said.get("name") is not None:
        row.custom_name = storable.text(said["name"])
    for field in ("enabled", "adult"):
        if said.get(field) is not None:
            setattr(row, field, said[field])
    row.curated = True
    row.save()
    return row
