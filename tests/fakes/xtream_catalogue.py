"""What the fake Xtream panel offers, in the classic types of real panels."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from html import escape
from typing import Any


def category(key: int, name: str) -> dict[str, Any]:
    return {"category_id": str(key), "category_name": name, "parent_id": 0}


def channel(key: int, name: str, category_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "num": key - 1000,
        "name": name,
        "stream_type": "live",
        "stream_id": key,
        "stream_icon": f"http://logos.example/{key}.png",
        "epg_channel_id": f"channel{key}.example",
        "added": "1700000000",
        "is_adult": "0",
        "category_id": str(category_id),
        "category_ids": [category_id],
        "custom_sid": "",
        "tv_archive": 0,
        "direct_source": "",
        "tv_archive_duration": 0,
        **fields,
    }


def movie(key: int, name: str, category_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "num": key - 2000,
        "name": name,
        "title": name,
        "year": "1988",
        "stream_type": "movie",
        "stream_id": key,
        "stream_icon": f"http://posters.example/{key}.jpg",
        "rating": "7.1",
        "rating_5based": 3.6,
        "added": "1700000100",
        "is_adult": "0",
        "category_id": str(category_id),
        "category_ids": [category_id],
        "container_extension": "mkv",
        "custom_sid": "",
        "direct_source": "",
        **fields,
    }


def series(key: int, name: str, category_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "num": key - 3000,
        "name": name,
        "title": name,
        "year": "2008",
        "stream_type": "series",
        "series_id": key,
        "cover": f"http://posters.example/{key}.jpg",
        "plot": "A teacher &amp; his pupil.",
        "cast": "Bryan, Aaron",
        "director": "Vince",
        "genre": "Drama",
        "releaseDate": "2008-01-20",
        "release_date": "2008-01-20",
        "last_modified": "1700000200",
        "rating": "9",
        "rating_5based": 4.5,
        "backdrop_path": ["http://posters.example/back.jpg"],
        "youtube_trailer": "HhesaQXLuRY",
        "episode_run_time": "47",
        "category_id": str(category_id),
        "category_ids": [category_id],
        "tmdb": "1396",
        **fields,
    }


def episode(key: int, season: int, number: int) -> dict[str, Any]:
    return {
        "id": str(key),
        "episode_num": number,
        "title": f"Breaking Bad - S{season:02}E{number:02}",
        "container_extension": "mkv",
        "season": season,
        "added": "1700000300",
        "custom_sid": "",
        "direct_source": "",
        "subtitles": [],
        "info": {
            "plot": "It begins.",
            "air_date": "2008-01-20",
            "rating": 8.1,
            "movie_image": f"http://posters.example/e{key}.jpg",
            "duration_secs": 2820,
            "duration": "00:47:00",
        },
    }


@dataclass
class Offer:
    """Everything one panel lists."""

    live_categories: list[dict[str, Any]] = field(default_factory=list)
    vod_categories: list[dict[str, Any]] = field(default_factory=list)
    series_categories: list[dict[str, Any]] = field(default_factory=list)
    channels: list[dict[str, Any]] = field(default_factory=list)
    movies: list[dict[str, Any]] = field(default_factory=list)
    series: list[dict[str, Any]] = field(default_factory=list)
    #: Series id -> its episodes.
    episodes: dict[int, list[dict[str, Any]]] = field(default_factory=dict)


def small_offer() -> Offer:
    """A little of everything."""
    return Offer(
        live_categories=[category(1, "News"), category(2, "Radio"), category(3, "XXX Adults")],
        vod_categories=[category(11, "Action")],
        series_categories=[category(21, "Drama")],
        channels=[
            channel(1001, "News HD", 1, tv_archive=1, tv_archive_duration="3"),
            channel(1002, 'Ünïcode "quoted", name', 1, epg_channel_id=None, stream_icon="/icons/2.png"),
            channel(1003, "Jazz", 2, stream_type="radio_streams"),
            channel(1004, "Late", 3, is_adult="1"),
        ],
        movies=[movie(2001, "Die Hard", 11), movie(2002, "Unrated", 11, rating="", rating_5based=0)],
        series=[series(3001, "Breaking Bad", 21)],
        episodes={3001: [episode(30001, 1, 1), episode(30002, 1, 2), episode(30003, 2, 1), episode(30000, 0, 1)]},
    )


def large_offer(channels: int, movies: int = 0) -> Offer:
    """As many as wanted."""
    return Offer(
        live_categories=[category(i, f"Category {i}") for i in range(1, 51)],
        vod_categories=[category(11, "Action")],
        channels=[channel(1001 + i, f"Channel {i}", i % 50 + 1) for i in range(channels)],
        movies=[movie(1_000_000 + i, f"Movie {i}", 11) for i in range(movies)],
    )


def movie_info(row: dict[str, Any]) -> dict[str, Any]:
    """The answer to get_vod_info."""
    return {
        "info": {
            "name": row["name"],
            "o_name": "Die Hard (original)",
            "cover_big": "http://posters.example/big.jpg",
            "movie_image": "http://posters.example/image.jpg",
            "plot": "A tower.",
            "description": "A tower.",
            "cast": "Bruce, Alan",
            "actors": "Bruce, Alan",
            "director": "John",
            "genre": "Action",
            "country": "USA",
            "releasedate": "1988-07-15",
            "year": "1988",
            "age": "16",
            "mpaa_rating": "R",
            "youtube_trailer": "2TQ-pOvI6Xo",
            "tmdb_id": 562,
            "rating": 7.8,
            "episode_run_time": 131,
            "duration_secs": 7920,
            "duration": "02:12:00",
            "backdrop_path": ["http://posters.example/back.jpg"],
            "video": {},
            "audio": [],
        },
        "movie_data": {key: row[key] for key in ("stream_id", "name", "added", "category_id", "container_extension")},
    }


def series_info(row: dict[str, Any], episodes: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer to get_series_info."""
    by_season: dict[str, list[dict[str, Any]]] = {}
    for one in episodes:
        by_season.setdefault(str(one["season"]), []).append(one)
    return {
        "seasons": [
            {"id": 77, "name": "Season 1", "season_number": 1, "episode_count": 2, "overview": "First.", "cover": ""}
        ],
        "info": {key: value for key, value in row.items() if key not in ("num", "series_id")},
        "episodes": by_season,
    }


def listings(row: dict[str, Any], now: datetime, zone: tzinfo) -> list[dict[str, Any]]:
    """Six hours of guide around now, an hour each."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    return [_listing(row, first + timedelta(hours=i), now, zone) for i in range(6)]


def _listing(row: dict[str, Any], start: datetime, now: datetime, zone: tzinfo) -> dict[str, Any]:
    stop = start + timedelta(hours=1)
    return {
        "id": str(int(start.timestamp())),
        "epg_id": "5",
        "title": base64.b64encode(f"Sendung «{start.hour}»".encode()).decode(),
        "description": base64.b64encode(b"What it is about.").decode(),
        "lang": "de",
        "start": f"{start.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "end": f"{stop.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        "channel_id": row["epg_channel_id"] or "",
        "start_timestamp": str(int(start.timestamp())),
        "stop_timestamp": str(int(stop.timestamp())),
        "now_playing": int(start <= now < stop),
        "has_archive": int(stop <= now and bool(row["tv_archive"])),
    }


def xmltv(rows: list[dict[str, Any]], now: datetime, zone: tzinfo) -> str:
    """The guide of these channels as a panel writes it, in its own zone."""
    told = []
    for row in rows:
        key = row["epg_channel_id"]
        if key:
            told.append(f'<channel id="{key}"><display-name>{escape(row["name"])}</display-name></channel>')
    for row in rows:
        for n in range(-2, 4) if row["epg_channel_id"] else ():
            start = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=n)
            begins, ends = (f"{at.astimezone(zone):%Y%m%d%H%M%S %z}" for at in (start, start + timedelta(hours=1)))
            told.append(
                f'<programme start="{begins}" stop="{ends}" channel="{row["epg_channel_id"]}">'
                f"<title>Show {n}</title></programme>"
            )
    return f'<?xml version="1.0" encoding="utf-8"?><tv>{"".join(told)}</tv>'
