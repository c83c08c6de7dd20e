"""Paced requests: how often and how many at once one portal is asked, over all processes."""

from __future__ import annotations

import contextlib
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from redis import Redis

from portals.errors import PortalThrottled
from restreamer.lib import redis_keys

#: Whoever dies with a request under way blocks its place no longer than this.
_PLACE_LIFETIME_S = 150.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How gently a portal is treated (reference stalker-portal.md, section 12 rules 2 and 8)."""

    parallel: int = 2
    spacing_s: float = 0.1
    first_wait_s: float = 30.0
    longest_wait_s: float = 15 * 60.0
    #: After this long without being asked to wait, the next wait is short again.
    forgive_s: float = 2 * 3600.0


class Pacing(Protocol):
    """What providers need of a pacer."""

    def turn(self, *, patience_s: float) -> contextlib.AbstractContextManager[None]:
        """A place among the requests under way."""

    def throttled(self, retry_after_s: float | None) -> float:
        """The portal asked us to wait."""

    def answered(self) -> None:
        """The portal answered normally."""


# KEYS[1] sorted set of places, KEYS[2] pace key, KEYS[3] throttle key.
# ARGV[1] place id, [2] parallel, [3] spacing in ms, [4] lifetime of a place in ms.
# Returns {1, 0} = go; {0, ms} = look again then; {2, ms} = the portal asked us to wait that long.
_TAKE = """
local wait = redis.call('PTTL', KEYS[3])
if wait > 0 then return {2, wait} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local spacing = redis.call('PTTL', KEYS[2])
if spacing > 0 then return {0, spacing} end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return {0, 20} end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[4]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if tonumber(ARGV[3]) > 0 then redis.call('SET', KEYS[2], '1', 'PX', ARGV[3]) end
return {1, 0}
"""


class Pacer:
    """The door to one portal. Time inside Redis is Redis's own, so that machines with different clocks agree."""

    def __init__(
        self,
        client: Redis,
        portal_id: int,
        pace: Pace | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._pace = pace or Pace()
        self._places = redis_keys.portal_requests(portal_id)
        self._last = redis_keys.portal_pace(portal_id)
        self._throttle = redis_keys.portal_throttle(portal_id)
        self._backoff = redis_keys.portal_backoff(portal_id)
        self._take = client.register_script(_TAKE)
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter

    @contextlib.contextmanager
    def turn(self, *, patience_s: float) -> Iterator[None]:
        """Wait for a place among the requests under way, hold it inside the block.

        Raises PortalThrottled when the portal's own wish or the crowd before us would take longer than `patience_s`.
        """
        place = uuid.uuid4().hex
        self._wait_for(place, patience_s)
        try:
            yield
        finally:
            self._client.zrem(self._places, place)

    def throttled(self, retry_after_s: float | None) -> float:
        """The portal asked us to wait: nobody asks it before that is over. Returns the wait in seconds.

        Without a wish of its own: 30 s, doubling to 15 min each time it happens again, with jitter.
        """
        times = self._client.incr(self._backoff)
        self._client.pexpire(self._backoff, int(self._pace.forgive_s * 1000))
        if retry_after_s is not None and retry_after_s > 0:
            wait_s = min(retry_after_s, self._pace.longest_wait_s)
        else:
            wait_s = min(self._pace.first_wait_s * 2 ** min(times - 1, 20), self._pace.longest_wait_s)
            wait_s *= 1 + self._jitter() / 4
        wait_ms = max(int(wait_s * 1000), 1)
        # Two requests may be refused at once: the longer wait stands.
        if self._client.pttl(self._throttle) < wait_ms:
            self._client.set(self._throttle, "1", px=wait_ms)
        return wait_s

    def answered(self) -> None:
        """The portal answered normally: the next wait begins short again."""
        self._client.delete(self._backoff)

    def _wait_for(self, place: str, patience_s: float) -> None:
        end = self._clock() + patience_s
        while True:
            verdict, wait_ms = self._take(
                keys=[self._places, self._last, self._throttle],
                args=[
                    place,
                    self._pace.parallel,
                    int(self._pace.spacing_s * 1000),
                    int(_PLACE_LIFETIME_S * 1000),
                ],
            )
            if verdict == 1:
                return
            wait_s = wait_ms / 1000
            if self._clock() + wait_s > end:
                raise _impatient(wait_s, asked=verdict == 2)
            self._sleep(wait_s)


def _impatient(wait_s: float, *, asked: bool) -> PortalThrottled:
    if asked:
        message = f"The portal asked us to wait; it is asked again in {wait_s:.0f} s."
    else:
        message = "Too many requests to this portal wait already; try again in a moment."
    return PortalThrottled(message, retry_after_s=max(wait_s, 1.0))
