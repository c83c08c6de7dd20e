"""Accounts of the fake portal: what it knows of each MAC, and what each MAC did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Account:
    """One MAC's row."""

    mac: str
    id: int
    #: "ok", "blocked" (silent), "billing_no" (with words), "billing_down", "expired".
    state: str = "ok"
    token: str | None = None
    login: str = ""
    password: str = ""
    logged_in: bool = False
    device_id: str = ""
    device_id2: str = ""
    serial: str = ""
    end_date: str = ""
    phone: str = ""
    created: str = "2024-01-01 12:00:00"
    last_start: str = "2024-05-01 12:00:00"
    keep_alive: str = "2024-05-01 12:00:00"
    ip: str = "203.0.113.9"
    just_created: bool = False
    notice: str = ""
    #: Watchdog events waiting.
    events: list[dict[str, Any]] = field(default_factory=list)
    #: Ids of channels this MAC does not see, and of those shown but not subscribed.
    hidden: set[int] = field(default_factory=set)
    locked: set[int] = field(default_factory=set)
    #: Simultaneous streams; 0 = unlimited.
    limit: int = 0
    #: Fields put over the profile row.
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Doings:
    """What one MAC did, for tests to look at."""

    handshakes: int = 0
    profiles: int = 0
    logins: int = 0
    create_links: int = 0
    watchdogs: int = 0
    opened: int = 0
    open_now: int = 0
    open_peak: int = 0
