"""Seasons and episodes of one series, in the four shapes portals have (reference section 11).

1. One order for all episodes and their numbers, in the list itself: nothing is asked.
2. Stock's tree: seasons, under them episodes, under them files; one question per page of seasons and per page of each
   season's episodes. The file is asked for when an episode is played.
3. A panel's list of series: a row per season with one order and the numbers of its episodes; one question per page.
4. The same with orders of an older form, `/media/<series>:<season>.mpg`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from portals import errors
from portals.models import Portal, Subscription
from portals.providers.stalker import macs, vod_rows
from portals.providers.stalker.merging import Row
from portals.providers.stalker.pages import PagedList
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.values import flag, ident, number, words
from portals.providers.stalker.vod import MOVIES, SERIES, TitleList, VodReader, list_question
from portals.providers.vod_records import EpisodeRecord, SeasonRecord, SeriesDetails, SeriesRecord

_LEGACY_ORDER = re.compile(r"/media/\d+:(\d{1,4})\.mpg")
_SEASON_NAME = re.compile(r"(?i)(?:season|saison|staffel|temporada|stagione|сезон|\bs)\W{0,3}(\d{1,4})\b")
_SPECIALS = re.compile(r"(?i)\bspecials?\b")


@dataclass(slots=True)
class _Found:
    """What one series turned out to have."""

    seasons: dict[int, SeasonRecord] = field(default_factory=dict)
    episodes: dict[str, EpisodeRecord] = field(default_factory=dict)


class EpisodeReader:
    """Asks for the seasons and episodes of single series."""

    def __init__(self, portal: Portal, vod: VodReader) -> None:
        self._portal = portal
        self._vod = vod

    def details(self, provider_id: str, provider_data: Mapping[str, Any]) -> SeriesDetails:
        """One series with all its seasons and episodes. Raises ItemRefused, PortalError."""
        numbers = vod_rows.episode_numbers(provider_data.get("episodes"))
        found = _Found()
        if numbers:
            order = str(provider_data.get("cmd", ""))
            place = _season_of_title(order, str(provider_data.get("name", "")))
            found.seasons[place] = SeasonRecord(provider_id, place, name=_season_name(place))
            _add_numbered(found, provider_id, place, order, numbers)
        else:
            macs.from_first(
                self._portal, lambda subscription: self._ask(subscription, provider_id, provider_data, found)
            )
        if not found.seasons:
            raise errors.ItemRefused(Say.NO_SUCH_SERIES.of())
        return SeriesDetails(
            series=SeriesRecord(
                provider_id, str(provider_data.get("name", "")), detailed=True, provider_data=dict(provider_data)
            ),
            seasons=tuple(found.seasons[place] for place in sorted(found.seasons)),
            episodes=tuple(sorted(found.episodes.values(), key=lambda one: (one.season, one.number))),
        )

    def _ask(
        self, subscription: Subscription, provider_id: str, provider_data: Mapping[str, Any], found: _Found
    ) -> None:
        which = SERIES if provider_data.get("own_list") else MOVIES
        movie_id = str(provider_data.get("movie_id", "")) or provider_id.removeprefix(vod_rows.FROM_MOVIES)
        listed = list(self._rows(subscription, which, "seasons", movie_id=movie_id))
        reader = self._vod.reader(which)
        for at, row in enumerate(listed):
            if flag(row.get("is_file")):
                _add_file(found, provider_id, at + 1, row)
                continue
            place = _season_number(row, movie_id, at + 1)
            while place in found.seasons:
                place += 1
            key = ident(row.get("id"))
            name = words(row.get("name")) or _season_name(place)
            found.seasons[place] = SeasonRecord(provider_id, place, key, name, reader.about(row))
            numbers = vod_rows.episode_numbers(row.get("series"))
            if numbers or not flag(row.get("is_season")):
                order = vod_rows.order_of(vod_rows.kept(row, subscription.mac))
                _add_numbered(found, provider_id, place, order, numbers)
            else:
                self._add_season(subscription, which, found.seasons[place], movie_id, found)

    def _add_season(
        self, subscription: Subscription, which: TitleList, season: SeasonRecord, movie_id: str, found: _Found
    ) -> None:
        """The episodes of a season in stock's tree."""
        reader = self._vod.reader(which)
        listed = self._rows(subscription, which, "episodes", movie_id=movie_id, season_id=season.provider_id)
        for at, row in enumerate(listed, 1):
            key = ident(row.get("id"))
            place = number(row.get("series_number")) or at
            files = {"movie_id": movie_id, "season_id": season.provider_id, "episode_id": key, "list": which.type}
            made = EpisodeRecord(
                provider_id=f"{season.series_id}/{season.provider_id}/{key}",
                series_id=season.series_id,
                season=season.number,
                number=max(place, 0),
                name=words(row.get("name")) or f"Episode {place}",
                cmd=vod_rows.order_of(vod_rows.kept(row, subscription.mac)),
                about=reader.about(row),
                provider_data={"vod": files},
            )
            found.episodes.setdefault(made.provider_id, made)

    def _rows(self, subscription: Subscription, which: TitleList, what: str, **below: str) -> Iterator[Row]:
        pages = PagedList(
            lambda page: self._vod.ask(subscription, list_question(which, page, **below)),
            what,
            lambda done, expected: None,
            # Panels give every season the id of its series.
            key=lambda row: f"{ident(row.get('id'))} {row.get('cmd')} {row.get('name')}",
        )
        return pages.rows()


def _add_numbered(found: _Found, series_id: str, season: int, order: str, numbers: list[int]) -> None:
    """Episodes that are one order and a number."""
    for place in numbers:
        made = EpisodeRecord(
            provider_id=f"{series_id}/{season}/{place}",
            series_id=series_id,
            season=season,
            number=place,
            name=f"Episode {place}",
            cmd=order,
            container=vod_rows.container_of(order),
            provider_data={"vod": {"series": place}},
        )
        found.episodes.setdefault(made.provider_id, made)


def _add_file(found: _Found, series_id: str, place: int, row: Row) -> None:
    """A series that has files in place of seasons."""
    found.seasons.setdefault(1, SeasonRecord(series_id, 1, name=_season_name(1)))
    order = vod_rows.order_of(row)
    made = EpisodeRecord(
        provider_id=f"{series_id}/file/{ident(row.get('id')) or place}",
        series_id=series_id,
        season=1,
        number=place,
        name=words(row.get("name")) or f"Episode {place}",
        cmd=order,
        container=vod_rows.container_of(order),
        provider_data={"vod": {}},
    )
    found.episodes.setdefault(made.provider_id, made)


def _season_number(row: Row, movie_id: str, otherwise: int) -> int:
    """A season's number: its field, its order, what its id says behind the series', its name, its place."""
    if number(row.get("season_number"), -1) >= 0:
        return number(row["season_number"])
    ordered = _number_in_order(vod_rows.order_of(row))
    if ordered is not None:
        return ordered
    head, colon, tail = ident(row.get("id")).rpartition(":")
    if colon and head and head == movie_id.partition(":")[0] and f"{head}:{tail}" != movie_id and tail.isdecimal():
        return int(tail)
    named = _number_in_name(words(row.get("name")))
    return otherwise if named is None else named


def _season_of_title(order: str, name: str) -> int:
    """The season of a title that is listed as a whole."""
    found = _number_in_order(order)
    if found is None:
        found = _number_in_name(name)
    return 1 if found is None else found


def _number_in_order(order: str) -> int | None:
    told = vod_rows.unwrapped(order)
    if "season_num" in told:
        return max(number(told["season_num"], 1), 0)
    legacy = _LEGACY_ORDER.search(order)
    return int(legacy[1]) if legacy else None


def _number_in_name(name: str) -> int | None:
    named = _SEASON_NAME.search(name)
    if named:
        return int(named[1])
    return 0 if _SPECIALS.search(name) else None


def _season_name(place: int) -> str:
    return f"Season {place}" if place else "Specials"
