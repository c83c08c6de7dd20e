"""Keeps the leases of running upstreams: renews them, has lost ones closed, and proves that the process still can.

A thread of its own, because the housekeeping waits for Redis for as many seconds as there is to write, and a lease
that is lost must close its upstream now.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from streaming.relay.loop import TickLoop
from streaming.relay.registry import RelayRegistry
from streaming.relay.seams import Opener

logger = logging.getLogger(__name__)

#: The loop has stopped, or hangs, when it does not answer for so long.
_SIGN_OF_LIFE_S = 1.0


class Timer(Protocol):
    """Ends the process when it is not put off any more, see restreamer.dead_mans_timer."""

    def put_off(self, seconds: float) -> None:
        """It goes off so many seconds from now."""

    def stop(self) -> None:
        """It goes off no more."""


class LeaseKeeper:
    """Once per beat: renew, close what is lost, see that the loop did it, and put the timer off.

    Leases are good for `good_s` after the call that renewed them was sent. So that long after the last round in which
    both this thread and the loop were alive, the timer ends the process, and the kernel closes its sockets.
    """

    def __init__(
        self,
        loop: TickLoop,
        registry: RelayRegistry,
        opener: Opener,
        *,
        also: Callable[[], None] | None = None,
        beat_s: float,
        timer: Timer | None = None,
        good_s: float = 0.0,
    ) -> None:
        """`also` does the same for upstreams beside the loop: renews, and has ended what is lost when it returns."""
        self._loop = loop
        self._also = also
        self._registry = registry
        self._opener = opener
        self._beat_s = beat_s
        self._timer = timer
        self._good_s = good_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay-leases", daemon=True)

    def start(self) -> None:
        """Begin with the first round at once."""
        self._thread.start()

    def stop(self) -> None:
        """No more rounds; one that still waits for Redis is left behind."""
        self._over.set()
        self._thread.join(0.4)
        if self._timer is not None:
            self._timer.stop()

    def _run(self) -> None:
        while True:
            self._round(self._loop.clock)
            if self._over.wait(self._beat_s):
                return

    def _round(self, clock: Callable[[], float]) -> None:
        sent_at = clock()
        try:
            opened = self._registry.opened()
            # Also with none: a claim is held before anything is open.
            lost = self._opener.renew(opened)
        except Exception:
            # The boundary of the thread: a defect in an opener must not end it. The timer is not put off.
            logger.exception("The leases could not be renewed")
            return
        if lost:
            self._loop.call(self._registry.leases_lost, lost)
        if not self._renewed_beside():
            return
        answered = threading.Event()
        # Behind the line above: who answers has begun to close what is lost.
        self._loop.call(answered.set)
        if answered.wait(_SIGN_OF_LIFE_S) and self._timer is not None and not self._over.is_set():
            self._timer.put_off(sent_at + self._good_s - clock())

    def _renewed_beside(self) -> bool:
        """The leases that are not the loop's."""
        try:
            if self._also is not None:
                self._also()
        except Exception:
            # As above.
            logger.exception("The leases could not be renewed")
            return False
        return True
