"""From a portal's rows about movies and series to records."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any
from urllib.parse import urljoin, urlsplit

from portals.providers.loose import decimal, moment, year
from portals.providers.stalker import links
from portals.providers.stalker.merging import Row
from portals.providers.stalker.values import clean, flag, ident, is_set, number, words
from portals.providers.titles import is_adult, year_in
from portals.providers.vod_records import About, CategoryRecord, MovieRecord, SeriesRecord, VodKind

#: Stands before the ids of series (and of their categories) that come out of the list of movies: portals with a
#: list of series of its own count from one in both.
FROM_MOVIES = "vod:"
#: A portal whose language its server does not have gives every title this name (section 13 item 8).
_NO_NAME = "video_name_format"
_CONTAINER = re.compile(r"\.(mkv|mp4|avi|mpg|mpeg|ts|m2ts|mov|wmv|flv|webm|m3u8)(?:[?#]|$)", re.IGNORECASE)
_LONGEST_ORDER = 4000
#: What is kept of a row; the rest is dropped while the list is read.
KEPT = frozenset(
    (
        "id", "name", "o_name", "path", "description", "director", "actors", "year", "time", "category_id",
        "genres_str", "censored", "lock", "added", "rating_imdb", "rating_kinopoisk", "rating_mpaa", "age", "country",
        "screenshot_uri", "screenshots", "pic", "cmd", "rtsp_url", "series", "is_series", "has_files", "tmdb_id",
        "tmdb", "imdb_id",
    )
)  # fmt: skip


class Reader:
    """Reads the rows of one portal: `base` is its root, `zone` the one its printed times are in."""

    def __init__(self, base: str, zone: tzinfo, censored: frozenset[str] = frozenset()) -> None:
        self._base = base
        self._zone = zone
        self._censored = censored

    def movie(self, row: Row) -> MovieRecord | None:
        """The movie in a row; None when it has no id. A list tells all a portal knows of a movie."""
        key = ident(row.get("id"))
        if not key:
            return None
        order = order_of(row)
        return MovieRecord(
            provider_id=key,
            name=title_of(row) or f"Movie {key}",
            category_ids=_categories(row),
            cmd=order,
            container=container_of(order),
            about=self.about(row),
            added_at=moment(row.get("added"), self._zone),
            censored=self._is_censored(row),
            detailed=True,
            provider_data={"vod": {"movie_id": key} if number(row.get("has_files")) > 0 else {}},
        )

    def series(self, row: Row, *, from_movies: bool) -> SeriesRecord | None:
        """The series in a row; None when it has no id.

        `from_movies`: it stood among the movies; its order and episode numbers, if it has them there, are all there
        is to know about its episodes.
        """
        key = ident(row.get("id"))
        if not key:
            return None
        name = title_of(row) or f"Series {key}"
        data: dict[str, Any] = {"name": name, "movie_id": key, "own_list": not from_movies}
        numbers = episode_numbers(row.get("series"))
        if from_movies and numbers:
            data |= {"cmd": order_of(row), "episodes": numbers}
        before = FROM_MOVIES if from_movies else ""
        return SeriesRecord(
            provider_id=before + key,
            name=name,
            category_ids=tuple(before + category for category in _categories(row)),
            about=self.about(row),
            # Panels write there when an episode came; the time a title of the other list was added never changes.
            changed_at=None if from_movies else moment(row.get("added"), self._zone),
            censored=self._is_censored(row),
            provider_data=data,
        )

    def about(self, row: Row) -> About:
        """What a row tells of its title."""
        minutes = number(row.get("time"))
        return About(
            original_name=_name(row.get("o_name")),
            year=year(row.get("year")) or year_in(title_of(row)),
            plot=words(row["description"], 4000) if is_set(row.get("description")) else "",
            cast=words(row["actors"], 2000) if is_set(row.get("actors")) else "",
            director=words(row["director"], 500) if is_set(row.get("director")) else "",
            genres=words(row["genres_str"], 300) if is_set(row.get("genres_str")) else "",
            country=words(row["country"], 200) if is_set(row.get("country")) else "",
            rating=_rating(row),
            age_rating=next((clean(row[at], 20) for at in ("rating_mpaa", "age") if is_set(row.get(at))), ""),
            duration_s=minutes * 60 if 0 < minutes < 7 * 24 * 60 else None,
            tmdb_id=next((ident(row[at]) for at in ("tmdb_id", "tmdb") if is_set(row.get(at))), ""),
            imdb_id=ident(row["imdb_id"]) if is_set(row.get("imdb_id")) else "",
            poster=self.picture(row),
        )

    def picture(self, row: Row) -> str:
        """The poster's whole address: portals send whole ones, paths, and bare numbers of their own folders."""
        for name in ("screenshot_uri", "pic"):
            text = clean(row[name], 2000) if is_set(row.get(name)) and isinstance(row[name], str) else ""
            address = _absolute(text, self._base) if text else ""
            if address:
                return address
        shot = number(row.get("screenshots"))
        return f"{self._base}/screenshots/{-(-shot // 100)}/{shot}.jpg" if shot > 0 and self._base else ""

    def _is_censored(self, row: Row) -> bool:
        return flag(row.get("censored")) or flag(row.get("lock")) or not self._censored.isdisjoint(_categories(row))


def kept(row: Row, mac: str) -> dict[str, Any]:
    """What is worth keeping of a listed row, without what is the asking MAC's own."""
    found = {name: value for name, value in row.items() if name in KEPT}
    for name in ("cmd", "rtsp_url"):
        if isinstance(found.get(name), str):
            found[name] = links.portable(clean(found[name], _LONGEST_ORDER), mac, "")
    return found


def order_of(row: Row) -> str:
    """The play order of a row."""
    for name in ("cmd", "rtsp_url"):
        if isinstance(row.get(name), str) and is_set(row[name]):
            return clean(row[name], _LONGEST_ORDER)
    return ""


def category(row: Row, kind: VodKind, before: str = "") -> CategoryRecord | None:
    """The category in a row; None for the one that stands for all of them."""
    key = ident(row.get("id"))
    if not key or key == "*":
        return None
    name = words(row.get("title")) or words(row.get("alias")) or key
    return CategoryRecord(before + key, name, kind, flag(row.get("censored")) or is_adult(name))


def is_series(row: Row) -> bool:
    """Does a row of the list of movies hold a series?"""
    return flag(row.get("is_series")) or bool(episode_numbers(row.get("series")))


def episode_numbers(value: Any) -> list[int]:
    """`[1, 2, 3]`, `["1", "2"]`; what is no number is left out."""
    if isinstance(value, dict):
        value = list(value.values())
    found = [number(item, -1) for item in value[:10_000]] if isinstance(value, list) else []
    return sorted({place for place in found if place > 0})


def title_of(row: Row) -> str:
    """The name in whichever field holds one."""
    return next(filter(None, (_name(row.get(field)) for field in ("name", "o_name", "path"))), "")


def container_of(order: str) -> str:
    """The file form an order tells: by an address's ending, or inside a panel's wrapped order."""
    address = links.listed_address(order)
    found = _CONTAINER.search(address)
    # `/media/7.mpg` is how a portal calls a title, whatever file is behind it.
    if found and "://" in address:
        return found[1].lower()
    said = unwrapped(order).get("target_container")
    try:
        forms = json.loads(said) if isinstance(said, str) and said.startswith("[") else [said]
    except ValueError:
        forms = []
    form = str(forms[0]).lower() if isinstance(forms, list) and forms and forms[0] else ""
    return form if form.isalnum() and len(form) <= 5 else ""


def unwrapped(order: str) -> Mapping[str, Any]:
    """A panel's order is base64 of JSON; {} when it is not. Only ever looked into, never made."""
    text = order.strip()
    if len(text) > _LONGEST_ORDER or not re.fullmatch(r"[A-Za-z0-9+/]{8,}={0,2}", text):
        return {}
    try:
        told = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _name(value: Any) -> str:
    text = words(value, 500)
    return "" if text == _NO_NAME else text


def _categories(row: Row) -> tuple[str, ...]:
    key = ident(row.get("category_id"))
    return (key,) if key and key not in ("0", "*") else ()


def _rating(row: Row) -> float | None:
    for name in ("rating_imdb", "rating_kinopoisk"):
        value = decimal(row.get(name))
        if 0 < value <= 10:
            return round(value, 2)
    return None


def _absolute(text: str, base: str) -> str:
    try:
        address = text if "://" in text.partition("?")[0] else urljoin(base + "/", text)
        whole = urlsplit(address).scheme in ("http", "https") and len(address) <= 2000
    except ValueError:
        return ""
    return address if whole else ""
