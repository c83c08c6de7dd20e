"""The loop: calls from other threads, events, ticks, and that no defect of one ends it for all."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from streaming.relay.loop import CALM_ROUNDS, MANY, TickLoop
from tests.streaming.relay.rig import wait_for


class Ticker:
    """Counts its ticks."""

    def __init__(self, *, eager: bool = False, broken: bool = False, calm: bool = True) -> None:
        self.eager = eager
        self.calm = calm
        self.broken = broken
        self.ticks = 0
        self.crashes: list[Exception] = []

    def tick(self, now: float) -> None:
        self.ticks += 1
        if self.broken:
            raise KeyError("a defect")

    def crash(self, error: Exception) -> None:
        self.crashes.append(error)
        raise RuntimeError("and another one")


class Slow(Ticker):
    """Somebody waits for it, and it has much to do."""

    def __init__(self) -> None:
        super().__init__(eager=True, calm=False)

    def tick(self, now: float) -> None:
        super().tick(now)
        time.sleep(0.02)


@pytest.fixture
def loop(nothing_left: None) -> Iterator[TickLoop]:
    made = TickLoop(tick_s=0.05)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join(5)
    made.close()
    assert not thread.is_alive()


def test_calls_of_other_threads_are_made_at_once_and_in_order(loop: TickLoop) -> None:
    made: list[int] = []
    for number in range(100):
        loop.call(made.append, number)
    assert wait_for(lambda: made == list(range(100)), 1)


def test_a_call_that_fails_is_remembered_and_the_next_is_made(loop: TickLoop) -> None:
    done = threading.Event()
    loop.call(lambda: 1 / 0)
    loop.call(done.set)
    assert done.wait(1)
    assert isinstance(loop.defects[0], ZeroDivisionError)


def test_one_whose_tick_fails_is_told_and_the_others_tick_on(loop: TickLoop) -> None:
    broken, healthy = Ticker(broken=True), Ticker()
    loop.call(loop.add, broken)
    loop.call(loop.add, healthy)
    assert wait_for(lambda: healthy.ticks > 3)
    assert isinstance(broken.crashes[0], KeyError)


def test_the_eager_are_ticked_more_often(loop: TickLoop) -> None:
    eager, patient = Ticker(eager=True), Ticker()
    loop.call(loop.add, eager)
    loop.call(loop.add, patient)
    assert wait_for(lambda: patient.ticks >= 10)
    assert eager.ticks > 1.5 * patient.ticks


def test_who_was_removed_ticks_no_more(loop: TickLoop) -> None:
    ticker = Ticker()
    loop.call(loop.add, ticker)
    assert wait_for(lambda: ticker.ticks)
    loop.call(loop.remove, ticker)
    loop.call(loop.remove, ticker)
    done = threading.Event()
    loop.call(done.set)
    assert done.wait(1)
    ticks = ticker.ticks
    assert not wait_for(lambda: ticker.ticks > ticks, 0.2)


def test_events_are_told_until_nobody_wants_them(loop: TickLoop) -> None:
    ours, theirs = socket.socketpair()
    told: list[int] = []

    def hear(fd: int, events: int) -> None:
        told.append(events)
        loop.unwatch(fd)
        loop.unwatch(fd)

    with ours, theirs:
        loop.call(loop.watch, ours.fileno(), select.EPOLLIN, hear)
        theirs.send(b"x")
        assert wait_for(lambda: told)
        assert not wait_for(lambda: len(told) > 1, 0.1)


def test_calls_after_the_end_are_harmless() -> None:
    made = TickLoop()
    made.close()
    made.call(print)


def test_where_many_are_the_calm_ones_are_ticked_rarely(loop: TickLoop) -> None:
    many, restless = [Ticker() for _ in range(MANY)], Ticker(calm=False)
    for one in [*many, restless]:
        loop.call(loop.add, one)
    assert wait_for(lambda: restless.ticks >= 4 * CALM_ROUNDS, 5)
    assert all(0 < one.ticks < restless.ticks / 2 for one in many)
    loop.call(loop.remove, restless)
    ticks = many[0].ticks
    assert wait_for(lambda: many[0].ticks - ticks >= 2 * CALM_ROUNDS, 3)


def test_those_who_start_do_not_hold_up_those_who_run(loop: TickLoop) -> None:
    running = Ticker(calm=False)
    starting = [Slow() for _ in range(20)]
    for one in [*starting, running]:
        loop.call(loop.add, one)
    assert wait_for(lambda: all(one.ticks >= 2 for one in starting), 10)
    # One after the other they take longer than five rounds.
    assert running.ticks > 2 * min(one.ticks for one in starting)
