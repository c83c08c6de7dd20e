"""Which subscription is busy with what now: the leases, and names for them from the rooms above."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings
from redis import Redis

from portals.leases import LeaseFacts, Ledger


@dataclass(frozen=True, slots=True)
class Use:
    """One slot of a subscription that counts now."""

    #: What it feeds, as viewers know it.
    title: str
    viewers: tuple[str, ...]
    minutes: int
    #: Held without anybody watching: closing, lingering, or counted a little longer for a slow provider.
    idle: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands behind the key of a lease."""

    title: str
    viewers: tuple[str, ...] = ()


Namer = Callable[[], Mapping[str, Shown]]
_namers: list[Namer] = []


def named_by(namer: Namer) -> None:
    """From now on, ask this one what the keys of leases mean; it may raise RedisUnavailable."""
    if namer not in _namers:
        _namers.append(namer)


def by_subscription(client: Redis) -> dict[int, list[Use]]:
    """All uses, by subscription, oldest first. Raises RedisUnavailable."""
    leases = Ledger(client, f"{settings.NODE_NAME}:page").usage()
    names = {key: shown for namer in _namers for key, shown in namer().items()} if leases else {}
    found: dict[int, list[Use]] = defaultdict(list)
    now = time.time()
    for lease in leases:
        found[lease.subscription_id].append(_use(lease, names, now))
    return found


def _use(lease: LeaseFacts, names: Mapping[str, Shown], now: float) -> Use:
    shown = names.get(lease.key) or Shown(lease.key, (lease.viewer,) if lease.viewer else ())
    idle = lease.state != "held" or lease.lingering_since is not None
    return Use(shown.title, () if idle else shown.viewers, max(0, round((now - lease.since) / 60)), idle)
