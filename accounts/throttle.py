"""Who was wrong too often waits: the settings of django-axes that are functions, and how a lockout is lifted.

Wrong logins are counted by address alone, as axes' cache handler does it: whoever guesses from one address waits, and
nobody can lock somebody else's name from afar. An IPv6 household counts as one address, its /64.
"""

from __future__ import annotations

import ipaddress
import json
import time
from dataclasses import dataclass
from typing import Any

from axes.utils import reset
from django.conf import settings
from django.http import HttpRequest
from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.client_address import client_address
from restreamer.lib.redis_client import answering, connection


@dataclass(frozen=True, slots=True)
class Lockout:
    """An address that has to wait, the name it tried last, and how long still."""

    address: str
    name: str
    left_s: int

    @property
    def minutes(self) -> int:
        """How long still, rounded up."""
        return -(-self.left_s // 60)


def counted_address(request: HttpRequest) -> str:
    """The asker's address as wrong logins are counted by."""
    address = client_address(request)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address or "unknown"
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)


def note_lockout(sender: object, request: HttpRequest, username: str | None, ip_address: str, **kwargs: Any) -> None:
    """Remember for those who may lift it; the name as typed, so no longer than a name is."""
    until = time.time() + settings.AXES_COOLOFF_TIME.total_seconds()
    with answering():
        connection().hset(redis_keys.LOCKOUTS, ip_address, json.dumps([until, (username or "")[:150]]))


def lockouts(client: Redis) -> list[Lockout]:
    """Who waits now, the longest wait last. Raises RedisUnavailable."""
    with answering():
        rows: dict[bytes, bytes] = client.hgetall(redis_keys.LOCKOUTS)  # type: ignore[assignment]
    found, now = [], time.time()
    for address, raw in rows.items():
        until, name = json.loads(raw)
        if until <= now:
            with answering():
                client.hdel(redis_keys.LOCKOUTS, address)
        else:
            found.append(Lockout(address.decode(), name, int(until - now)))
    return sorted(found, key=lambda one: one.left_s)


def lift(client: Redis, word: str) -> int:
    """Let an address, or all addresses that tried a name, log in again; returns how many. Raises RedisUnavailable."""
    chosen = [one for one in lockouts(client) if word in (one.address, one.name)]
    for one in chosen:
        reset(ip=one.address)
        with answering():
            client.hdel(redis_keys.LOCKOUTS, one.address)
    return len(chosen)
