"""What a login gets to know about itself and about us (reference xtream-codes-api.md, section 2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from accounts.models import Viewer

#: One popular library dies on an expiry that is no number: whoever has none expires then.
NO_EXPIRY = timedelta(days=3650)
#: 0 means "none" to some players.
NO_LIMIT = 1000
FORMATS = ("m3u8", "ts")

_DEFAULT_PORTS = {"http": "80", "https": "443"}


def user_info(viewer: Viewer, password: str, active: int, now: datetime) -> dict[str, Any]:
    """The login. `password` is echoed as it came: players build addresses of it."""
    expires_at = viewer.expires_at or now + NO_EXPIRY
    return {
        "username": viewer.name,
        "password": password,
        "message": "",
        "auth": 1,
        "status": status(viewer),
        "exp_date": str(int(expires_at.timestamp())),
        "is_trial": "0",
        "active_cons": str(active),
        "created_at": str(int(viewer.created_at.timestamp())),
        "max_connections": str(viewer.connections or NO_LIMIT),
        "allowed_output_formats": list(FORMATS),
    }


def status(viewer: Viewer) -> str:
    """The login's state in that API's words."""
    if not viewer.enabled:
        return "Disabled"
    return "Expired" if viewer.expired else "Active"


def refused(message: str) -> dict[str, Any]:
    """A login that is none. Status 200: libraries take anything else for a server that is down."""
    return {"user_info": {"auth": 0, "status": "Disabled", "message": message}}


def server_info(base_url: str, now: datetime) -> dict[str, Any]:
    """Us, as the player reached us. Always UTC: no hour of any archive is ambiguous."""
    where = urlsplit(base_url)
    port = str(where.port or _DEFAULT_PORTS.get(where.scheme, "80"))
    secure = where.scheme == "https"
    return {
        "url": where.hostname or "",
        "port": "80" if secure else port,
        "https_port": port if secure else "443",
        "server_protocol": where.scheme,
        "rtmp_port": "1935",
        "timezone": "UTC",
        "timestamp_now": int(now.timestamp()),
        "time_now": f"{now:%Y-%m-%d %H:%M:%S}",
        "process": True,
    }
