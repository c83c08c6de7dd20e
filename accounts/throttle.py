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

#: So many names are remembered of one address.
_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Lockout:
    """An address that has to wait, the names it tried at the end, and how long still."""

    address: str
    names: tuple[str, ...]
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
    """Remember for those who may lift it; names as typed, so no longer than a name is, and the last few only.

    Called for every try while the address waits, too: that makes the wait no longer.
    """
    client = connection()
    waiting = next((one for one in lockouts(client) if one.address == ip_address), None)
    left_s = waiting.left_s if waiting is not None else settings.AXES_COOLOFF_TIME.total_seconds()
    before = waiting.names if waiting is not None else ()
    names = [*(one for one in before if one != username), (username or "")[:150]][-_MOST_NAMES:]
    with answering():
        client.hset(redis_keys.LOCKOUTS, ip_address, json.dumps([time.time() + left_s, names]))


def lockouts(client: Redis) -> list[Lockout]:
    """Who waits now, the longest wait last. Raises RedisUnavailable."""
    with answering():
        rows: dict[bytes, bytes] = client.hgetall(redis_keys.LOCKOUTS)  # type: ignore[assignment]
    found, now = [], time.time()
    for address, raw in rows.items():
        until, names = json.loads(raw)
        if until <= now:
            with answering():
                client.hdel(redis_keys.LOCKOUTS, address)
        else:
            found.append(Lockout(address.decode(), tuple(names), int(until - now)))
    return sorted(found, key=lambda one: one.left_s)


def lift(client: Redis, word: str) -> int:
    """Let an address, or all addresses that tried a name, log in again; returns how many. Raises RedisUnavailable."""
    chosen = [one for one in lockouts(client) if word in (one.address, *one.names)]
    for one in chosen:
        reset(ip=one.address)
        with answering():
            client.hdel(redis_keys.LOCKOUTS, one.address)
    return len(chosen)
