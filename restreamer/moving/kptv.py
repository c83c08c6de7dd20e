"""Reads the SOURCES variable or config.json of KPTV Proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from channels.models import StreamRule
from portals.adding import NewPortal
from portals.models import PortalKind
from restreamer.lib.errors import InvalidInput
from restreamer.moving.wishes import (
    GuideWish,
    PortalWish,
    ViewerWish,
    Wishes,
    count,
    mapping,
    read_json,
    read_text,
    text,
)

#: Its first form was configured by variables; these still mean something here.
VARIABLES = ("SOURCES", "IMPORT_REFRESH_INTERVAL", "USER_AGENT", "REQ_ORIGIN", "REQ_REFERRER")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LEFT = ("vodIncludeRegex", "vodExcludeRegex", "seriesIncludeRegex", "seriesExcludeRegex")


def read(path: Path) -> Wishes:
    """What a config.json or a file of KEY=VALUE lines asks for. Raises InvalidInput."""
    if not read_text(path).lstrip().startswith("{"):
        return from_variables(_variables(read_text(path)))
    document = read_json(path)
    sources = document.get("sources")
    if not isinstance(sources, list):
        raise InvalidInput(f"{path} holds no sources; it should be the config.json of KPTV Proxy.")
    hours = _hours(text(document.get("importRefreshInterval")))
    wishes = Wishes()
    for position, source in enumerate(sources, 1):
        wish = _source(mapping(source), position, hours)
        if wish is None:
            wishes.left.append(f"source {position}: it has no address")
            continue
        wishes.portals.append(wish)
        told = [name for name in _LEFT if text(mapping(source).get(name))]
        if told:
            wishes.left.append(f"source {wish.new.name}: {', '.join(told)} (rules here are about live channels)")
    wishes.guides = [
        GuideWish(text(one.get("name")) or f"Guide {n}", text(one.get("url")), count(one.get("order"), n))
        for n, one in enumerate(map(mapping, document.get("epgs") or ()), 1)
        if text(one.get("url"))
    ]
    wishes.viewers = [
        ViewerWish(
            text(one.get("username")), text(one.get("password")), count(one.get("maxConnections"), 1), enabled=True
        )
        for one in map(mapping, document.get("xcOutputAccounts") or ())
        if text(one.get("username")) and text(one.get("password"))
    ]
    if document.get("sdAccounts"):
        wishes.left.append("Schedules Direct accounts")
    return wishes


def from_variables(variables: Mapping[str, str]) -> Wishes:
    """What `SOURCES=URL|connections,URL|connections` and its neighbours ask for. Raises InvalidInput."""
    sources = [part.strip() for part in re.split(r",(?=\s*https?://)", variables.get("SOURCES", "")) if part.strip()]
    if not sources:
        raise InvalidInput("SOURCES is empty; it looks like http://host/list.m3u|2,http://other/list.m3u|1")
    shared = {
        "userAgent": variables.get("USER_AGENT", ""),
        "reqOrigin": variables.get("REQ_ORIGIN", ""),
        "reqReferrer": variables.get("REQ_REFERRER", ""),
    }
    hours = _hours(variables.get("IMPORT_REFRESH_INTERVAL", ""))
    wishes = Wishes()
    for position, part in enumerate(sources, 1):
        address, _, connections = part.rpartition("|") if re.search(r"\|\s*\d+\s*$", part) else (part, "", "")
        wish = _source({"url": address, "maxConnections": connections, **shared}, position, hours)
        if wish is not None:
            wishes.portals.append(wish)
    return wishes


def _variables(content: str) -> dict[str, str]:
    """KEY=VALUE lines, as in .env files, quoted or not; `- KEY=VALUE` and `KEY: VALUE` as in compose files."""
    found = re.finditer(r"(?m)^\s*(?:-\s*|export\s+)?[\"']?([A-Z_]+)\s*[=:]\s*(.*?)\s*$", content)
    return {match[1]: match[2].strip("\"'") for match in found if match[1] in VARIABLES}


def _source(source: Mapping[str, Any], position: int, hours: int | None) -> PortalWish | None:
    address = text(source.get("url"))
    if not address:
        return None
    login, password = text(source.get("username")), text(source.get("password"))
    is_xtream = bool(login and password)
    connections = count(source.get("maxConnections"), 0)
    columns: dict[str, Any] = {
        "priority": count(source.get("order"), position),
        "max_streams": connections,
        "user_agent": text(source.get("userAgent"))[:300],
        "origin": text(source.get("reqOrigin"))[:500],
        "referer": text(source.get("reqReferrer"))[:500],
    }
    if hours is not None:
        columns["refresh_hours"] = hours
    return PortalWish(
        new=NewPortal(
            name=(text(source.get("name")) or f"{urlsplit(address).hostname or 'Source'} {position}")[:100],
            address=address,
            kind=PortalKind.XTREAM if is_xtream else PortalKind.M3U,
            logins=[f"{login}:{password}"] if is_xtream else (),
            streams=connections,
            enable_new=True,
        ),
        columns=columns,
        rules=[
            (action, text(source.get(name)))
            for action, name in (
                (StreamRule.Action.INCLUDE, "liveIncludeRegex"),
                (StreamRule.Action.EXCLUDE, "liveExcludeRegex"),
            )
            if text(source.get(name))
        ],
    )


def _hours(duration: str) -> int | None:
    """Whole hours of a duration like `12h` or `90m`, at least one; None when it says nothing."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", duration)
    if not parts:
        return None
    return min(24 * 30, max(1, round(sum(float(n) * _UNITS_S[unit] for n, unit in parts) / 3600)))
