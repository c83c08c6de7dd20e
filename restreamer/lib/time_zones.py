"""Zone names as people type them."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from restreamer.lib.errors import InvalidInput


def zone_named(name: str) -> tzinfo:
    """The zone with this IANA name; UTC for an empty one.

    Raises InvalidInput.
    """
    name = name.strip()
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    # A name with a slash in front, with "..", or of a folder: zoneinfo has a different complaint for each.
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise InvalidInput(f"{name[:60]!r} is no time zone; it looks like Europe/Berlin.") from err


def is_zone(name: str) -> bool:
    """Is there a zone with this name?"""
    try:
        zone_named(name)
    except InvalidInput:
        return False
    return True
