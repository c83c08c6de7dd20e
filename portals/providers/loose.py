"""Loosely typed times, dates and numbers, as panels and portals of every kind send them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from portals.providers.stalker.values import is_set

_EPOCH = re.compile(r"-?\d{1,13}(?:\.0*)?")
_YEAR = re.compile(r"(?:18|19|20)\d\d")
_LATEST_S = 32_503_680_000  # the year 3000


def moment(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """A point in time: epoch seconds or milliseconds as number or string, else wall-clock time in `zone`."""
    said = str(value).strip() if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    if _EPOCH.fullmatch(said):
        seconds = float(said)
        seconds = seconds / 1000 if abs(seconds) > _LATEST_S else seconds
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LATEST_S else None
    try:
        wall = datetime.fromisoformat(said)
        return (wall if wall.tzinfo else wall.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(value: Any) -> date | None:
    """A date, from `2008-01-20`, with or without a time behind it."""
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        return None


def year(*values: Any) -> int | None:
    """The first year any of the values begins with or holds."""
    for value in values:
        found = _YEAR.search(str(value)) if is_set(value) else None
        if found:
            return int(found[0])
    return None


def decimal(value: Any) -> float:
    """A number, 0 when it is none."""
    try:
        found = float(str(value).strip().replace(",", "."))
    except ValueError:
        return 0.0
    return found if abs(found) < 1e12 else 0.0
