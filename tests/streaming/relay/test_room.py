"""A slot that another channel needs: who gives it up, and that it is free when the answer comes."""

from __future__ import annotations

import threading

from tests.fakes.upstream import TsOrigin
from tests.streaming.relay.rig import Rig, wait_for


def give_up(rig: Rig, lease_id: str = "lease1", key: str = "channel:1", viewer_id: int = 0) -> bool:
    return rig.process.registry.give_up(lease_id, key, viewer_id, timeout_s=2)


def test_a_lingering_relay_gives_its_slot_up_at_once(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch() as player:
        player.body(5_000)
    assert wait_for(lambda: rig.book.over)
    assert give_up(rig)
    assert (origin.open(), rig.opener.held) == (0, set())


def test_a_watched_relay_does_not(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch(viewer_id=1) as player:
        player.body(5_000)
        assert not give_up(rig)
        assert not give_up(rig, viewer_id=2)
        player.body(100_000)
    assert origin.opened["one"] == 1


def test_one_that_only_the_asking_viewer_watches_does(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch(viewer_id=1) as player:
        player.body(5_000)
        assert give_up(rig, viewer_id=1)
        assert origin.open() == 0
        assert len(player.rest()) % 188 == 0


def test_one_that_others_watch_too_does_not(rig: Rig) -> None:
    with rig.watch(viewer_id=1) as mine, rig.watch(viewer_id=2) as others:
        mine.body(5_000)
        others.body(5_000)
        assert not give_up(rig, viewer_id=1)


def test_one_that_is_being_opened_for_nobody_does(rig: Rig) -> None:
    rig.opener.gate.clear()
    rig.watch().close()
    assert wait_for(lambda: rig.book.over)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(give_up(rig, "")))
    thread.start()
    rig.opener.gate.set()
    thread.join(5)
    assert answers == [True]
    assert rig.opener.held == set()


def test_a_lease_nobody_knows_is_not_given_up(rig: Rig) -> None:
    assert not give_up(rig, "unknown", "channel:9")


def test_zapping_on_one_slot_plays_every_channel(rig: Rig, origin: TsOrigin) -> None:
    """The old upstream is closed, confirmed, before the new one opens; the provider never sees two."""
    origin.limits["m1"] = 1
    rig.opener.limit = 1
    rig.opener.make_room = lambda ticket: any(
        rig.process.registry.give_up(lease, "", ticket.viewer_id) for lease in list(rig.opener.held)
    )
    for number in range(12):
        key = f"channel:{number % 3}"
        rig.opener.urls[key] = [origin.url(f"stream{number % 3}", "m1")]
        with rig.watch(key) as player:
            assert player.status() == 200
            player.body(5_000)
    assert origin.peak["m1"] == 1
    assert rig.opener.most_held == 1


def test_zapping_before_the_old_connection_is_closed_works_too(rig: Rig, origin: TsOrigin) -> None:
    origin.limits["m1"] = 1
    rig.opener.limit = 1
    rig.opener.make_room = lambda ticket: any(
        rig.process.registry.give_up(lease, "", ticket.viewer_id) for lease in list(rig.opener.held)
    )
    for key in ("channel:1", "channel:2"):
        rig.opener.urls[key] = [origin.url(key[-1], "m1")]
    with rig.watch("channel:1") as old:
        old.body(5_000)
        with rig.watch("channel:2") as new:
            assert new.status() == 200
            old.rest()
    assert origin.peak["m1"] == 1
