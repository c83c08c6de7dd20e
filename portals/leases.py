"""The slot ledger: the right to one upstream connection on a subscription, its portal and the installation.

The promise (capability N-05): at every instant the open upstream sockets are no more than the leases, and the leases
are no more than the limits. It rests on four rules:

1. A lease is taken before connecting and given back after the socket is closed. Check and take are one script over
   all three levels.
2. A lease has a lifetime. Its holder renews it, and closes the socket *before* the lifetime is over when it cannot
   (`renew` counts on the holder's own clock from before the last successful call was sent). One that is frozen or
   hangs is killed by the kernel before then (`good_s`, restreamer/dead_mans_timer.py). So an expired lease has no
   socket, and the script may drop it.
3. A relay that starts again gives back what its dead predecessor held (`sweep`), long before that expires. This is
   safe because one owner is one process, the kernel closes the sockets of a process (and kills the ffmpeg it started,
   which asked for that with PR_SET_PDEATHSIG) before its parent hears of the death, and the new process starts after
   that.
4. A Redis that lost its memory grants nothing until every living relay has entered its leases again (`TAKE`).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from redis import Redis
from redis.commands.core import Script

from portals import lease_scripts
from portals.errors import LeaseLost, NoFreeSlot
from portals.models import Subscription
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering

#: A lease that cannot be renewed is given up this long before it expires. A renewal that Redis leaves unanswered takes
#: up to 3 s to fail, the next one comes a beat (1 s) later, and a socket may need 2 s to close.
_CLOSING_MARGIN_S = 6.0

_KEYS = (
    redis_keys.ALL_LEASES,
    redis_keys.LEASE_FACTS,
    redis_keys.LEASE_REVOKED,
    redis_keys.LEASE_LINGERING,
    redis_keys.LEASE_GONE,
    redis_keys.LEASE_HEIRS,
    redis_keys.LEASE_CLOSED,
    redis_keys.LEASE_MEMORY,
)
_PREFIXES = (redis_keys.LEASES_OF_SUBSCRIPTION, redis_keys.LEASES_OF_PORTAL, redis_keys.LEASES_OF_OWNER)


def good_until(asked_at: float, lifetime_s: float) -> float:
    """Until when its holder may rely on what was renewed by a call sent at `asked_at`, on his own clock."""
    return asked_at + lifetime_s - min(_CLOSING_MARGIN_S, lifetime_s / 2)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to one slot, wanted or held. `limits` are those of subscription, portal, installation; 0 = none."""

    id: str
    subscription: str
    portal: str
    owner: str
    #: What it feeds: the relay's key, and for whom it was opened.
    key: str
    viewer: str
    since: float
    limits: tuple[int, int, int]
    #: What the provider counts by: the subscription, or a word that several share (Subscription.counter).
    counter: str

    def to_json(self) -> str:
        """As the scripts read it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class LeaseFacts:
    """A lease as the ledger knows it now. `state` is held, revoked or cooling."""

    id: str
    subscription_id: int
    portal_id: int
    counter: str
    owner: str
    key: str
    viewer: str
    since: float
    expires_at: float
    state: str
    #: Since when nobody watches what it feeds; None while somebody does.
    lingering_since: float | None


class Ledger:
    """The slots as one process sees them. Thread-safe."""

    def __init__(
        self,
        client: Redis,
        owner: str,
        *,
        lifetime_s: float | None = None,
        settle_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        server_time: Callable[[], float] | None = None,
    ) -> None:
        """`owner` names exactly one process at a time, `<node>:relay`.

        `settle_s`: how long a Redis that lost its memory grants nothing, unless said the lifetime.
        `server_time` replaces Redis' own TIME in tests.
        """
        self.owner = owner
        self.lifetime_s = settings.LEASE_LIFETIME_S if lifetime_s is None else lifetime_s
        self._settle_s = self.lifetime_s if settle_s is None else settle_s
        self._client = client
        self._clock = clock
        self._server_time = server_time
        self._lock = threading.Lock()
        #: Held leases: the lease, and until when on our clock its socket may stay open without a renewal.
        self._held: dict[str, tuple[Lease, float]] = {}
        self._scripts: dict[str, Script] = {}

    @property
    def good_s(self) -> float:
        """So long after a renewal was sent, its holder must have closed or be dead: a little less than the lifetime."""
        return self.lifetime_s * 0.9

    def want(self, subscription: Subscription, *, key: str, viewer: str) -> Lease:
        """A lease to ask for: nothing is taken yet."""
        return Lease(
            id=secrets.token_hex(8),
            subscription=str(subscription.pk),
            portal=str(subscription.portal_id),
            owner=self.owner,
            key=key,
            viewer=viewer,
            since=time.time(),
            limits=(subscription.streams, subscription.portal.max_streams, settings.MAX_UPSTREAMS),
            counter=subscription.counter,
        )

    def take(self, lease: Lease) -> float:
        """Take the slot: from now on one socket may be opened.

        Returns how many seconds ago an upstream of this subscription was last closed (infinity when never), because
        providers notice a close late. Asking again for a lease that is held renews it.

        Raises NoFreeSlot (its `level` says which limit), RedisUnavailable.
        """
        asked_at = self._clock()
        answer = [_text(part) for part in self._run(lease_scripts.TAKE, lease.to_json())]
        match answer:
            case ["held", ago]:
                with self._lock:
                    self._held[lease.id] = (lease, good_until(asked_at, self.lifetime_s))
                return float(ago) if float(ago) >= 0 else float("inf")
            case ["full", level]:
                raise _no_free_slot(level)
            case ["settling", wait]:
                raise _no_free_slot("memory", retry_after_s=float(wait))
            case _:
                raise LeaseLost("The wish for this slot was withdrawn.")

    def renew(self, ids: Iterable[str]) -> set[str]:
        """Renew held leases; returns those that are lost, whose sockets must close at once.

        Without an answer from Redis a lease is good until there is just time to close before it expires. Never raises.
        """
        asked_at = self._clock()
        ids = set(ids)
        with self._lock:
            held = [self._held[one][0] for one in ids if one in self._held]
        lost = ids - {lease.id for lease in held}
        if not held:
            return lost
        try:
            refused = {_text(one) for one in self._run(lease_scripts.RENEW, *[lease.to_json() for lease in held])}
        except RedisUnavailable:
            return lost | self._run_out(lease.id for lease in held)
        with self._lock:
            for lease in held:
                if lease.id not in refused and lease.id in self._held:
                    self._held[lease.id] = (lease, good_until(asked_at, self.lifetime_s))
        return lost | refused

    def release(self, lease_id: str, *, cooling_s: float = 0.0, used: bool = True) -> bool:
        """Give the slot back, or the wish for it; call it after the socket is closed. Safe to call twice.

        With `cooling_s` the slot stays counted for that long, for providers that notice a close late. `used`: the
        provider has served something under it, so `take` will tell the next holder of this close.
        Returns whether it was held. Raises RedisUnavailable: then it expires by itself.
        """
        with self._lock:
            self._held.pop(lease_id, None)
        return bool(self._run(lease_scripts.RELEASE, lease_id, cooling_s, int(used)))

    def promise(self, victim_id: str, heir: Lease, *, patience_s: float) -> bool:
        """Make `heir` the next holder of the slot of `victim_id`: nobody gets in between close and open.

        The owner of the victim must be asked to close; then `take(heir)` succeeds as soon as it has.
        Returns False when somebody else was promised that slot. Raises RedisUnavailable.
        """
        return _text(self._run(lease_scripts.PROMISE, victim_id, heir.to_json(), patience_s)) != "taken"

    def revoke(self, lease_id: str) -> None:
        """Have the holder close at its next renewal; the slot stays counted until it has. Raises RedisUnavailable."""
        with answering():
            self._client.sadd(redis_keys.LEASE_REVOKED, lease_id)

    def sweep(self, *, alone: bool) -> int:
        """At the start of a relay: give back what its dead predecessor held; returns how many slots that were.

        `alone`: the installation has no other relay, so that an empty ledger is the truth. Raises RedisUnavailable.
        """
        return int(self._run(lease_scripts.SWEEP, self.owner, "1" if alone else "0"))

    def mark_lingering(self, idle_keys: Iterable[str]) -> None:
        """Say which relay keys of this owner nobody watches now. Raises RedisUnavailable."""
        self._run(lease_scripts.LINGER, self.owner, *idle_keys)

    def usage(self) -> list[LeaseFacts]:
        """All leases that count now, oldest first. Raises RedisUnavailable."""
        with answering():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.time()
            pipeline.zrange(redis_keys.ALL_LEASES, 0, -1, withscores=True)
            pipeline.hgetall(redis_keys.LEASE_FACTS)
            pipeline.zrange(redis_keys.LEASE_LINGERING, 0, -1, withscores=True)
            pipeline.smembers(redis_keys.LEASE_REVOKED)
            (seconds, micros), expiries, facts, lingering, revoked = pipeline.execute()
        now = self._server_time() if self._server_time else seconds + micros / 1e6
        idle = dict(lingering)
        rows = [
            _facts(json.loads(facts[one]), expiry, one in revoked, idle.get(one))
            for one, expiry in expiries
            if expiry > now and one in facts
        ]
        return sorted(rows, key=lambda row: row.since)

    def _run_out(self, ids: Iterable[str]) -> set[str]:
        now = self._clock()
        with self._lock:
            return {one for one in ids if one not in self._held or self._held[one][1] <= now}

    def _run(self, body: str, *args: str | float) -> Any:
        script = self._scripts.get(body)
        if script is None:
            script = self._scripts[body] = self._client.register_script(lease_scripts.COMMON + body)
        now = "" if self._server_time is None else f"{self._server_time():.6f}"
        with answering():
            return script(keys=_KEYS, args=[now, self.lifetime_s, self._settle_s, *_PREFIXES, *args])


_FULL = {
    "subscription": "Every stream of the subscription is in use, or of those counted together with it.",
    "portal": "The portal's limit of streams at once is reached.",
    "installation": "The installation's limit of upstream connections (RESTREAMER_MAX_UPSTREAMS) is reached.",
    "memory": "Redis has just started empty; slots are given out again when every relay has reported in.",
}


def _no_free_slot(level: str, retry_after_s: float | None = None) -> NoFreeSlot:
    error = NoFreeSlot(_FULL[level], retry_after_s=retry_after_s)
    error.level = level
    return error


def _facts(raw: dict[str, Any], expiry: float, revoked: bool, lingering: float | None) -> LeaseFacts:
    return LeaseFacts(
        id=raw["id"],
        subscription_id=int(raw["subscription"]),
        portal_id=int(raw["portal"]),
        counter=raw.get("counter", raw["subscription"]),
        owner=raw["owner"],
        key=raw["key"],
        viewer=raw["viewer"],
        since=float(raw["since"]),
        expires_at=expiry,
        state="revoked" if revoked else raw.get("state", "held"),
        lingering_since=lingering,
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
