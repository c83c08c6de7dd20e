"""Rows of the list actions of live, movies and series (reference xtream-codes-api.md, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import orjson

from channels.listing import ListedChannel
from channels.numbers import ID_NUMBERS_FROM
from streaming.outputs.addresses import Pictures
from streaming.outputs.xtream import ids
from vod.listing import ListedTitle

#: Rows of a piece: so few are gone again before Python's collector looks for rubbish among them.
_PIECE = 100


def array(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """A JSON array, in pieces."""
    waiting = iter(rows)
    before = b"["
    while piece := list(islice(waiting, _PIECE)):
        yield before + orjson.dumps(piece)[1:-1]
        before = b","
    yield b"[]" if before == b"[" else b"]"


def categories(rows: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    """`get_…_categories`: ids and names."""
    return [{"category_id": str(pk), "category_name": name or ids.OTHER, "parent_id": 0} for pk, name in rows]


def live_rows(channels: Iterable[ListedChannel], pictures: Pictures) -> Iterator[dict[str, Any]]:
    """`get_live_streams`."""
    taken: set[int] = set()
    for channel in channels:
        number = _whole_number(channel, taken)
        taken.add(number)
        yield live_row(channel, number, pictures)


def live_row(channel: ListedChannel, number: int, pictures: Pictures) -> dict[str, Any]:
    """One channel."""
    category = ids.category_id(ids.LIVE, channel.group_id)
    return {
        "num": number,
        "name": channel.name or f"Channel {channel.id}",
        "stream_type": "radio_streams" if channel.is_radio else "live",
        "stream_id": channel.id,
        "stream_icon": pictures.channel(channel.id, channel.logo, adult=channel.adult),
        "epg_channel_id": channel.tvg_id,
        "added": str(channel.added),
        "is_adult": "1" if channel.adult else "0",
        "category_id": str(category),
        "category_ids": [category],
        "custom_sid": "",
        "tv_archive": 1 if channel.archive_days else 0,
        "tv_archive_duration": channel.archive_days,
        "direct_source": "",
        "thumbnail": "",
    }


def _whole_number(channel: ListedChannel, taken: set[int]) -> int:
    if channel.number.isdecimal() and (number := int(channel.number)) not in taken:
        return number
    return ID_NUMBERS_FROM + channel.id


def movie_rows(movies: Iterable[ListedTitle], pictures: Pictures) -> Iterator[dict[str, Any]]:
    """`get_vod_streams`."""
    for number, movie in enumerate(movies, 1):
        category = ids.category_id(ids.MOVIE, movie.category_id)
        yield {
            "num": number,
            "name": movie.name or f"Movie {movie.id}",
            "title": movie.name,
            "year": str(movie.year or ""),
            "stream_type": "movie",
            "stream_id": movie.id,
            "stream_icon": pictures.movie(movie.id, movie.poster, adult=movie.adult),
            "rating": rating(movie),
            "rating_5based": five_based(movie),
            "added": str(int(movie.added_at.timestamp())),
            "is_adult": "1" if movie.adult else "0",
            "category_id": str(category),
            "category_ids": [category],
            "container_extension": movie.container or "mp4",
            "custom_sid": "",
            "direct_source": "",
            "plot": movie.plot,
            "cast": movie.cast,
            "director": movie.director,
            "genre": movie.genres,
            "release_date": _released(movie),
            "youtube_trailer": str(movie.more.get("trailer") or ""),
            "episode_run_time": _minutes(movie),
            "tmdb": movie.tmdb_id,
            "tmdb_id": whole(movie.tmdb_id),
        }


def series_rows(all_series: Iterable[ListedTitle], pictures: Pictures) -> Iterator[dict[str, Any]]:
    """`get_series`."""
    for number, series in enumerate(all_series, 1):
        yield {"num": number, "series_id": series.id, **series_facts(series, pictures)}


def series_facts(series: ListedTitle, pictures: Pictures) -> dict[str, Any]:
    """What a series' row and its details have in common."""
    category = ids.category_id(ids.SERIES, series.category_id)
    return {
        "name": series.name or f"Series {series.id}",
        "title": series.name,
        "year": str(series.year or ""),
        "stream_type": "series",
        "cover": pictures.series(series.id, series.poster, adult=series.adult),
        "plot": series.plot,
        "cast": series.cast,
        "director": series.director,
        "genre": series.genres,
        "releaseDate": _released(series),
        "release_date": _released(series),
        "last_modified": str(int(series.added_at.timestamp())),
        # One typed reader takes whole numbers only here.
        "rating": str(round(series.rating or 0)),
        "rating_5based": five_based(series),
        "backdrop_path": [
            pictures.series(series.id, str(one), adult=series.adult) for one in series.more.get("backdrops") or []
        ],
        "youtube_trailer": str(series.more.get("trailer") or ""),
        "episode_run_time": _minutes(series),
        "category_id": str(category),
        "category_ids": [category],
        "tmdb": series.tmdb_id,
        "tmdb_id": whole(series.tmdb_id),
    }


def rating(title: ListedTitle) -> str:
    """Of ten, as text: `7.1`."""
    return f"{title.rating or 0:g}"


def five_based(title: ListedTitle) -> float:
    """Of five."""
    return round((title.rating or 0) / 2, 1)


def whole(text: str) -> int:
    """A number that portals send as text; 0 when it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def _released(title: ListedTitle) -> str:
    return str(title.more.get("released_on") or "")


def _minutes(title: ListedTitle) -> str:
    return str((title.duration_s or 0) // 60)
