"""What another system's file asks for, before anything is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portals.adding import NewPortal
from restreamer.lib.errors import InvalidInput

#: Real files are some kilobytes; with thousands of renamed channels a few megabytes.
_LARGEST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Curated:
    """What an owner decided about one channel of a portal; empty = nothing."""

    enabled: bool = False
    name: str = ""
    number: str = ""
    group: str = ""
    guide_id: str = ""
    #: Name of the channel it stands in for.
    stands_in_for: str = ""


@dataclass(slots=True)
class PortalWish:
    """A portal with what only its row holds, its rules, and its channels by the portal's own ids."""

    new: NewPortal
    columns: dict[str, Any] = field(default_factory=dict)
    #: (action, pattern) on names.
    rules: list[tuple[str, str]] = field(default_factory=list)
    channels: dict[str, Curated] = field(default_factory=dict)
    hides_others: bool = False


@dataclass(frozen=True, slots=True)
class GuideWish:
    """An XMLTV address."""

    name: str
    address: str
    priority: int


@dataclass(frozen=True, slots=True)
class ViewerWish:
    """A player's login."""

    name: str
    password: str
    connections: int
    enabled: bool


@dataclass(slots=True)
class Wishes:
    """Everything in a file; `left` says in words what has no place here."""

    portals: list[PortalWish] = field(default_factory=list)
    guides: list[GuideWish] = field(default_factory=list)
    viewers: list[ViewerWish] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def read_text(path: Path) -> str:
    """The file's text. Raises InvalidInput."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InvalidInput(f"{path} is far too large to be a configuration.")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidInput(f"{path} cannot be read: {getattr(err, 'strerror', None) or 'it is no text'}.") from err


def read_json(path: Path) -> dict[str, Any]:
    """The file's JSON object. Raises InvalidInput."""
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as err:
        raise InvalidInput(f"{path} is no JSON: {err.msg} in line {err.lineno}.") from err
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} holds no JSON object; give the configuration itself.")
    return document


def mapping(value: Any) -> Mapping[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """The value as text; nothing for None and for what is no plain value."""
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def truth(value: Any, default: bool = False) -> bool:
    """Both systems write true as a word, as a number or as JSON's own."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes", "on") if value.strip() else default
    return bool(value) if value is not None else default


def count(value: Any, default: int) -> int:
    """A number of things, however it is written; never negative."""
    try:
        return max(0, int(float(text(value))))
    except (ValueError, OverflowError):
        return default
