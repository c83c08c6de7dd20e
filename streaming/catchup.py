"""What players ask of the past: every way they write a start and a duration. Pure.

Source: reference xtream-codes-api.md section 9.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, tzinfo

from restreamer.lib.errors import RestreamerError

#: Minutes above this come from players that send seconds.
MOST_MINUTES = 24 * 60
#: What is played when neither the player nor the guide says how long.
USUAL_MINUTES = 120
#: The earliest start anybody may mean: what is older is no time, whatever its digits.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_WALL = re.compile(r"(\d{4})-(\d\d)-(\d\d)[:_ T+](\d\d)[-:](\d\d)(?:[-:](\d\d))?", re.ASCII)
_HOUR = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(?:(\d\d)(\d\d)?)?", re.ASCII)
_EPOCH = re.compile(r"\d{9,10}(?:\.\d*)?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}", re.ASCII)


class StartUnreadable(RestreamerError):
    """The start of the piece asked for is no time anybody could mean."""

    status = 400
    permanent = True
    public = "The start time of this address cannot be read. It looks like 2026-01-31:20-15."


def start_of(text: str, zone: tzinfo) -> datetime:
    """When the piece begins, aware. Times without a zone are wall clock in `zone`. Raises StartUnreadable."""
    text = text.strip()
    try:
        start = _epoch(text) or _wall_clock(text, zone) or _iso(text, zone)
    except (ValueError, OverflowError) as err:
        raise StartUnreadable(f"{text[:40]!r} is no start: {err}.") from err
    if start is None or not _EARLIEST <= start <= _LATEST:
        raise StartUnreadable(f"{text[:40]!r} is no start.")
    return start


def minutes_of(text: str) -> int | None:
    """The duration in whole minutes, never less than one; None when the player does not say."""
    text = text.strip()
    if not re.fullmatch(r"\d{1,9}(?:\.\d{0,6})?", text, re.ASCII):
        return None
    minutes = float(text)
    if minutes > MOST_MINUTES:
        minutes /= 60
    return min(max(math.ceil(minutes), 1), MOST_MINUTES) if minutes > 0 else None


def minutes_between(start: datetime, stop: datetime) -> int | None:
    """Whole minutes from one to the other, at most a day; None when that is no time."""
    seconds = (stop - start) / timedelta(seconds=1)
    return min(max(math.ceil(seconds / 60), 1), MOST_MINUTES) if seconds > 0 else None


def _epoch(text: str) -> datetime | None:
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return None


def _wall_clock(text: str, zone: tzinfo) -> datetime | None:
    match = _WALL.fullmatch(text) or _HOUR.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, *rest = (int(part or 0) for part in match.groups())
    minute, second = (*rest, 0, 0)[:2]
    return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)


def _iso(text: str, zone: tzinfo) -> datetime | None:
    if not re.match(r"\d{4}-?\d\d-?\d\d[T ]\d\d", text, re.ASCII):
        return None
    # A plus in a query is a space to whoever decodes it.
    start = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
    return (start if start.tzinfo else start.replace(tzinfo=zone)).astimezone(UTC)
