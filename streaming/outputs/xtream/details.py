"""Details of one movie or series (reference xtream-codes-api.md, section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from portals.providers.vod_records import About
from streaming.outputs.addresses import Pictures
from streaming.outputs.xtream import ids
from streaming.outputs.xtream.rows import five_based, rating, series_facts, whole
from vod.listing import ListedEpisode, ListedTitle
from vod.models import Season

UNKNOWN_MOVIE: dict[str, Any] = {"info": [], "movie_data": []}
UNKNOWN_SERIES: dict[str, Any] = {"seasons": [], "info": {"name": None}, "episodes": {}}


def movie(row: ListedTitle, about: About, pictures: Pictures) -> dict[str, Any]:
    """`get_vod_info`."""
    category = ids.category_id(ids.MOVIE, row.category_id)
    duration_s = about.duration_s or row.duration_s or 0
    poster = pictures.movie(row.id, about.poster or row.poster, adult=row.adult)
    released = about.released_on.isoformat() if about.released_on else ""
    info = {
        "name": row.name,
        "o_name": about.original_name or row.name,
        "cover_big": poster,
        "movie_image": poster,
        "plot": about.plot,
        "description": about.plot,
        "cast": about.cast,
        "actors": about.cast,
        "director": about.director,
        "genre": about.genres,
        "country": about.country,
        "releasedate": released,
        "release_date": released,
        "year": str(about.year or row.year or ""),
        "age": about.age_rating,
        "mpaa_rating": about.age_rating,
        "kinopoisk_url": "",
        "youtube_trailer": about.trailer,
        "tmdb_id": whole(about.tmdb_id),
        "rating": rating(row),
        "rating_5based": five_based(row),
        "rating_count_kinopoisk": 0,
        "episode_run_time": duration_s // 60,
        "duration_secs": duration_s,
        "duration": clock(duration_s),
        "bitrate": 0,
        "backdrop_path": [pictures.movie(row.id, one, adult=row.adult) for one in about.backdrops],
        "subtitles": [],
        "video": {},
        "audio": {},
    }
    data = {
        "stream_id": row.id,
        "name": row.name,
        "title": row.name,
        "year": str(about.year or row.year or ""),
        "added": str(int(row.added_at.timestamp())),
        "category_id": str(category),
        "category_ids": [category],
        "container_extension": row.container or "mp4",
        "custom_sid": "",
        "direct_source": "",
    }
    return {"info": info, "movie_data": data}


def series(
    row: ListedTitle, seasons: Iterable[Season], episodes: Iterable[ListedEpisode], pictures: Pictures
) -> dict[str, Any]:
    """`get_series_info`; episodes come by season and number."""
    told = {season.number: season for season in seasons}
    by_season = {number: list(group) for number, group in groupby(episodes, key=lambda one: one.season)}
    return {
        "seasons": [
            _season(number, told.get(number), len(by_season[number]), row, pictures) for number in sorted(by_season)
        ],
        "info": series_facts(row, pictures),
        # An object, whatever the keys: a list when they happen to run from 0 is what readers fear.
        "episodes": {str(number): _episodes(group, row, pictures) for number, group in sorted(by_season.items())},
    }


def _season(number: int, season: Season | None, count: int, row: ListedTitle, pictures: Pictures) -> dict[str, Any]:
    cover = pictures.season(season.pk, season.poster, adult=row.adult) if season and season.poster else ""
    cover = cover or pictures.series(row.id, row.poster, adult=row.adult)
    return {
        "id": season.pk if season else number,
        "name": season.shown_name if season else f"Season {number}",
        "season_number": number,
        "episode_count": count,
        "air_date": season.released_on.isoformat() if season and season.released_on else "",
        "overview": season.plot if season else "",
        "cover": cover,
        "cover_big": cover,
        "vote_average": 0.0,
    }


def _episodes(group: list[ListedEpisode], row: ListedTitle, pictures: Pictures) -> list[dict[str, Any]]:
    """One reader knows episodes by title: a title that comes again carries its number."""
    seen: set[str] = set()
    rows = []
    for episode in group:
        title = episode.name or f"Episode {episode.number}"
        if title in seen:
            title = f"{title} ({episode.number})"
        seen.add(title)
        rows.append(_episode(episode, title, pictures.episode(episode.id, episode.poster, adult=row.adult)))
    return rows


def _episode(episode: ListedEpisode, title: str, still: str) -> dict[str, Any]:
    duration_s = episode.duration_s or 0
    released = str(episode.more.get("released_on") or "")
    return {
        "id": str(episode.id),
        "episode_num": episode.number,
        "title": title,
        "container_extension": episode.container or "mp4",
        "season": episode.season,
        "added": str(int(episode.added_at.timestamp())),
        "custom_sid": "",
        "direct_source": "",
        "subtitles": [],
        "info": {
            "name": title,
            "plot": episode.plot,
            "overview": episode.plot,
            "air_date": released,
            "release_date": released,
            "releasedate": released,
            "rating": episode.rating or 0.0,
            "movie_image": still,
            "cover_big": still,
            "duration_secs": duration_s,
            "duration": clock(duration_s),
            "bitrate": 0,
            "season": episode.season,
            "tmdb_id": 0,
            "video": {},
            "audio": {},
        },
    }


def clock(seconds: int) -> str:
    """`01:52:30`."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
