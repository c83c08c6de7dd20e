"""The one thread that moves bytes: wakes ten times a second and for events. Nothing in it logs, queries or blocks."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

#: Between two ticks: what viewers get at a time is what came in between.
TICK_S = 0.1

#: Where more than this are ticked, the calm ones are ticked once in so many rounds: each time begins with cold caches,
#: and what is done per block is done for that much more. Viewers of all relays may wait 0.5 s between two reads.
MANY = 8
CALM_ROUNDS = 4
#: So many in a row have their turn in the same round: alone each would find the caches cold.
TOGETHER = 24

#: While somebody waits for a first picture.
EAGER_S = 0.02

#: Those who wait, and calls of other threads, may take so long at a time: a hundred channels that start at once must
#: not hold up those that run.
TURN_S = 0.05


class Ticking(Protocol):
    """Something the loop calls at each tick."""

    @property
    def eager(self) -> bool:
        """Somebody waits: call more often."""

    @property
    def calm(self) -> bool:
        """All goes its usual way: where many are, it may be called more rarely."""

    def tick(self, now: float) -> None:
        """Take in what has come and send it on."""

    def crash(self, error: Exception) -> None:
        """`tick` raised what it never should: end with a reason."""


class TickLoop:
    """Ticks, descriptor events, and calls handed in by other threads."""

    def __init__(self, *, tick_s: float = TICK_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.tick_s = tick_s
        #: Longest time between two ticks since somebody last looked; housekeeping reports it.
        self.longest_gap_s = 0.0
        #: Whom, and in which of the rounds when he is calm.
        self._ticking: dict[Ticking, int] = {}
        self._added = 0
        self._rounds = 0
        self._watched: dict[int, Callable[[int, int], None]] = {}
        self._calls: deque[Callable[[], object]] = deque()
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._running = True
        #: What went wrong that never should; housekeeping logs and clears it.
        self.defects: deque[Exception] = deque(maxlen=20)

    def call(self, what: Callable[..., object], *args: Any) -> None:
        """Have `what(*args)` called by the loop, soon. From any thread, and from a signal's handler."""
        self._calls.append(lambda: what(*args))
        # Closed: nobody listens any more.
        with contextlib.suppress(OSError):
            os.eventfd_write(self._wake, 1)

    def add(self, ticking: Ticking) -> None:
        """Tick it from now on."""
        self._ticking[ticking] = self._added // TOGETHER
        self._added += 1

    def remove(self, ticking: Ticking) -> None:
        """Tick it no more."""
        self._ticking.pop(ticking, None)

    def watch(self, fd: int, events: int, told: Callable[[int, int], None]) -> None:
        """Call `told(fd, events)` when something happens to the descriptor."""
        self._watched[fd] = told
        self._epoll.register(fd, events)

    def rewatch(self, fd: int, events: int) -> None:
        """Other events of a watched descriptor."""
        self._epoll.modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """No events any more. To be called before the descriptor is closed: others may hold its other copies."""
        if self._watched.pop(fd, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(fd)

    def run(self) -> None:
        """Until `stop`."""
        last = next_tick = next_eager = self.clock()
        while self._running:
            idle = not self._ticking
            eager = any(one.eager for one in self._ticking)
            events = self._epoll.poll(self._pause(next_tick, next_eager if eager else next_tick))
            self._dispatch(events)
            now = self.clock()
            if now >= next_tick:
                if not idle:
                    self.longest_gap_s = max(self.longest_gap_s, now - last)
                last = now
                # What was missed is not made up for: one tick takes in all there is.
                next_tick = max(next_tick + self.tick_s, now + self.tick_s / 2)
                self._rounds += 1
                self._tick(self._due(), now)
            # Nobody begins to wait but by an event or a tick; the next round sees who does.
            if now >= next_eager and (eager or events):
                self._tick_eager()
                next_eager = self.clock() + EAGER_S

    def _due(self) -> list[Ticking]:
        """Whose turn it is, but for those who are called all the time anyway."""
        many, rounds = len(self._ticking) > MANY, self._rounds
        return [
            one
            for one, turn in self._ticking.items()
            if not (many and (rounds + turn) % CALM_ROUNDS and one.calm) and not one.eager
        ]

    def _tick_eager(self) -> None:
        """Those who wait, as many as there is time for; the others are the first ones next time."""
        until = self.clock() + TURN_S
        for one in [one for one in self._ticking if one.eager]:
            now = self.clock()
            if now >= until:
                return
            self._tick([one], now)
            if one in self._ticking:
                self._ticking[one] = self._ticking.pop(one)

    def _pause(self, next_tick: float, next_eager: float) -> float | None:
        """How long to wait for events; None: for ever."""
        if self._calls:
            return 0.0
        if not self._ticking:
            return None
        return max(0.0, min(next_tick, next_eager) - self.clock())

    def stop(self) -> None:
        """End `run` after the current round. From any thread."""
        self.call(self._halt)

    def close(self) -> None:
        """Give the loop's own descriptors back, after `run`."""
        self._epoll.close()
        os.close(self._wake)

    def _halt(self) -> None:
        self._running = False

    def _dispatch(self, events: list[tuple[int, int]]) -> None:
        for fd, what in events:
            if fd == self._wake:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
                continue
            # An event earlier in this round may have closed it.
            told = self._watched.get(fd)
            if told is not None:
                self._guarded(told, fd, what)
        until = self.clock() + TURN_S
        for _ in range(len(self._calls)):
            self._guarded(self._calls.popleft())
            if self.clock() >= until:
                return

    def _guarded(self, what: Callable[..., object], *args: Any) -> None:
        try:
            what(*args)
        except Exception as err:  # noqa: BLE001 - the boundary of the loop: a defect in one call must not end the process
            self.defects.append(err)

    def _tick(self, ticking: list[Ticking], now: float) -> None:
        for one in ticking:
            try:
                one.tick(now)
            except Exception as err:  # noqa: BLE001 - the boundary of a relay: one that fails must not end the others
                self.defects.append(err)
                self._guarded(one.crash, err)
