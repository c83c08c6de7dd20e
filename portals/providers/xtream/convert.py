"""Rows of a panel, turned into records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta, tzinfo
from typing import Any

from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.titles import is_adult
from portals.providers.vod_records import (
    About,
    CategoryRecord,
    EpisodeRecord,
    MovieRecord,
    ProgrammeRecord,
    SeasonRecord,
    SeriesDetails,
    SeriesRecord,
    VodKind,
)
from portals.providers.xtream.values import (
    clean,
    day,
    duration_s,
    first,
    flag,
    ident,
    ids,
    is_set,
    moment,
    number,
    one_row,
    picture,
    pictures,
    prose,
    rating,
    rows_in,
    text,
    unwrapped,
    year,
)
from restreamer.lib.m3u import can_open

_LONGEST_ARCHIVE_DAYS = 60
_RADIO = frozenset({"radio_streams", "radio", "radio_stream"})


def genres(rows: Iterator[dict[str, Any]]) -> list[GenreRecord]:
    """Categories of live streams."""
    return [GenreRecord(key, name, is_adult(name)) for key, name in _categories(rows)]


def categories(rows: Iterator[dict[str, Any]], kind: VodKind) -> list[CategoryRecord]:
    """Categories of movies or series."""
    return [CategoryRecord(key, name, kind, is_adult(name)) for key, name in _categories(rows)]


def stream(
    row: Mapping[str, Any], *, server: str, zone: str, extension: str, censored: frozenset[str]
) -> StreamRecord | None:
    """A live row; None when it has no id. `censored` holds the ids of adult categories."""
    key = ident(row.get("stream_id"))
    if not key:
        return None
    belongs = ids(row)
    days = number(row.get("tv_archive_duration")) if flag(row.get("tv_archive")) else 0
    data: dict[str, Any] = {}
    if days > 0 and zone:
        data["zone"] = zone
    if extension != "ts":
        data["extension"] = extension
    if len(belongs) > 1:
        data["categories"] = list(belongs)
    return StreamRecord(
        provider_id=key,
        name=clean(row.get("name"), 500),
        number=_shown_number(row.get("num")),
        genre_id=belongs[0] if belongs else "",
        logo=picture(row.get("stream_icon"), server),
        guide_id=text(row, "epg_channel_id", limit=300),
        cmd=_direct(row) or f"live/{key}",
        is_radio=clean(row.get("stream_type"), 40).lower() in _RADIO,
        censored=_is_censored(row, belongs, censored),
        archive_hours=min(max(days, 0), _LONGEST_ARCHIVE_DAYS) * 24,
        provider_data=data,
    )


def movie(row: Mapping[str, Any], *, server: str, censored: frozenset[str]) -> MovieRecord | None:
    """A row of the movie list; None when it has no id."""
    key = ident(row.get("stream_id"))
    if not key:
        return None
    belongs = ids(row)
    container = _container(row)
    return MovieRecord(
        provider_id=key,
        name=text(row, "name", "title"),
        category_ids=belongs,
        cmd=_direct(row) or f"movie/{key}.{container or 'mp4'}",
        container=container,
        about=about(row, server),
        added_at=moment(row.get("added")),
        censored=_is_censored(row, belongs, censored),
    )


def movie_details(document: Any, *, key: str, server: str, censored: frozenset[str]) -> MovieRecord | None:
    """The answer about one movie; None when the panel knows none by this id (it sends empty arrays)."""
    answer = one_row(document)
    info, data = one_row(answer.get("info")), one_row(answer.get("movie_data"))
    if not info and not data:
        return None
    record = movie({**info, **data, "stream_id": key}, server=server, censored=censored)
    if record is None:
        return None
    name = text(data, "name", "title") or text(info, "name", "title")
    return replace(record, name=name, about=about({**data, **info}, server), detailed=True)


def series(row: Mapping[str, Any], *, server: str, censored: frozenset[str]) -> SeriesRecord | None:
    """A row of the series list; None when it has no id."""
    key = ident(row.get("series_id"))
    if not key:
        return None
    belongs = ids(row)
    return SeriesRecord(
        provider_id=key,
        name=text(row, "name", "title"),
        category_ids=belongs,
        about=about(row, server),
        changed_at=moment(row.get("last_modified")),
        censored=_is_censored(row, belongs, censored),
    )


def series_details(document: Any, *, key: str, server: str, censored: frozenset[str]) -> SeriesDetails | None:
    """The answer about one series, in both shapes; None when the panel knows none by this id."""
    answer = one_row(document)
    info = one_row(answer.get("info"))
    found = list(_episodes(answer.get("episodes"), key, server))
    if not found and not is_set(info.get("name")):
        return None
    record = series({**info, "series_id": key}, server=server, censored=censored)
    if record is None:
        return None
    episodes = tuple(sorted(found, key=lambda episode: (episode.season, episode.number)))
    return SeriesDetails(
        series=replace(record, detailed=True),
        seasons=_seasons(answer.get("seasons"), key, server, {episode.season for episode in episodes}),
        episodes=episodes,
    )


def about(row: Mapping[str, Any], server: str) -> About:
    """What a row or an info object tells, under whichever of its names."""
    released = first(row, "release_date", "releaseDate", "releasedate", "air_date")
    return About(
        original_name=text(row, "o_name", "original_name"),
        year=year(row.get("year"), released),
        released_on=day(released),
        plot=prose(row, "plot", "description", "overview"),
        cast=prose(row, "cast", "actors", limit=2000),
        director=prose(row, "director", limit=500),
        genres=prose(row, "genre", limit=300),
        country=prose(row, "country", limit=200),
        rating=rating(row),
        age_rating=text(row, "mpaa_rating", "age", limit=20),
        duration_s=duration_s(row),
        tmdb_id=text(row, "tmdb_id", "tmdb", limit=20),
        imdb_id=text(row, "imdb_id", "imdb", limit=20),
        trailer=text(row, "youtube_trailer", "trailer", limit=300),
        poster=picture(first(row, "movie_image", "cover_big", "stream_icon", "cover"), server),
        backdrops=pictures(row.get("backdrop_path"), server),
    )


def programmes(document: Any, zone: tzinfo) -> list[ProgrammeRecord]:
    """The guide of one channel, by start; what has no usable times is left out."""
    found = [_programme(row, zone) for row in rows_in(one_row(document).get("epg_listings"))]
    return sorted((record for record in found if record is not None), key=lambda record: record.start)


def _programme(row: Mapping[str, Any], zone: tzinfo) -> ProgrammeRecord | None:
    start = moment(row.get("start_timestamp")) or moment(row.get("start"), zone)
    stop = moment(row.get("stop_timestamp")) or moment(first(row, "end", "stop"), zone)
    if start is None or stop is None or not start < stop <= start + timedelta(days=2):
        return None
    return ProgrammeRecord(
        start=start,
        stop=stop,
        title=unwrapped(row.get("title")),
        description=unwrapped(row.get("description")),
        language=clean(row.get("lang"), 20),
        provider_id=ident(row.get("id")),
        has_archive=flag(row.get("has_archive")),
    )


def _categories(rows: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for row in rows:
        key = ident(row.get("category_id"))
        if key and key not in seen:
            seen.add(key)
            yield key, clean(row.get("category_name"), 300) or f"Category {key}"


def _episodes(value: Any, series_id: str, server: str) -> Iterator[EpisodeRecord]:
    """Episodes keyed by season; or, where PHP made an array of that, in a list per season or in one flat list."""
    for row, season in _rows_by_season(value):
        episode = _episode(row, season, series_id, server)
        if episode is not None:
            yield episode


def _rows_by_season(value: Any) -> Iterator[tuple[dict[str, Any], int]]:
    if isinstance(value, dict):
        for key, items in value.items():
            for row in rows_in(items):
                yield row, number(key, number(row.get("season")))
    elif isinstance(value, list):
        for place, items in enumerate(value):
            if isinstance(items, dict) and "id" in items:
                yield items, number(items.get("season"), 1)
            else:
                for row in rows_in(items):
                    yield row, number(row.get("season"), place)


def _episode(row: Mapping[str, Any], season: int, series_id: str, server: str) -> EpisodeRecord | None:
    key = ident(row.get("id"))
    if not key:
        return None
    info = one_row(row.get("info"))
    container = _container(row)
    place = number(row.get("episode_num"))
    return EpisodeRecord(
        provider_id=key,
        series_id=series_id,
        season=max(season, 0),
        number=max(place, 0),
        name=text(row, "title") or text(info, "name", "title") or f"Episode {place}",
        cmd=_direct(row) or f"series/{key}.{container or 'mp4'}",
        container=container,
        about=about(info, server),
        added_at=moment(row.get("added")),
    )


def _seasons(value: Any, series_id: str, server: str, with_episodes: set[int]) -> tuple[SeasonRecord, ...]:
    """Every season that is described or has episodes, each once, by number."""
    found: dict[int, SeasonRecord] = {}
    for row in rows_in(value):
        place = number(row.get("season_number"), -1)
        if place >= 0 and place not in found:
            found[place] = SeasonRecord(
                series_id=series_id,
                number=place,
                provider_id=ident(row.get("id")),
                name=text(row, "name") or _season_name(place),
                about=about(row, server),
            )
    for place in with_episodes - found.keys():
        found[place] = SeasonRecord(series_id=series_id, number=place, name=_season_name(place))
    return tuple(found[place] for place in sorted(found))


def _season_name(place: int) -> str:
    return f"Season {place}" if place else "Specials"


def _direct(row: Mapping[str, Any]) -> str:
    """The address players prefer over the built one, when the panel names one that can be opened."""
    said = clean(row.get("direct_source"), 2000)
    return said if can_open(said) else ""


def _container(row: Mapping[str, Any]) -> str:
    said = clean(row.get("container_extension"), 10).lower().lstrip(".")
    return said if said.isalnum() else ""


def _shown_number(value: Any) -> str:
    return str(number(value)) if number(value) > 0 else ""


def _is_censored(row: Mapping[str, Any], belongs: tuple[str, ...], censored: frozenset[str]) -> bool:
    return flag(row.get("is_adult")) or not censored.isdisjoint(belongs)
