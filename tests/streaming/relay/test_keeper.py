"""Leases are kept whatever else happens, and a relay that hangs lets its timer run out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streaming.relay.process import RelayProcess
from streaming.relay.surroundings import RelayLimits
from tests.fakes.upstream import TsOrigin
from tests.streaming.relay.rig import ListOpener, Notebook, Rig, wait_for


class Timer:
    """Writes down how far it is put off."""

    def __init__(self) -> None:
        self.left_s: list[float] = []
        self.stopped = False

    def put_off(self, seconds: float) -> None:
        self.left_s.append(seconds)

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def process(timer: Timer, tmp_path: Path, nothing_left: None) -> Iterator[RelayProcess]:
    one = RelayProcess(
        ListOpener(), Notebook(), tmp_path / "relay.sock", RelayLimits(), beat_s=0.05, timer=timer, good_s=5.0
    )
    thread = threading.Thread(target=one.run, name="relay-under-test", daemon=True)
    thread.start()
    yield one
    one.stop()
    thread.join(6)
    assert timer.stopped


def test_a_lost_lease_closes_its_upstream_while_the_housekeeping_waits_for_redis(rig: Rig, origin: TsOrigin) -> None:
    waiting, answered = threading.Event(), threading.Event()

    def beat(*_: object) -> list[object]:
        waiting.set()
        answered.wait(10)
        return []

    with rig.watch() as player:
        player.body(20_000)
        rig.book.beat = beat  # type: ignore[method-assign,assignment]
        assert waiting.wait(3)
        (held,) = rig.opener.held
        rig.opener.lost = {held}
        assert wait_for(lambda: held in rig.opener.closed, 3)
        answered.set()


def test_while_all_is_well_the_timer_is_put_off_by_what_a_renewal_is_good_for(
    process: RelayProcess, timer: Timer
) -> None:
    assert wait_for(lambda: len(timer.left_s) >= 3)
    assert all(0 < left_s <= 5.0 for left_s in timer.left_s)


def test_a_loop_that_hangs_puts_the_timer_off_no_more(process: RelayProcess, timer: Timer) -> None:
    assert wait_for(lambda: timer.left_s)
    hanging, goes_on = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        goes_on.wait(10)

    process.loop.call(hang)
    assert hanging.wait(3)
    time.sleep(0.2)
    before = len(timer.left_s)
    time.sleep(0.4)
    assert len(timer.left_s) == before
    goes_on.set()
    assert wait_for(lambda: len(timer.left_s) > before)
