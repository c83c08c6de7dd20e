"""The actions of `player_api.php`: from a login's sight to documents. The views do the talking."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db.models import Q

from channels.listing import archive_days, listed
from channels.querysets import ChannelQuerySet
from guide.matchmaking import refs_of
from guide.models import Programme
from guide.records import GuideRef
from streaming.outputs.addresses import Pictures
from streaming.outputs.xtream import details, guide, ids, rows
from streaming.visible import HIGHEST_ID, Sight
from vod import listing
from vod.details import ensure
from vod.models import Category, Movie, Series
from vod.querysets import TitleQuerySet

#: What `get_short_epg` tells when nobody says how much, and at most.
SHORT, SHORT_MOST = 4, 100
#: How far back and ahead the whole guide of a channel goes.
BACK_AT_LEAST, AHEAD = timedelta(hours=6), timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Action:
    """One action: what its answer is made from, and how. `lasting` answers may be kept for as long as that is true."""

    parts: tuple[str, ...]
    answer: Callable[[Sight, Mapping[str, str], Pictures], Iterator[bytes]]
    lasting: bool = True


def live_categories(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_live_categories`."""
    groups = (
        sight.channels().order_by("group__position", "group__name").values_list("group_id", "group__name").distinct()
    )
    yield orjson.dumps(rows.categories((ids.category_id(ids.LIVE, pk), name or "") for pk, name in groups))


def vod_categories(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_vod_categories`."""
    yield orjson.dumps(_categories(ids.MOVIE, sight.movies()))


def series_categories(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_series_categories`."""
    yield orjson.dumps(_categories(ids.SERIES, sight.series()))


def live_streams(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_live_streams`."""
    channels = sight.channels()
    wanted = asked.get("category_id", "")
    if not ids.is_everything(wanted):
        ours, group_id = ids.key_of(ids.LIVE, wanted)
        channels = channels.filter(in_parent("group", group_id)) if ours else channels.none()
    yield from rows.array(rows.live_rows(listed(channels), pictures))


def vod_streams(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_vod_streams`."""
    yield from rows.array(rows.movie_rows(listing.movies(_in_category(ids.MOVIE, sight.movies(), asked)), pictures))


def series(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_series`."""
    yield from rows.array(rows.series_rows(listing.series(_in_category(ids.SERIES, sight.series(), asked)), pictures))


def vod_info(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_vod_info`: asks the portal when nobody did lately."""
    movie = sight.movies().filter(pk=_number(asked.get("vod_id", ""))).first()
    if movie is None:
        yield orjson.dumps(details.UNKNOWN_MOVIE)
        return
    ensure(movie)
    row = next(listing.movies(Movie.objects.filter(pk=movie.pk)))
    yield orjson.dumps(details.movie(row, listing.about(Movie.objects.get(pk=movie.pk)), pictures))


def series_info(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_series_info`: asks the portal when nobody did lately."""
    one = sight.series().filter(pk=_number(asked.get("series_id", ""))).first()
    if one is None:
        yield orjson.dumps(details.UNKNOWN_SERIES)
        return
    ensure(one)
    row = next(listing.series(Series.objects.filter(pk=one.pk)))
    episodes = listing.episodes(sight.episodes().filter(series=one.pk).in_order())
    yield orjson.dumps(details.series(row, one.seasons.all(), episodes, pictures))


def short_epg(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_short_epg`: what is on and comes next."""
    now = datetime.now(UTC)
    most = min(_number(asked.get("limit", "")) or SHORT, SHORT_MOST)

    def tell(channel_id: int, tvg_id: str, ref: GuideRef) -> list[dict[str, Any]]:
        found = Programme.objects.window([ref], now, now + AHEAD)[ref]
        return guide.listings(found[:most], tvg_id, archive_days().get(channel_id, 0), now)

    yield orjson.dumps(_of_channels(sight, asked, tell))


def whole_epg(sight: Sight, asked: Mapping[str, str], pictures: Pictures) -> Iterator[bytes]:
    """`get_simple_data_table`: everything stored within the archive and ahead."""
    now = datetime.now(UTC)

    def tell(channel_id: int, tvg_id: str, ref: GuideRef) -> list[dict[str, Any]]:
        days = archive_days().get(channel_id, 0)
        back = max(timedelta(days=days), BACK_AT_LEAST)
        return guide.listings(Programme.objects.window([ref], now - back, now + AHEAD)[ref], tvg_id, days, now)

    yield orjson.dumps(_of_channels(sight, asked, tell))


ACTIONS: dict[str, Action] = {
    "get_live_categories": Action(("live", "people"), live_categories),
    "get_vod_categories": Action(("vod", "live", "people"), vod_categories),
    "get_series_categories": Action(("vod", "live", "people"), series_categories),
    "get_live_streams": Action(("live", "people"), live_streams),
    "get_vod_streams": Action(("vod", "live", "people"), vod_streams),
    "get_series": Action(("vod", "live", "people"), series),
    "get_vod_info": Action((), vod_info, lasting=False),
    "get_series_info": Action((), series_info, lasting=False),
    "get_short_epg": Action((), short_epg, lasting=False),
    "get_simple_data_table": Action((), whole_epg, lasting=False),
    # A slip of the pen that old panels had, and another name.
    "get_simple_date_table": Action((), whole_epg, lasting=False),
    "get_epg": Action((), whole_epg, lasting=False),
}


def _categories(kind: int, titles: TitleQuerySet[Any]) -> list[dict[str, Any]]:
    used = titles.order_by().values_list("category_id", flat=True).distinct()
    names = dict(Category.objects.filter(pk__in=used).values_list("pk", "name"))
    known = [(ids.category_id(kind, pk), name) for pk, name in names.items()]
    loose = [(ids.category_id(kind, None), "")] if titles.filter(category=None).exists() else []
    return rows.categories([*known, *loose])


def _in_category(kind: int, titles: TitleQuerySet[Any], asked: Mapping[str, str]) -> TitleQuerySet[Any]:
    wanted = asked.get("category_id", "")
    if not ids.is_everything(wanted):
        ours, category_id = ids.key_of(kind, wanted)
        titles = titles.filter(in_parent("category", category_id)) if ours else titles.none()
    return titles.in_order()


def _of_channels(
    sight: Sight, asked: Mapping[str, str], tell: Callable[[int, str, GuideRef], list[dict[str, Any]]]
) -> dict[str, Any]:
    """`epg_listings` of one channel as a list, of several (`1,2,3`) as an object by their ids."""
    wanted = [_number(word) for word in asked.get("stream_id", "").split(",")[:200]]
    channels: ChannelQuerySet = sight.channels().filter(pk__in=wanted)
    found = {channel.pk: channel for channel in channels}
    refs = refs_of(found)
    told = {}
    for pk, channel in found.items():
        ref = refs.get(pk) or (GuideRef(channel.guide_id) if channel.guide_id else None)
        told[pk] = tell(pk, channel.tvg_id, ref) if ref is not None else []
    if len(wanted) == 1 and "multi" not in asked:
        return {"epg_listings": told.get(wanted[0], [])}
    return {"epg_listings": {str(pk): rows for pk, rows in told.items()}}


def in_parent(name: str, key: int | None) -> Q:
    """Standing in this group or category; None = in none."""
    return Q(**{f"{name}__isnull": True}) if key is None else Q(**{name: key})


def _number(text: str) -> int:
    """A public id or count; 0 for whatever is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= HIGHEST_ID else 0
