"""What providers return: plain records, never rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from restreamer.lib.fence import Fence


@dataclass(frozen=True, slots=True)
class GenreRecord:
    """A portal's sorting of its items."""

    provider_id: str
    name: str
    censored: bool = False


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One live item as a portal lists it.

    `provider_data` holds what only the provider's own code reads again when playing (JSON types only).
    `offered_to` holds ids of the subscriptions that list it; empty = all.
    """

    provider_id: str
    name: str
    number: str = ""
    genre_id: str = ""
    logo: str = ""
    guide_id: str = ""
    cmd: str = ""
    is_radio: bool = False
    censored: bool = False
    subscribed: bool = True
    archive_hours: int = 0
    provider_data: Mapping[str, Any] = field(default_factory=dict)
    offered_to: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionReport:
    """What asking a portal about one subscription showed.

    `state` is a portals.models.SubscriptionState value. `sentence` is for the owner, redacted.
    """

    state: str
    sentence: str
    expires_at: datetime | None = None
    warning: str = ""
    #: Simultaneous streams the provider itself names; None when it says nothing.
    streams: int | None = None
    time_zone: str = ""
    #: Facts worth showing (tariff, model, portal version…), redacted, in display order.
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlayUrl:
    """A short-lived address to open at once, with what must be sent along. Never logged whole, never stored."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    proxy_url: str = ""
    verify_tls: bool = True
    #: "ts", "hls" or "" when only the first bytes will tell.
    form: str = ""
    #: Where it, and what it names, may lead; None = anywhere.
    fence: Fence | None = None
