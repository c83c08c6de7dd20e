"""How a panel's loosely typed fields are read: strings that hold numbers, numbers that hold strings, base64 or not."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import timedelta, timezone, tzinfo
from typing import Any
from urllib.parse import urljoin

from portals.providers.loose import day, decimal, moment, year
from portals.providers.stalker.values import clean, flag, ident, is_set, number, words
from restreamer.lib import time_zones

__all__ = ["clean", "day", "decimal", "flag", "ident", "is_set", "moment", "number", "words", "year"]

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{2})")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")


def first(row: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that holds something; None when none does."""
    for name in names:
        if is_set(row.get(name)):
            return row[name]
    return None


def text(row: Mapping[str, Any], *names: str, limit: int = 500) -> str:
    """The first of these fields that holds something, fit to be stored."""
    value = first(row, *names)
    return "" if value is None else clean(value, limit)


def prose(row: Mapping[str, Any], *names: str, limit: int = 4000) -> str:
    """The same for text people read."""
    value = first(row, *names)
    return "" if value is None else words(value, limit)


def rating(row: Mapping[str, Any]) -> float | None:
    """0 to 10, from `rating` or twice `rating_5based`; None when unrated."""
    for name, scale in (("rating", 1.0), ("rating_5based", 2.0)):
        value = decimal(row.get(name)) * scale
        if 0 < value <= 10:
            return round(value, 2)
    return None


def duration_s(row: Mapping[str, Any]) -> int | None:
    """Seconds, from `duration_secs`, `duration` (`01:52:30`) or `episode_run_time` in minutes."""
    seconds = number(row.get("duration_secs"))
    if not seconds:
        clock = _CLOCK.fullmatch(str(row.get("duration", "")).strip())
        seconds = (int(clock[1] or 0) * 60 + int(clock[2])) * 60 + int(clock[3]) if clock else 0
    seconds = seconds or number(row.get("episode_run_time")) * 60
    return seconds if 0 < seconds < 7 * 24 * 3600 else None


def picture(value: Any, base: str) -> str:
    """An absolute web address, or nothing. Panels send paths of their own machine too."""
    said = clean(value, 2000)
    if said.startswith(("http://", "https://")):
        return said
    if said.startswith("//"):
        return f"http:{said}"
    return urljoin(f"{base}/", said) if said.startswith("/") else ""


def pictures(value: Any, base: str) -> tuple[str, ...]:
    """Pictures out of a list, or the one that was sent without a list around it."""
    items = value if isinstance(value, list) else [value]
    return tuple(filter(None, (picture(item, base) for item in items[:10] if isinstance(item, str))))


def ids(row: Mapping[str, Any]) -> tuple[str, ...]:
    """All categories of a row, the primary one first."""
    several = row.get("category_ids")
    found = [ident(row.get("category_id")), *(map(ident, several) if isinstance(several, list) else ())]
    return tuple(dict.fromkeys(key for key in found if key and key != "0"))


def unwrapped(value: Any) -> str:
    """Text sent as base64, or as it is: some panels forget the wrapping."""
    said = str(value).strip() if isinstance(value, str) else ""
    try:
        decoded = base64.b64decode(said, validate=True).decode()
    except (binascii.Error, ValueError):
        return words(said, 4000)
    return words(decoded, 4000)


def rows_in(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or of an object that should be a list."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]


def one_row(value: Any) -> dict[str, Any]:
    """The object; {} for the empty array PHP makes of an empty object, and for anything else."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return dict(value[0])
    return dict(value) if isinstance(value, dict) else {}


def zone_named(name: str) -> tzinfo | None:
    """The zone of an IANA name or of an offset (`+02:00`); None when it is neither."""
    offset = _OFFSET.fullmatch(name)
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span) if span < timedelta(hours=24) else None
    return time_zones.zone_named(name) if name and time_zones.is_zone(name) else None
