"""`/library/…`: movies and series with their posters, what each is about, its episodes, and the way to play them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from restreamer.lib import storable
from streaming.errors import TitleUnknown
from streaming.outputs.addresses import Pictures
from streaming.views import watching
from streaming.views.access import pictures_of
from streaming.views.people import for_people, shown
from streaming.visible import HIGHEST_ID, Sight
from vod import details, listing
from vod.models import Category
from vod.querysets import TitleQuerySet

TITLES_A_PAGE = 48
_MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Kind:
    """Movies or series: where their rows, pictures and words come from."""

    name: str
    seen: Callable[[Sight], TitleQuerySet[Any]]
    rows: Callable[[Any], Iterator[listing.ListedTitle]]
    category: Category.Kind

    @property
    def path(self) -> str:
        """The address of its list."""
        return reverse(f"library-{self.name}")

    def poster(self, pictures: Pictures, public_id: int, stored: str, *, adult: bool) -> str:
        """Where the browser loads it."""
        return pictures.of({"movies": "movie"}.get(self.name, self.name), public_id, stored, adult=adult)


MOVIES = Kind("movies", Sight.movies, listing.movies, Category.Kind.MOVIE)
SERIES = Kind("series", Sight.series, listing.series, Category.Kind.SERIES)


@for_people
def library(request: HttpRequest, sight: Sight) -> HttpResponseBase:
    """The movies; the series for a viewer who is given no movies."""
    return _list(request, sight, MOVIES if sight.viewer.with_movies or not sight.viewer.with_series else SERIES)


@for_people
def movies(request: HttpRequest, sight: Sight) -> HttpResponseBase:
    """A page of movies; `q`, `category`, `sort` and `page` choose."""
    return _list(request, sight, MOVIES)


@for_people
def series(request: HttpRequest, sight: Sight) -> HttpResponseBase:
    """A page of series."""
    return _list(request, sight, SERIES)


@for_people
def movie(request: HttpRequest, sight: Sight, public_id: int) -> HttpResponseBase:
    """What a movie is about. Asks its portal, when nobody did before."""
    row = _seen(sight.movies(), public_id)
    details.ensure(row)
    return shown(request, "streaming/movie.html", _told(request, sight, MOVIES, row))


@for_people
def one_series(request: HttpRequest, sight: Sight, public_id: int) -> HttpResponseBase:
    """What a series is about, and the episodes of one season: `season`, else the first that is none of specials."""
    row = _seen(sight.series(), public_id)
    details.ensure(row)
    episodes = list(listing.episodes(sight.episodes().filter(series=row).in_order()))
    seasons = sorted({one.season for one in episodes})
    asked = request.GET.get("season", "")
    usual = next((number for number in seasons if number), 0)
    season = int(asked) if asked.isascii() and asked.isdecimal() and int(asked[:9]) in seasons else usual
    pictures = _pictures(request, sight)
    context = _told(request, sight, SERIES, row)
    context |= {
        "seasons": seasons,
        "season": season,
        "episodes": [
            (one, pictures.episode(one.id, one.poster, adult=row.adult)) for one in episodes if one.season == season
        ],
    }
    return shown(request, "streaming/series.html", context)


@for_people
def play(request: HttpRequest, sight: Sight, public_id: int) -> HttpResponseBase:
    """A movie or an episode on a page that plays it."""
    return watching.title(request, sight, public_id)


def _list(request: HttpRequest, sight: Sight, kind: Kind) -> HttpResponseBase:
    asked, sort = storable.text(request.GET.get("q", ""), 100), request.GET.get("sort", "")
    category, page = _number(request.GET.get("category", "")), _number(request.GET.get("page", "")) or 1
    everything = kind.seen(sight)
    titles = everything if category is None else everything.filter(category=category)
    if asked:
        titles = titles.search(asked)
    else:
        titles = titles.newest_first() if sort == "new" else titles.in_order()
    first = (min(page, _MOST_PAGES) - 1) * TITLES_A_PAGE
    some = _rows(kind, everything, titles[first : first + TITLES_A_PAGE + 1])
    pictures = _pictures(request, sight)
    context = {
        "here": kind.name,
        "kind": kind,
        "titles": [(one, kind.poster(pictures, one.id, one.poster, adult=one.adult)) for one in some[:TITLES_A_PAGE]],
        "more": len(some) > TITLES_A_PAGE,
        "page": page,
        "asked": asked,
        "sort": sort,
        "category": category,
        "categories": Category.objects.filter(kind=kind.category, pk__in=everything.order_by().values("category")),
        "may_show_titles": request.user.has_perm(f"vod.change_{kind.category}"),
    }
    return shown(request, "streaming/library.html", context)


def _rows(kind: Kind, everything: TitleQuerySet[Any], page: TitleQuerySet[Any]) -> list[listing.ListedTitle]:
    """The rows of a page. Their ids first: a database that sorts 100,000 titles should carry no plots along."""
    ids = list(page.values_list("pk", flat=True))
    known = {row.id: row for row in kind.rows(everything.order_by().filter(pk__in=ids))}
    return [known[pk] for pk in ids if pk in known]


def _seen(titles: TitleQuerySet[Any], public_id: int) -> Any:
    """The title of this id, if it is among them. Raises TitleUnknown."""
    row = titles.filter(pk=public_id).select_related("category", "lead").first() if public_id <= HIGHEST_ID else None
    if row is None:
        raise TitleUnknown(f"No title {public_id} is to be seen.")
    return row


def _told(request: HttpRequest, sight: Sight, kind: Kind, row: Any) -> dict[str, Any]:
    about = listing.about(row)
    poster = kind.poster(_pictures(request, sight), row.pk, about.poster, adult=row.adult)
    minutes = round(about.duration_s / 60) if about.duration_s else 0
    return {"here": kind.name, "title": row, "about": about, "poster": poster, "minutes": minutes}


def _pictures(request: HttpRequest, sight: Sight) -> Pictures:
    """At our own address, whatever name the browser knows us by."""
    return replace(pictures_of(request, sight), base_url="")


def _number(text: str) -> int | None:
    return int(text) or None if text.isascii() and text.isdecimal() and len(text) <= 9 else None
