"""The relay as a process: how it starts, ends, and leaves nothing behind."""

from __future__ import annotations

import time

from streaming.relay.control import ControlSocket
from tests.fakes import leftovers
from tests.fakes.upstream import Script, TsOrigin
from tests.streaming.relay.rig import PACKET, Rig, wait_for


def test_an_idle_relay_hardly_wakes(rig: Rig) -> None:
    with rig.watch() as player:
        player.body(5_000)
    assert wait_for(lambda: rig.process.registry.empty)
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.1


def test_a_hundred_viewings_leave_no_descriptor(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch() as player:
        player.body(5_000)
    with rig.watch() as keeper:
        keeper.body(1_000)
        with leftovers.none_expected():
            for number in range(100):
                with rig.watch(viewer_id=number) as player:
                    player.head()
    assert wait_for(lambda: len(rig.book.over) == 102)


def test_relays_that_come_and_go_leave_no_descriptor(rig: Rig, origin: TsOrigin) -> None:
    with leftovers.none_expected():
        for number in range(10):
            key = f"channel:{number + 100}"
            rig.opener.urls[key] = [origin.url(f"s{number}")]
            with rig.watch(key) as player:
                player.body(3_000)
        assert wait_for(lambda: rig.process.registry.empty)


def test_it_ends_in_time_while_an_upstream_is_being_opened(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.gate.clear()
    with rig.watch() as player:
        assert wait_for(lambda: rig.opener.opens)
        assert rig.stop() < 3
        assert player.status() == 503
    rig.opener.gate.set()


def test_it_ends_in_time_while_a_viewer_does_not_read(rig: Rig, origin: TsOrigin) -> None:
    origin.pace = 20
    with rig.watch(tcp=False) as stuck:
        stuck.head()
        time.sleep(0.5)
        assert rig.stop() < 3


def test_who_comes_while_it_ends_is_told(rig: Rig, origin: TsOrigin) -> None:
    origin.script("one", Script(silent_after=100 * PACKET))
    with rig.watch() as first, rig.watch() as player:
        first.body(5_000)
        player.body(5_000)
        rig.process.stop()
        assert len(player.rest()) % PACKET == 0
    assert wait_for(lambda: not rig.path.exists())


def test_one_relay_crashing_leaves_the_others_playing(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.urls["channel:2"] = [origin.url("two")]
    with rig.watch() as healthy, rig.watch("channel:2") as broken:
        healthy.body(5_000)
        broken.body(5_000)
        relay = rig.process.registry._current["channel:2"]
        relay._intake.feed = None  # type: ignore[method-assign]
        assert len(broken.rest()) % PACKET == 0
        healthy.body(200_000)
    assert wait_for(lambda: any(reason.startswith("defect") for _, reason in rig.book.over))


def test_a_front_door_that_is_closed_twice_is_closed(rig: Rig) -> None:
    control: ControlSocket = rig.process._control
    control.close()
    control.close()
    assert not rig.path.exists()
