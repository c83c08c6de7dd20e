"""A slate instead of a refusal: television for a while, no provider, a clean end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from streaming.relay.slates import NoSlate
from tests.fakes.upstream import TsOrigin
from tests.mpegts.analyser import Limits, analyse
from tests.streaming.relay.rig import PACKET, QUICK, GivenSlates, Player, Rig, begins_cleanly, wait_for

CONSOLED = replace(QUICK, refusal_slate_s=0.6, start_timeout_s=0.5, linger_s=0.2)


@pytest.fixture
def slates() -> GivenSlates:
    return GivenSlates()


@pytest.fixture
def consoling(origin: TsOrigin, slates: GivenSlates, tmp_path: Path) -> Iterator[Rig]:
    """An installation that shows slates instead of refusals; nothing can be opened."""
    with Rig(tmp_path, CONSOLED, slates=slates) as running:
        yield running
    assert origin.opened["all"] == 0


def assert_slate(player: Player) -> None:
    """He got some television that ended well."""
    assert player.status() == 200
    body = player.rest()
    assert len(body) % PACKET == 0
    assert begins_cleanly(body)
    report = analyse(body, Limits(video_gap_s=0.2, audio_gap_s=0.3))
    assert report.problems == []
    # A lead of a second and six tenths in real time, give or take a tick.
    assert 25 <= report.frames <= 60


def test_who_would_be_refused_sees_a_slate_for_a_while(consoling: Rig) -> None:
    with consoling.watch() as player:
        assert_slate(player)
    assert wait_for(lambda: len(consoling.book.over) == 2)
    (refused, why), (shown, end) = consoling.book.over
    assert (refused.session_id, why) == (player.ticket.session_id, "refused: Nothing left to try.")
    assert (shown.key, shown.viewer_id) == ("slate:nothing_available", 0)
    assert end == "it was shown for as long as it should be"
    assert consoling.opener.most_held == 0


def test_all_who_are_refused_share_one_slate(consoling: Rig) -> None:
    players = [consoling.watch(f"channel:{number}", viewer_id=number) for number in range(1, 21)]
    for player in players:
        player.head()
    assert sum(relay.key.startswith("slate:") for relay in consoling.process.registry._all) == 1
    for player in players:
        assert_slate(player)
        player.close()
    # Nothing is left when nobody watches it any more.
    assert wait_for(lambda: consoling.process.registry.empty)


def test_a_start_that_takes_too_long_ends_in_a_slate(consoling: Rig) -> None:
    consoling.opener.gate.clear()
    with consoling.watch() as player:
        assert_slate(player)
    consoling.opener.gate.set()


@pytest.mark.parametrize("error", [NoSlate("there is no ffmpeg"), None])
def test_without_the_slate_it_is_the_refusal(consoling: Rig, slates: GivenSlates, error: NoSlate | None) -> None:
    slates.error, slates.data = error, b""
    with consoling.watch() as player:
        assert player.status() == 503
        assert player.rest() == b"Nothing left to try.\n"


def test_what_no_slate_speaks_of_is_refused(consoling: Rig) -> None:
    consoling.opener.urls = None  # type: ignore[assignment]
    with consoling.watch() as player:
        assert player.status() == 500


def test_a_player_that_leaves_during_the_slate_is_noticed(consoling: Rig) -> None:
    with consoling.watch() as player:
        player.body(50_000)
    assert wait_for(lambda: consoling.process.registry.empty)
    assert [reason for _, reason in consoling.book.over][-1] == "the viewer left"


def test_stopping_the_process_ends_slates_too(consoling: Rig) -> None:
    with consoling.watch() as player:
        player.head()
        began = time.monotonic()
        consoling.stop()
        assert time.monotonic() - began < 3
        assert len(player.rest()) % PACKET == 0
