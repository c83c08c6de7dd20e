"""A channel that has just failed to start is not tried again at once: players knock every second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from streaming.errors import NothingToPlay
from streaming.failover import Candidate

#: How long a channel is left alone after its start failed, doubled each time it happens again.
FIRST_S = 2.0
LONGEST_S = 30.0
#: After so long without a failure the next pause is short again.
FORGIVE_S = 5 * 60.0

Offer = frozenset[Candidate]


@dataclass(frozen=True, slots=True)
class _Failure:
    offer: Offer
    error: NothingToPlay
    times: int
    at: float

    @property
    def rests_until(self) -> float:
        return self.at + min(FIRST_S * 2.0 ** min(self.times - 1, 10), LONGEST_S)


class Cooling:
    """What failed to start lately in this process, by relay key. Thread-safe.

    An offer that has changed since (another source, another MAC, somebody's preference) is worth a try at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[str, _Failure] = {}

    def check(self, key: str, offer: Offer) -> None:
        """Raises NothingToPlay, as said last time, while the channel is left alone."""
        with self._lock:
            last = self._failures.get(key)
        if last is None or last.offer != offer:
            return
        left_s = last.rests_until - self._clock()
        if left_s > 0:
            raise NothingToPlay(last.error.message, retry_after_s=max(left_s, last.error.retry_after_s or 0.0))

    def failed(self, key: str, offer: Offer, error: NothingToPlay) -> None:
        """Every candidate was tried, in vain."""
        now = self._clock()
        with self._lock:
            self._failures = {one: last for one, last in self._failures.items() if now - last.at < FORGIVE_S}
            last = self._failures.get(key)
            times = last.times + 1 if last is not None and last.offer == offer else 1
            self._failures[key] = _Failure(offer, error, times, now)

    def played(self, key: str) -> None:
        """It works: whatever went wrong before is forgotten."""
        with self._lock:
            self._failures.pop(key, None)
