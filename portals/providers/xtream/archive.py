"""Addresses of a panel's catch-up, in its own zone and every layout panels have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta, tzinfo

from portals.models import Subscription
from portals.providers.vod_records import ArchiveWindow
from portals.providers.xtream.addresses import timeshift_path, timeshift_query

_LONGEST_MINUTES = 24 * 60


def addresses(
    server: str, subscription: Subscription, stream_id: str, window: ArchiveWindow, *, zone: tzinfo, extension: str
) -> Iterator[str]:
    """The window's addresses, the likeliest first: path and query layout in the login's form, then in the other.

    Panels count whole minutes: the window is widened to them.
    """
    start = window.start.astimezone(zone)
    begins = start.replace(second=0, microsecond=0)
    ends = start + timedelta(seconds=max(window.duration_s, 1))
    minutes = min(max(math.ceil((ends - begins).total_seconds() / 60), 1), _LONGEST_MINUTES)
    when = f"{begins:%Y-%m-%d:%H-%M}"
    for form in (extension, "m3u8" if extension == "ts" else "ts"):
        yield timeshift_path(server, subscription, minutes, when, f"{stream_id}.{form}")
        yield timeshift_query(server, subscription, minutes, when, stream_id, form)
    yield timeshift_query(server, subscription, minutes, when, stream_id, "")
