"""One upstream, many viewers: joining, sharing, leaving, and what happens when the upstream fails."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streaming.faults import Fault
from streaming.relay import endings
from streaming.relay.ring import CHUNK
from streaming.relay.seams import Command
from streaming.relay.states import TRANSITIONS, RelayState
from tests.fakes.upstream import Script, TsOrigin
from tests.mpegts.analyser import Limits, analyse
from tests.streaming.relay.rig import (
    PACKET,
    QUICK,
    Player,
    Rig,
    begins_cleanly,
    continuity_errors,
    packets,
    pid_of,
    wait_for,
)


def test_a_viewer_gets_television_from_its_first_byte(rig: Rig) -> None:
    with rig.watch() as player:
        body = player.body(100_000)
    assert begins_cleanly(body)
    assert continuity_errors(body) == 0


def test_the_head_is_what_players_want(rig: Rig) -> None:
    with rig.watch() as player:
        lines = player.head().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    assert {
        "Content-Type: video/mp2t",
        "Cache-Control: no-store",
        "Connection: close",
        "X-Accel-Buffering: no",
        "Access-Control-Allow-Origin: *",
    } <= set(lines)
    assert not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines)


def test_an_old_player_gets_an_old_head(rig: Rig) -> None:
    with rig.watch(protocol="HTTP/1.0") as player:
        assert player.head().startswith("HTTP/1.0 200 ")


def test_viewers_share_one_upstream(rig: Rig, origin: TsOrigin) -> None:
    players = [rig.watch(viewer_id=i) for i in range(10)]
    for player in players:
        assert begins_cleanly(player.body(50_000))
        player.close()
    assert origin.opened["one"] == 1


def test_fifty_cold_joins_at_once_open_one_upstream(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.gate.clear()
    players = [rig.watch(viewer_id=i) for i in range(50)]
    rig.opener.gate.set()
    assert {player.status() for player in players} == {200}
    for player in players:
        assert begins_cleanly(player.body(20_000))
        player.close()
    assert (origin.opened["one"], rig.opener.opens) == (1, 1)


def test_a_later_viewer_begins_at_a_keyframe_behind_live(rig: Rig) -> None:
    with rig.watch() as first:
        first.body(150_000)
        with rig.watch(viewer_id=2) as second:
            began = time.monotonic()
            body = second.body(60_000)
            assert time.monotonic() - began < 0.5
    assert begins_cleanly(body)
    assert continuity_errors(body) == 0


def test_a_socket_pair_is_served_as_well(rig: Rig) -> None:
    with rig.watch(tcp=False) as player:
        assert begins_cleanly(player.body(100_000))


@pytest.mark.parametrize("chunked", [False, True])
def test_the_stream_is_passed_on_byte_for_byte(rig: Rig, origin: TsOrigin, chunked: bool) -> None:
    origin.script("one", Script(chunked=chunked, burst_s=2))
    with rig.watch() as player:
        body = player.body(200_000)
    # After the tables in front, it is the upstream from its first keyframe on.
    sent = origin.default.read(0, 600_000)
    start = sent.index(body[2 * PACKET : 12 * PACKET])
    assert body[2 * PACKET :] == sent[start : start + len(body) - 2 * PACKET]


def test_the_relay_lingers_and_then_lets_go(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch() as player:
        player.body(10_000)
    left = time.monotonic()
    assert origin.open() == 1
    assert origin.wait_open(0)
    assert 0.25 < time.monotonic() - left < 1.5
    assert wait_for(lambda: not rig.opener.held)


def test_who_comes_back_while_it_lingers_finds_it_running(rig: Rig, origin: TsOrigin) -> None:
    for _ in range(5):
        with rig.watch() as player:
            assert begins_cleanly(player.body(10_000))
        time.sleep(0.05)
    assert origin.opened["one"] == 1


def test_who_comes_while_it_closes_gets_a_new_one(rig: Rig, origin: TsOrigin) -> None:
    origin.limits["m1"] = 1
    for pause in (0.28, 0.3, 0.31, 0.33):
        with rig.watch() as player:
            assert player.status() == 200
            player.body(5_000)
        time.sleep(pause)
    assert origin.peak["m1"] == 1


def test_a_viewer_who_leaves_without_reading_is_noticed(rig: Rig) -> None:
    player = rig.watch()
    player.head()
    player.close()
    assert wait_for(lambda: rig.book.over)
    facts, reason = rig.book.over[0]
    assert (facts.session_id, reason) == (player.ticket.session_id, "the viewer left")


def test_a_viewer_who_leaves_while_waiting_is_noticed(rig: Rig) -> None:
    rig.opener.gate.clear()
    rig.watch().close()
    assert wait_for(lambda: rig.book.over)
    rig.opener.gate.set()


def test_a_half_closed_viewer_is_gone(rig: Rig) -> None:
    with rig.watch() as player:
        player.head()
        player.sock.shutdown(socket.SHUT_WR)
        assert wait_for(lambda: rig.book.over)


def test_a_refusal_is_plain_text_with_the_reason(rig: Rig, origin: TsOrigin) -> None:
    origin.always("one", Script(status=403, body=b"<html>no</html>"))
    with rig.watch() as player:
        assert player.status() == 503
        assert "Retry-After: 7" in player.head()
        assert "Content-Type: text/plain; charset=utf-8" in player.head()
        assert player.rest() == b"Nothing left to try.\n"


def test_what_fails_at_the_start_is_in_the_history(rig: Rig, origin: TsOrigin) -> None:
    origin.script("one", Script(status=404), Script(body=b"<html>"))
    with rig.watch() as player:
        assert player.status() == 200
    assert [fault for _, _, fault in rig.opener.histories["channel:1"].entries] == [Fault.NOT_FOUND, Fault.NOT_TS]


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (Script(end_after=90_000), Fault.ENDED),
        (Script(reset_after=90_000), Fault.RESET),
        (Script(silent_after=90_000), Fault.SILENT),
        (Script(chunked=True, end_after=90_000), Fault.ENDED),
        (Script(end_after=90_001), Fault.ENDED),
        (Script(garbage_after=90_000, garbage=bytes(3_000_000), end_after=90_001), Fault.NOT_TS),
    ],
)
def test_when_a_source_fails_the_viewer_goes_on_with_the_next(
    rig: Rig, origin: TsOrigin, script: Script, fault: Fault
) -> None:
    rig.opener.urls["channel:1"] = [origin.url("one", "m1"), origin.url("two", "m2")]
    origin.script("one", script)
    with rig.watch() as player:
        body = player.body(300_000)
    assert begins_cleanly(body)
    packets(body)
    assert [entry[1:] for entry in rig.opener.histories["channel:1"].entries] == [("0/1", fault)]
    assert origin.opened["two"] == 1
    assert origin.opened["one"] == 1


def test_what_the_next_source_needs_is_made_ready_while_the_first_is_only_silent(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.urls["channel:1"] = [origin.url("one", "m1"), origin.url("two", "m2")]
    origin.script("one", Script(silent_after=90_000))
    with rig.watch() as player:
        player.body(300_000)
    assert rig.opener.looked_ahead == ["0/1"], "once, for the source that fell silent"


def test_a_source_that_ends_at_once_is_not_looked_beyond(rig: Rig, origin: TsOrigin) -> None:
    origin.script("one", Script(end_after=90_000))
    with rig.watch() as player:
        player.body(200_000)
    assert rig.opener.looked_ahead == []


def test_the_next_source_begins_with_tables_and_a_keyframe(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.urls["channel:1"] = [origin.url("one"), origin.url("two")]
    origin.script("one", Script(end_after=80_000))
    origin.script("two", Script(start_at=100 * PACKET))
    with rig.watch() as player:
        body = player.body(250_000)
    joins = [i for i in range(PACKET, len(body) - PACKET, PACKET) if body[i : i + 376] == _tables_before_join(body, i)]
    assert any(begins_cleanly(body[i:]) for i in joins)


def _tables_before_join(body: bytes, at: int) -> bytes:
    """PAT and PMT when both stand at `at`, else nothing that could match."""
    pair = body[at : at + 376]
    is_pair = pair[1:3] == b"\x40\x00" and pair[189:191] == b"\x50\x00"
    return pair if is_pair else b""


def test_one_slot_is_enough_to_switch(rig: Rig, origin: TsOrigin) -> None:
    origin.limits["m1"] = 1
    origin.script("one", Script(end_after=80_000), Script(reset_after=50_000), Script(silent_after=50_000))
    with rig.watch() as player:
        player.body(400_000)
    assert origin.peak["m1"] == 1
    assert origin.opened["m1"] == 4


def test_a_provider_that_drops_everybody_is_a_fault_like_any_other(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch() as player:
        player.body(50_000)
        assert origin.drop("m1") == 1
        player.body(250_000)
    assert origin.opened["m1"] == 2


def test_garbage_in_the_middle_is_not_passed_on(rig: Rig, origin: TsOrigin) -> None:
    origin.script("one", Script(garbage_after=60_101, garbage=b"garbage!" * 500, burst_s=2))
    with rig.watch() as player:
        body = player.body(150_000)
    packets(body)
    # The packet in which the garbage began may hold some; nothing else does.
    assert body.count(b"garbage!") < PACKET / 8
    assert origin.opened["one"] == 1


def test_when_nothing_is_left_the_answer_ends_on_a_whole_packet(rig: Rig, origin: TsOrigin) -> None:
    origin.script("one", Script(end_after=90_100))
    origin.blocked["m1"] = 403
    origin.blocked.clear()
    with rig.watch() as player:
        player.body(20_000)
        origin.blocked["m1"] = 403
        body = player.rest()
    assert len(body) % PACKET == 0
    assert wait_for(lambda: rig.book.over)
    assert rig.book.over[0][1] == "no source is left: nothing left for channel:1"


def test_a_fault_while_lingering_ends_the_relay(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch() as player:
        player.body(10_000)
    origin.drop()
    assert wait_for(lambda: not rig.opener.held)
    assert origin.opened["one"] == 1


def test_a_lost_lease_closes_the_upstream_and_goes_on_elsewhere(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.urls["channel:1"] = [origin.url("one"), origin.url("two")]
    with rig.watch() as player:
        player.body(20_000)
        rig.opener.lost = {"lease1"}
        assert wait_for(lambda: origin.open("one") == 0, 3)
        assert origin.wait_open(1, name="two")
        player.body(200_000)
    assert [entry[1:] for entry in rig.opener.histories["channel:1"].entries] == [("0/1", Fault.LEASE_LOST)]


def test_nobody_waits_longer_than_the_start_may_take(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.gate.clear()
    began = time.monotonic()
    with rig.watch() as player:
        assert player.status() == 503
        assert 2.5 < time.monotonic() - began < 4
        assert "did not start in time" in player.rest().decode()
    rig.opener.gate.set()


def test_a_defect_in_an_opener_ends_the_relay_with_a_reason(rig: Rig) -> None:
    rig.opener.urls = None  # type: ignore[assignment]
    with rig.watch() as player:
        assert player.status() == 500
        assert player.rest() == b"Something went wrong.\n"


def test_a_viewing_ends_when_it_has_lasted_as_long_as_it_may(rig: Rig) -> None:
    with rig.watch(viewer_id=1, for_s=1.0) as forgotten, rig.watch(viewer_id=2, for_s=60.0) as other:
        body = forgotten.rest()
        assert len(body) > 50_000
        assert len(body) % PACKET == 0
        assert wait_for(lambda: rig.book.over)
        assert [reason for _, reason in rig.book.over] == ["it was shown for as long as it should be"]
        other.body(len(body) + 50_000)


def test_stopping_a_session_ends_it_on_a_whole_packet(rig: Rig) -> None:
    with rig.watch() as player, rig.watch(viewer_id=2) as other:
        player.body(20_000)
        rig.book.commands = [Command("stop", {"session_id": player.ticket.session_id, "reason": "asked for"})]
        body = player.rest()
        assert len(body) % PACKET == 0
        other.body(100_000)
    assert wait_for(lambda: rig.book.over)
    assert rig.book.over[0][1] == "asked for"


def test_a_viewing_that_is_to_end_before_its_ticket_is_here_does_not_begin(rig: Rig) -> None:
    with rig.watch() as player:
        player.body(20_000)
        number = int(player.ticket.session_id.removeprefix("session"))
        rig.process.obey(Command("stop", {"session_id": f"session{number + 1}", "reason": endings.CHANGED}))
        assert wait_for(lambda: rig.process._forestalled._asked)
        with rig.watch(viewer_id=2) as late:
            assert late.status() == 503
            assert late.rest() == b"The channel was stopped. Try again in a moment.\n"
        assert wait_for(lambda: rig.book.over)
        assert [(facts.viewer_id, reason) for facts, reason in rig.book.over] == [(2, endings.CHANGED)]
        player.body(100_000)
        # It was asked once: who comes again may watch.
        with rig.watch(viewer_id=2) as again:
            again.body(20_000)


def test_switching_by_hand_keeps_the_viewer(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.urls["channel:1"] = [origin.url("one"), origin.url("two")]
    with rig.watch() as player:
        player.body(20_000)
        rig.book.commands = [Command("switch", {"key": "channel:1"})]
        assert origin.wait_open(1, name="two")
        player.body(150_000)


def test_another_process_may_ask_for_a_slot_whose_upstream_is_still_being_opened(rig: Rig) -> None:
    rig.opener.gate.clear()
    rig.watch().close()
    assert wait_for(lambda: rig.book.over)
    rig.process.obey(Command("stop_lingering", {"lease_id": "any", "key": "channel:1", "viewer_id": 0}))
    assert wait_for(lambda: any(one.text == endings.SLOT_WANTED for one in rig.book.notes.get("channel:1", ())))
    rig.opener.gate.set()


def test_unknown_commands_are_ignored(rig: Rig) -> None:
    rig.book.commands = [
        Command("explode", {}),
        Command("switch", {}),
        Command("stop_lingering", {"subscription_id": []}),
    ]
    with rig.watch() as player:
        player.body(20_000)


def test_facts_say_who_watches_what(rig: Rig) -> None:
    with rig.watch(viewer_id=7) as player:
        player.body(50_000)
        assert wait_for(lambda: rig.book.relays and rig.book.sessions and rig.book.sessions[0].bytes_out)
        relay, session = rig.book.relays[0], rig.book.sessions[0]
        assert (relay.key, relay.state, relay.viewers, relay.candidate) == ("channel:1", "running", 1, "0/1")
        assert relay.bytes_in > 0
        assert 0 < relay.ring_bytes <= relay.bytes_in + 2 * PACKET
        assert (session.viewer_id, session.key) == (7, "channel:1")
    assert wait_for(lambda: any(relay.state == "lingering" for relay in rig.book.relays))


def test_a_broken_book_does_not_stop_the_pictures(rig: Rig) -> None:
    rig.book.broken = ConnectionError("Redis is down")
    with rig.watch() as player:
        player.body(120_000)
    assert wait_for(lambda: rig.book.beats >= 2)


@pytest.fixture
def small_ring(origin: TsOrigin, tmp_path: Path) -> Iterator[Rig]:
    """A relay that keeps a quarter of a second of a stream of 10 Mbit/s."""
    origin.pace = 20.0
    with Rig(tmp_path, replace(QUICK, ring_bytes=300_000)) as running:
        running.opener.urls["channel:1"] = [origin.url("one", "m1")]
        yield running


def test_a_viewer_who_does_not_read_is_ended_and_harms_nobody(small_ring: Rig) -> None:
    with small_ring.watch(tcp=False) as stuck, small_ring.watch(viewer_id=2) as other:
        stuck.head()
        assert continuity_errors(other.body(3_000_000)) == 0
        assert wait_for(lambda: small_ring.book.over)
        facts, reason = small_ring.book.over[0]
        assert facts.session_id == stuck.ticket.session_id
        assert reason.startswith("too slow")
        assert small_ring.book.relays[0].ring_bytes <= 300_000


def test_a_slow_viewer_gets_whole_packets_and_a_clean_end(small_ring: Rig) -> None:
    with small_ring.watch(tcp=False) as slow:
        slow.body(50_000)
        time.sleep(1.2)
        body = slow.rest()
    assert len(body) % PACKET == 0
    assert continuity_errors(body) == 0


def test_a_viewer_at_half_the_bitrate_gets_television_up_to_the_end_of_a_picture(small_ring: Rig) -> None:
    """Acceptance 5 in small: a ring of a third of a second, and a viewer who reads half of what comes."""
    with small_ring.watch(tcp=False) as slow, small_ring.watch(viewer_id=2) as other:
        reading = SlowReader(slow, other)
        reading.until(lambda: small_ring.book.over)
        ring_bytes = max(relay.ring_bytes for relay in small_ring.book.relays)
        last = slow.rest()
    assert ring_bytes <= 300_000
    facts, reason = small_ring.book.over[0]
    assert (facts.session_id, reason) == (slow.ticket.session_id, "too slow: the viewer fell out of the ring")
    assert facts.bytes_out <= len(last)
    assert len(last) % PACKET == 0
    report = analyse(last, Limits(video_gap_s=0.1))
    assert report.problems == []
    assert_ends_with_a_picture(last, sent=other.data)
    assert continuity_errors(other.body(0)) == 0


class SlowReader:
    """Reads for two: one takes all there is, the other half as much."""

    def __init__(self, slow: Player, quick: Player) -> None:
        self.slow, self.quick = slow, quick
        slow.head()
        quick.head()

    def until(self, condition: Callable[[], object]) -> None:
        for _ in range(3000):
            if condition():
                return
            self.slow.data += self.slow.sock.recv(max(1, len(self.quick.more()) // 2))
        raise AssertionError("the slow viewer was never ended")


def assert_ends_with_a_picture(body: bytes, sent: bytes) -> None:
    """Behind its last packet, what another viewer got goes on with the first packet of a picture."""
    follows = sent.index(body[-20 * PACKET :]) + 20 * PACKET
    packet = sent[follows : follows + PACKET]
    assert (pid_of(packet), packet[1] & 0x40) == (0x100, 0x40)


def test_who_leaves_while_he_is_sent_his_last_bytes_was_still_too_slow(small_ring: Rig) -> None:
    with small_ring.watch(tcp=False) as slow, small_ring.watch(viewer_id=2) as other:
        slow.head()
        (relay,) = small_ring.process.registry._all
        assert wait_for(lambda: other.more() and (relay.audience._ending or small_ring.book.over))
        slow.close()
        assert wait_for(lambda: small_ring.book.over)
    assert small_ring.book.over[0][1].startswith("too slow")


def test_what_waits_in_a_slow_viewers_queue_stays_what_it_was(small_ring: Rig) -> None:
    with small_ring.watch() as slow, small_ring.watch(viewer_id=2) as other:
        slow.head()
        # The ring moves on ten times its size while the kernel still holds references to its pages.
        other.body(3_500_000)
        body = slow.body(2_500_000)
    assert len(body) >= 1_000_000
    assert continuity_errors(body) == 0


def test_the_rings_memory_is_given_back(small_ring: Rig) -> None:
    with small_ring.watch() as player:
        player.body(3_000_000)
        (relay,) = small_ring.process.registry._all
        assert os.fstat(relay.ring.fd).st_blocks * 512 < 300_000 + 2 * CHUNK


def test_states_change_only_along_the_table() -> None:
    assert set(TRANSITIONS) == set(RelayState)
    assert TRANSITIONS[RelayState.STOPPED] == frozenset()
    assert all(RelayState.STARTING not in ways for ways in TRANSITIONS.values())


def test_stopping_the_process_is_quick_and_clean(rig: Rig, origin: TsOrigin) -> None:
    players = [rig.watch(viewer_id=i) for i in range(5)]
    for player in players:
        player.body(20_000)
    assert rig.stop() < 3
    assert origin.open() == 0
    for player in players:
        assert len(player.rest()) % PACKET == 0
        player.close()
