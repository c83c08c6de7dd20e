"""While a running channel has no source its viewers see a slate, and afterwards the channel again: one stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streaming.journal.notes import Kind
from streaming.mpegts.psi import Codec
from streaming.mpegts.slatemaking import SlateFormat
from streaming.relay import bridge
from streaming.relay.seams import Command
from streaming.relay.slates import NoSlate
from streaming.relay.states import RelayState
from tests.fakes import material
from tests.fakes.material import Endless
from tests.fakes.upstream import Script, TsOrigin
from tests.mpegts.analyser import Limits, Report, analyse
from tests.streaming.relay.rig import (
    PACKET,
    PATIENCE_S,
    QUICK,
    GivenSlates,
    Player,
    Rig,
    begins_cleanly,
    packets,
    pid_of,
    wait_for,
)
from tests.streaming.relay.test_splice import judge


@pytest.fixture
def slates() -> GivenSlates:
    return GivenSlates()


@pytest.fixture
def slated(origin: TsOrigin, slates: GivenSlates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A channel of two sources; its viewers see a slate a fifth of a second after the source is lost."""
    monkeypatch.setattr(bridge, "LEAST_LOST_S", 0.2)
    origin.pace = 5.0
    origin.materials["two"] = Endless(material.ts(size="480x270", gop_s=0.5, extra=("-mpegts_start_pid", "0x200")))
    # Sources are lost when a test says so: none is taken for silent because the machine had no time for it.
    limits = replace(QUICK, slate_after_s=0.2, start_timeout_s=1.5, silence_s=5.0)
    with Rig(tmp_path, limits, slates=slates) as running:
        running.opener.urls["channel:1"] = [origin.url("one", "m1"), origin.url("two", "m2")]
        yield running
    assert origin.wait_open(0)


def read_on(player: Player, seconds: float) -> bytes:
    """What comes in that time."""
    until, got = time.monotonic() + seconds, b""
    player.sock.settimeout(0.2)
    while time.monotonic() < until:
        try:
            got += player.more()
        except TimeoutError:
            continue
    player.sock.settimeout(PATIENCE_S)
    return got


def pictures(data: bytes) -> int:
    """Video units that begin in some of the answer, wherever it was cut."""
    start = next(at for at in range(PACKET) if data[at] == data[at + PACKET] == data[at + 2 * PACKET] == 0x47)
    return sum(pid_of(packet) == 0x100 and packet[1] & 0x40 > 0 for packet in packets(data[start:]))


def judged(player: Player) -> Report:
    """All he got, by the strict analyser."""
    body = player.body(0)
    report = analyse(body[: len(body) // PACKET * PACKET], Limits(video_gap_s=0.2, audio_gap_s=0.3))
    assert report.problems == []
    assert begins_cleanly(body)
    return report


def lose(rig: Rig, player: Player) -> None:
    """Watch a little; the source ends and the next does not come until `rig.opener.gate` is set."""
    player.body(50_000)
    rig.opener.gate.clear()
    rig.book.commands = [Command("switch", {"key": "channel:1"})]


def test_a_lost_source_is_bridged_by_a_slate_and_spliced_back(slated: Rig, tmp_path: Path) -> None:
    with slated.watch() as player:
        lose(slated, player)
        read_on(player, 0.4)
        during = read_on(player, 1.0)
        assert slated.book.relays[0].state == "slate"
        slated.opener.gate.set()
        player.body(len(player.data) + 200_000)
        report = judged(player)
    # In real time: 25 a second.
    assert 18 <= pictures(during) <= 40
    assert set(report.video.dts_deltas) == {3600}
    judge(player.body(0), tmp_path)


def test_a_slate_again_and_again_is_one_stream(slated: Rig) -> None:
    with slated.watch() as player:
        for _ in range(3):
            lose(slated, player)
            assert wait_for(lambda: player.more() and shows_slate(slated))
            slated.opener.gate.set()
            assert wait_for(lambda: player.more() and not shows_slate(slated))
        player.body(len(player.data) + 100_000)
        judged(player)


def shows_slate(rig: Rig) -> bool:
    (relay,) = rig.process.registry._all
    return relay._joint.shows_slate


def test_the_slate_stays_until_the_next_source_has_a_place_to_begin(slated: Rig, origin: TsOrigin) -> None:
    origin.materials["two"] = Endless(material.ts(size="480x270", gop_s=4))
    # It begins just behind a keyframe; the next comes 4 s of stream later, 0.8 s of time.
    origin.script(
        "two", Script(start_at=origin.materials["two"].data.index(b"\x47", 60_000) // PACKET * PACKET, burst_s=0.0)
    )
    with slated.watch() as player:
        lose(slated, player)
        assert wait_for(lambda: player.more() and shows_slate(slated))
        slated.opener.gate.set()
        assert origin.wait_open(1, name="two")
        assert shows_slate(slated)
        assert wait_for(lambda: player.more() and not shows_slate(slated))
        player.body(len(player.data) + 100_000)
        judged(player)


def test_a_source_that_fails_before_it_is_shown_leaves_the_slate_alone(slated: Rig, origin: TsOrigin) -> None:
    origin.materials["two"] = Endless(material.ts(video="mpeg2video", audio="mp2"))
    with slated.watch() as player:
        lose(slated, player)
        assert wait_for(lambda: player.more() and shows_slate(slated))
        slated.opener.gate.set()
        player.body(len(player.data) + 150_000)
        judged(player)
    assert origin.opened["two"] == 1
    assert origin.opened["one"] == 2


def test_a_relay_that_stops_while_the_slate_plays_ends_after_a_whole_picture(slated: Rig) -> None:
    with slated.watch() as player:
        lose(slated, player)
        assert wait_for(lambda: player.more() and shows_slate(slated))
        stopping = threading.Thread(target=slated.stop)
        stopping.start()
        slated.opener.gate.set()
        body = player.rest()
        stopping.join()
    assert len(body) % PACKET == 0
    assert analyse(body, Limits(video_gap_s=0.2, audio_gap_s=0.3)).problems == []


def test_viewers_who_come_while_the_slate_plays_wait_for_the_channel(slated: Rig) -> None:
    with slated.watch() as player:
        lose(slated, player)
        assert wait_for(lambda: player.more() and shows_slate(slated))
        with slated.watch(viewer_id=2) as late:
            read_on(player, 0.3)
            began = len(player.data)
            slated.opener.gate.set()
            body = late.body(60_000)
        assert begins_cleanly(body)
        assert analyse(body[: 300 * PACKET]).problems == []
        player.body(len(player.data) + 100_000)
        # Behind the tables he began with what the other got after the slate.
        assert player.data.index(body[2 * PACKET : 12 * PACKET]) > began


def test_everybody_leaves_while_the_slate_plays(slated: Rig, origin: TsOrigin) -> None:
    with slated.watch() as player:
        lose(slated, player)
        assert wait_for(lambda: player.more() and shows_slate(slated))
    (relay,) = slated.process.registry._all
    assert wait_for(lambda: relay.state is RelayState.DRAINING)
    slated.opener.gate.set()
    assert wait_for(lambda: slated.process.registry.empty)
    assert (origin.opened["one"], origin.opened["two"]) == (1, 0)


def test_without_a_slate_viewers_get_null_packets_and_the_journal_says_why(slated: Rig, slates: GivenSlates) -> None:
    slates.error = NoSlate("there is no ffmpeg")
    with slated.watch() as player:
        lose(slated, player)
        assert wait_for(lambda: b"\x47\x1f\xff" in player.more())
        slated.opener.gate.set()
        player.body(len(player.data) + 100_000)
        judged(player)
    said = [note.text for note in slated.book.notes["channel:1"] if note.kind in (Kind.SLATE, Kind.NO_SLATE)]
    assert said == ["viewers get null packets instead of a slate: there is no ffmpeg"]


def test_a_slate_that_players_could_not_follow_is_not_shown(slated: Rig, slates: GivenSlates) -> None:
    slates.data = material.ts(video="mpeg2video", audio="mp2")
    with slated.watch() as player:
        lose(slated, player)
        assert wait_for(lambda: b"\x47\x1f\xff" in player.more())
        slated.opener.gate.set()
        player.body(len(player.data) + 100_000)
        judged(player)


def test_a_quick_change_of_source_shows_no_slate(slated: Rig, slates: GivenSlates) -> None:
    with slated.watch() as player:
        player.body(50_000)
        slated.book.commands = [Command("switch", {"key": "channel:1"})]
        player.body(200_000)
        judged(player)
    # Asked for once, to have it made in time, in the size next to the channel's.
    assert slates.wanted == [("source_lost", SlateFormat(Codec.H264, Codec.AAC, 640, 360))]


def test_time_without_the_channel_counts_until_it_is_shown_again(slated: Rig, origin: TsOrigin) -> None:
    origin.materials["two"] = Endless(material.ts(video="mpeg2video", audio="mp2"))
    with slated.watch() as player:
        player.body(50_000)
        history = slated.opener.histories["channel:1"]
        assert history.lost_at is None
        lose(slated, player)
        assert wait_for(lambda: history.lost_at)
        lost_at = history.lost_at
        origin.script("one", Script(before_body_s=1.0))
        slated.opener.gate.set()
        # A source that opens and cannot be shown changes nothing.
        assert wait_for(lambda: origin.opened["two"] and len(history.entries) == 2)
        assert history.lost_at == lost_at
        assert wait_for(lambda: player.more() and history.lost_at is None)
