"""What blocks, beside the loop: how many at once, and that none is held up for good."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from streaming.relay.errands import AT_ONCE, Errands
from streaming.relay.loop import TickLoop
from tests.streaming.relay.rig import wait_for


@pytest.fixture
def loop(nothing_left: None) -> Iterator[TickLoop]:
    made = TickLoop(tick_s=0.05)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join(5)
    made.close()


def unexpected(error: Exception) -> None:
    raise error


def test_a_hundred_take_turns_and_all_are_done(loop: TickLoop) -> None:
    errands, lock = Errands(loop), threading.Lock()
    done: list[int] = []
    now = most = 0

    def work() -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.001)
        with lock:
            now -= 1
        return now

    for number in range(100):
        errands.run(f"errand {number}", work, done.append, unexpected)
    assert wait_for(lambda: len(done) == 100, 5)
    assert most <= AT_ONCE
    assert errands.join(1)


def test_those_that_hang_do_not_hold_up_the_others(loop: TickLoop) -> None:
    errands, gate = Errands(loop), threading.Event()
    done: list[str] = []
    for number in range(2 * AT_ONCE):
        errands.run(f"hangs {number}", lambda: gate.wait(20), lambda _: None, unexpected)
    errands.run("quick", lambda: "done", done.append, unexpected)
    assert wait_for(lambda: done == ["done"], 5)
    gate.set()
    assert errands.join(5)
