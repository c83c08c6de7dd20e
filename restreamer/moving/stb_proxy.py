"""Reads config.json of STB-Proxy and its descendants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portals.adding import NewPortal
from restreamer.lib.errors import InvalidInput
from restreamer.moving.wishes import Curated, PortalWish, Wishes, count, mapping, read_json, text, truth

#: Settings of theirs and where the same is set here.
_SETTINGS = {
    "hdhr tuners": "the tuners of a viewer are its connections",
    "enable security": "viewers and web users always log in here",
    "ffmpeg command": "deliveries are set per channel",
    "try all macs": "all MACs are always tried",
}


def read(path: Path) -> Wishes:
    """What the file asks for. Raises InvalidInput."""
    document = read_json(path)
    portals = document.get("portals")
    if not isinstance(portals, dict):
        raise InvalidInput(f"{path} holds no portals; it should be the config.json of STB-Proxy.")
    wishes = Wishes()
    names: set[str] = set()
    for key, portal in portals.items():
        if isinstance(portal, dict):
            wish = _portal(key, portal, names)
            if wish is None:
                wishes.left.append(f"portal {text(portal.get('name')) or key}: it has no MAC or no address")
            else:
                wishes.portals.append(wish)
    settings = mapping(document.get("settings"))
    wishes.left += [f"setting {name!r}: {why}" for name, why in _SETTINGS.items() if name in settings]
    return wishes


def _portal(key: str, portal: Mapping[str, Any], names: set[str]) -> PortalWish | None:
    macs = portal.get("macs") or portal.get("mac") or []
    macs = [macs] if isinstance(macs, str) else list(macs)
    address = text(portal.get("url"))
    if not macs or not address:
        return None
    name = _free(text(portal.get("name")) or f"Portal {key[:8]}", names)
    return PortalWish(
        new=NewPortal(
            name=name,
            address=address,
            macs=[part for mac in macs for part in text(mac).split(",") if part.strip()],
            streams=count(portal.get("streams per mac"), 1),
            proxy_url=_proxy(text(portal.get("proxy"))),
        ),
        columns={"enabled": truth(portal.get("enabled"), default=True)},
        channels=_channels(portal),
    )


def _free(name: str, names: set[str]) -> str:
    free, n = name[:100], 1
    while free in names:
        n += 1
        free = f"{name[:90]} {n}"
    names.add(free)
    return free


def _proxy(value: str) -> str:
    return value if not value or "://" in value else f"http://{value}"


def _channels(portal: Mapping[str, Any]) -> dict[str, Curated]:
    enabled = portal.get("enabled channels")
    shown = {text(one) for one in enabled} if isinstance(enabled, list) else set()
    told = {
        field: mapping(portal.get(key))
        for field, key in (
            ("name", "custom channel names"),
            ("number", "custom channel numbers"),
            ("group", "custom genres"),
            ("guide_id", "custom epg ids"),
            ("stands_in_for", "fallback channels"),
        )
    }
    ids = shown.union(*told.values()) - {""}
    return {
        one: Curated(enabled=one in shown, **{field: text(values.get(one)) for field, values in told.items()})
        for one in sorted(ids)
    }
