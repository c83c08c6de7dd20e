"""HLS from the relay: one upstream with everybody else, a list that keeps its promises, players who only come by."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from streaming.hls.cutter import first_sequence
from streaming.hls.window import newest_in
from streaming.relay import cutting, desk, polling
from streaming.relay.seams import Command
from tests.fakes import material
from tests.fakes.upstream import TsOrigin
from tests.mpegts.analyser import analyse
from tests.streaming.hls.rules import Watch
from tests.streaming.relay.rig import Player, Rig, wait_for

KEY = "channel:1"
#: The media run so much faster than the clock.
PACE = 12.0


@pytest.fixture
def origin(origin: TsOrigin) -> TsOrigin:
    origin.pace = PACE
    return origin


@pytest.fixture
def rig(rig: Rig, origin: TsOrigin) -> Rig:
    origin.pace = PACE
    return rig


def folder(tmp_path: Path) -> Path:
    return tmp_path / "hls" / "channel-1"


def files(tmp_path: Path) -> list[str]:
    here = folder(tmp_path)
    return sorted(path.name for path in here.iterdir()) if here.exists() else []


def ask(rig: Rig, session: str = "player-a", hls: str = "list", uri: str = "t=1", **others: object) -> Player:
    """A request that waits for the list."""
    return rig.watch(KEY, session_id=session, hls=hls, uri=uri, **others)


def hear(rig: Rig, session: str = "player", sent_bytes: int = 0) -> str:
    return str(rig.tell(json.dumps({"poll": session, "bytes": sent_bytes}).encode())["state"])


def listed(tmp_path: Path) -> list[str]:
    text = (folder(tmp_path) / "index.m3u8").read_text()
    return [line for line in text.split("\n") if line.endswith(".ts")]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Players who have left are noticed soon."""
    monkeypatch.setattr(polling, "IDLE_S", 0.6)
    monkeypatch.setattr(polling, "FIRST_S", 0.6)


def test_the_first_request_of_a_cold_channel_waits_for_a_segment(rig: Rig, tmp_path: Path, origin: TsOrigin) -> None:
    with ask(rig, hls="master", uri="live.m3u8?session=x") as player:
        text = player.rest().decode()
        assert player.status() == 200
    assert "application/vnd.apple.mpegurl" in player.head()
    assert text.startswith("#EXTM3U\n")
    assert text.endswith("\nlive.m3u8?session=x\n")
    assert 100_000 <= int(text.split("BANDWIDTH=")[1].split("\n")[0]) < desk._GUESS_BPS
    assert listed(tmp_path)
    assert origin.opened["all"] == 1


def test_the_first_list_has_something_to_play_until_more_comes(rig: Rig) -> None:
    with ask(rig) as player:
        text = player.rest().decode()
    durations = [float(line[8:-1]) for line in text.split("\n") if line.startswith("#EXTINF:")]
    assert len(durations) >= 3
    assert max(durations[:3]) < 4
    assert sum(durations) >= desk.ENOUGH_S


def test_who_has_waited_long_gets_what_there_is(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "PATIENCE_S", 0.0)
    with ask(rig) as player:
        assert player.rest().decode().count("#EXTINF") == 1


def test_who_comes_again_too_early_is_given_the_next_segment(rig: Rig) -> None:
    seen = []
    for _ in range(4):
        with ask(rig) as player:
            seen.append([line for line in player.rest().decode().split("\n") if ".ts" in line][-1])
    assert len(set(seen)) == 4, "asked at once, each time, and never told that nothing is new"


def test_who_has_waited_for_the_next_segment_is_told_that_nothing_is_new(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "EARLY_S", 0.0)
    texts = []
    for _ in range(10):
        with ask(rig) as player:
            texts.append(player.rest())
    assert len(set(texts)) < 10


def test_a_page_learns_that_it_has_nothing_new_for_a_player(rig: Rig) -> None:
    with ask(rig) as player:
        newest = newest_in(player.rest().decode().replace("?t=1", ""))

    def tell(number: int) -> str:
        return str(rig.tell(json.dumps({"poll": "player", "bytes": 0, "list": number}).encode())["state"])

    assert [tell(newest), hear(rig), tell(newest + 1), tell(newest + 1)] == ["early", "known", "known", "early"]


def test_every_address_of_the_list_carries_what_tells_the_player(rig: Rig) -> None:
    with ask(rig, uri="token=a&session=b") as player:
        text = player.rest().decode()
    addresses = [line for line in text.split("\n") if line and not line.startswith("#")]
    assert addresses
    assert all(one.endswith(".ts?token=a&session=b") for one in addresses)


def test_segments_are_whole_and_follow_each_other(rig: Rig, tmp_path: Path) -> None:
    with ask(rig) as player:
        player.rest()
    assert wait_for(lambda: hear(rig) == "known" and len(listed(tmp_path)) >= 3, 8)
    data = b"".join((folder(tmp_path) / name).read_bytes() for name in listed(tmp_path)[:3])
    assert analyse(data).problems == []


def test_a_running_channel_has_its_segments_at_once_and_one_upstream(rig: Rig, origin: TsOrigin) -> None:
    with rig.watch() as viewer:
        viewer.body(700_000)
        with ask(rig) as player:
            text = player.rest().decode()
        assert text.count("#EXTINF") >= 2
        assert origin.opened["all"] == 1
        assert wait_for(lambda: rig.book.relays[0].viewers == 2)


def test_many_requests_of_one_player_are_one_viewing(rig: Rig) -> None:
    for _ in range(3):
        with ask(rig) as player:
            player.rest()
    assert hear(rig, sent_bytes=1000) == "known"
    assert hear(rig, sent_bytes=500) == "known"
    assert wait_for(lambda: [one.bytes_out for one in rig.book.sessions] == [1500])
    with ask(rig, session="other-a") as player:
        player.rest()
    assert wait_for(lambda: rig.book.relays[0].viewers == 2)


def test_a_player_that_stops_asking_is_over_and_its_files_are_gone(rig: Rig, tmp_path: Path, quick: None) -> None:
    with ask(rig) as player:
        player.rest()
    assert files(tmp_path)
    assert wait_for(lambda: rig.book.over)
    ((facts, reason),) = rig.book.over
    assert (facts.session_id, reason) == ("player-a", "the player stopped asking")
    assert wait_for(lambda: not folder(tmp_path).exists())
    # It lingers like any other, then ends.
    assert wait_for(lambda: not rig.book.relays)
    assert hear(rig) == "unknown"


def test_the_cutter_rests_while_only_others_watch(rig: Rig, tmp_path: Path, quick: None) -> None:
    with rig.watch() as viewer:
        viewer.body(100_000)
        assert not folder(tmp_path).exists()
        with ask(rig) as player:
            player.rest()
        assert wait_for(lambda: not folder(tmp_path).exists())
        assert wait_for(lambda: rig.book.relays[0].viewers == 1)


def test_a_viewing_ended_by_hand_does_not_go_on_by_asking(rig: Rig, tmp_path: Path) -> None:
    with ask(rig) as player:
        player.rest()
    rig.book.commands.append(Command("stop", {"session_id": "player-a"}))
    assert wait_for(lambda: rig.book.over)
    assert hear(rig) == "ended"
    # The same player begins anew with another session.
    with ask(rig, session="again-a") as player:
        player.rest()
        assert player.status() == 200


def test_a_viewing_may_last_as_long_as_it_may(rig: Rig) -> None:
    with ask(rig, for_s=0.2) as player:
        assert player.status() == 503
    assert wait_for(lambda: rig.book.over)
    assert "as long as" in rig.book.over[0][1]
    assert hear(rig) == "ended"


def test_when_there_is_nothing_to_play_it_is_told_at_once(rig: Rig) -> None:
    rig.opener.urls[KEY] = []
    with ask(rig, hls="master") as player:
        assert player.rest() == b"Nothing left to try.\n"
        assert player.status() == 503
    assert wait_for(lambda: rig.book.over)
    assert hear(rig) == "unknown"


def test_a_channel_that_is_slow_to_start_says_where_the_list_will_be(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "HOLD_S", 0.3)
    rig.opener.gate.clear()
    with ask(rig, hls="master", uri="live.m3u8") as player:
        assert player.rest().endswith(b"\nlive.m3u8\n")
    with ask(rig) as player:
        assert player.status() == 503
    rig.opener.gate.set()


def test_who_hangs_up_before_the_answer_is_still_known(rig: Rig, origin: TsOrigin) -> None:
    rig.opener.gate.clear()
    ask(rig).close()
    rig.opener.gate.set()
    assert wait_for(lambda: origin.open() == 1)
    assert hear(rig) == "known"


def test_a_seam_between_different_pictures_is_a_discontinuity(tmp_path: Path, origin: TsOrigin) -> None:
    small = TsOrigin(material.ts(size="512x288"))
    small.pace = PACE
    try:
        with Rig(tmp_path) as rig:
            rig.opener.urls[KEY] = [origin.url("one", "m1"), small.url("two", "m1")]
            watch = Watch()
            with ask(rig) as player:
                player.rest()
            origin.drop()
            began = time.monotonic()
            path = folder(tmp_path) / "index.m3u8"
            text = ""
            while time.monotonic() - began < 8 and text.count("DISCONTINUITY\n") < 2:
                assert hear(rig) == "known"
                text = path.read_text()
                # Its dates run with the clock, its media at a multiple of that.
                watch.see(PACE * (time.monotonic() - began), text, set(files(tmp_path)))
                time.sleep(0.02)
            assert watch.broken == []
            assert text.count("DISCONTINUITY\n") == 2, "the first segment of all, and the seam"
            data = b"".join((folder(tmp_path) / name).read_bytes() for name in listed(tmp_path))
            assert analyse(data).problems == []
    finally:
        small.close()


def test_a_source_that_comes_back_as_it_was_is_no_discontinuity(rig: Rig, origin: TsOrigin, tmp_path: Path) -> None:
    with ask(rig) as player:
        player.rest()
    before = len(listed(tmp_path))
    origin.drop()
    assert wait_for(lambda: hear(rig) == "known" and len(listed(tmp_path)) >= before + 3, 8)
    assert origin.opened["all"] == 2
    assert (folder(tmp_path) / "index.m3u8").read_text().count("DISCONTINUITY\n") == 1


def test_numbers_go_on_when_a_channel_is_cut_anew(rig: Rig, tmp_path: Path, quick: None) -> None:
    with ask(rig) as player:
        player.rest()
    wait_for(lambda: hear(rig) == "known" and len(listed(tmp_path)) >= 4, 8)
    last = int(listed(tmp_path)[-1].removesuffix(".ts"))
    assert wait_for(lambda: not folder(tmp_path).exists())
    with ask(rig) as player:
        text = player.rest().decode()
    assert int(listed(tmp_path)[0].removesuffix(".ts")) > last
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1\n" in text


def test_numbers_go_on_after_a_relay_that_died(tmp_path: Path, origin: TsOrigin) -> None:
    high = first_sequence(time.time()) + 1000
    here = folder(tmp_path)
    here.mkdir(parents=True)
    (here / f"{high}.ts").write_bytes(b"old")
    text = f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{high}\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n#EXT-X-DISCONTINUITY\n{high}.ts\n"
    (here / "index.m3u8").write_text(text)
    with Rig(tmp_path) as rig:
        rig.opener.urls[KEY] = [origin.url("one", "m1")]
        with ask(rig) as player:
            text = player.rest().decode()
        assert f"#EXT-X-MEDIA-SEQUENCE:{high + 1}\n#EXT-X-DISCONTINUITY-SEQUENCE:8\n" in text
        assert (here / f"{high}.ts").exists(), "players of the old list may still want it"


def test_what_dead_relays_left_is_removed_at_the_start(tmp_path: Path, origin: TsOrigin) -> None:
    old, young = tmp_path / "hls" / "channel-8", tmp_path / "hls" / "channel-9"
    for one in (old, young):
        one.mkdir(parents=True)
        (one / "1.ts").write_bytes(b"old")
    long_ago = time.time() - cutting.STALE_S - 1
    os.utime(old, (long_ago, long_ago))
    with Rig(tmp_path):
        assert wait_for(lambda: not old.exists())
        assert young.exists()


def test_a_disk_that_takes_nothing_is_told_and_hurts_nobody_else(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hls").write_text("no folder")
    with rig.watch() as viewer:
        viewer.body(1000)
        with ask(rig) as player:
            assert player.status() == 503
            assert b"HLS" in player.rest()
        before = len(viewer.data)
        assert wait_for(lambda: viewer.more() and len(viewer.data) > before + 100_000)


def test_a_channel_that_must_go_is_not_started_again_by_asking(rig: Rig) -> None:
    with ask(rig) as player:
        player.rest()
    rig.book.commands.append(Command("stop_lingering", {"subscription_id": 1, "viewer_id": 1}))
    assert wait_for(lambda: rig.book.over)
    assert hear(rig) == "ended"


def test_a_relay_that_restarts_has_its_players_back_by_asking(tmp_path: Path, origin: TsOrigin) -> None:
    numbers = []
    for _ in range(2):
        with Rig(tmp_path) as rig:
            rig.opener.urls[KEY] = [origin.url("one", "m1")]
            assert hear(rig) == "unknown"
            with ask(rig) as player:
                player.rest()
            numbers.append(int(listed(tmp_path)[0].removesuffix(".ts")))
    assert numbers[1] > numbers[0]


@pytest.mark.parametrize(
    "message",
    ['{"poll": 1, "bytes": 1}', '{"poll": "a", "bytes": true}', '{"poll": "a", "bytes": 1, "list": "1"}', "[]"],
)
def test_other_news_is_refused(rig: Rig, message: str) -> None:
    assert rig.tell(message.encode())["ok"] is False


def test_what_waits_for_a_disk_is_limited(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "MOST_WAITING_BYTES", -1)
    monkeypatch.setattr(desk, "HOLD_S", 0.5)
    with ask(rig) as player:
        assert player.status() == 503
    assert not [name for name in files(tmp_path) if name.endswith(".ts")]
