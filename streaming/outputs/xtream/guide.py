"""The guide actions (reference xtream-codes-api.md, section 5)."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from guide.querysets import Showing


def listings(showings: Iterable[Showing], tvg_id: str, archive_days: int, now: datetime) -> list[dict[str, Any]]:
    """Broadcasts of one channel, in order."""
    return [_listing(one, tvg_id, archive_days, now) for one in showings]


def _listing(showing: Showing, tvg_id: str, archive_days: int, now: datetime) -> dict[str, Any]:
    programme = showing.programme
    start, stop = showing.start, showing.stop
    archived = archive_days > 0 and stop <= now and start >= now - timedelta(days=archive_days)
    return {
        "id": str(programme.pk),
        "epg_id": str(programme.channel_id),
        "title": encoded(programme.title),
        "lang": programme.lang,
        "start": f"{start:%Y-%m-%d %H:%M:%S}",
        "end": f"{stop:%Y-%m-%d %H:%M:%S}",
        "stop": f"{stop:%Y-%m-%d %H:%M:%S}",
        "description": encoded(programme.description),
        "channel_id": tvg_id,
        "start_timestamp": str(int(start.timestamp())),
        "stop_timestamp": str(int(stop.timestamp())),
        "now_playing": 1 if start <= now < stop else 0,
        "has_archive": 1 if archived else 0,
    }


def encoded(text: str) -> str:
    """Base64 of UTF-8, as all of these players expect titles and descriptions."""
    return base64.b64encode(text.encode("utf-8", "replace")).decode()
