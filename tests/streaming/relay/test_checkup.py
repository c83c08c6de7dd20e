"""What a relay measures of its source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streaming.faults import Fault
from streaming.relay import checkup
from tests.fakes import damage
from tests.fakes.upstream import Script, TsOrigin
from tests.streaming.relay.rig import QUICK, Rig, wait_for


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window is half a second."""
    monkeypatch.setattr(checkup, "WINDOW_S", 0.5)


def _begin_with_the_second(rig: Rig, urls: list[str]) -> None:
    """The opener's first address is stream 0, which stands for none."""
    rig.opener.urls["channel:1"] = urls
    rig.opener._next["channel:1"] = 1


def test_a_clean_source_measures_up_and_its_properties_are_known(quick: None, rig: Rig) -> None:
    _begin_with_the_second(rig, rig.opener.urls["channel:1"] * 2)
    with rig.watch() as player:
        while not rig.book.measurements and player.more():
            pass
    first = rig.book.measurements[0]
    assert (first.score, first.parts, first.fault) == (100.0, {}, "")
    assert (first.width, first.height, first.picture, first.sound) == (320, 180, "h264", "aac")


def test_damage_is_measured_and_a_lost_source_scores_nothing(quick: None, origin: TsOrigin, tmp_path: Path) -> None:
    origin.pace = 3.0
    origin.script("bad", Script(turn_after=188, turn=damage.lossy, end_after=300_000))
    with Rig(tmp_path, replace(QUICK)) as rig:
        _begin_with_the_second(rig, [origin.url("good"), origin.url("bad"), origin.url("good")])
        with rig.watch() as player:
            while not any(one.fault for one in rig.book.measurements) and player.more():
                pass
        measured = [one for one in rig.book.measurements if one.stream_id == 1]
    windows = [one for one in measured if not one.fault]
    assert windows
    assert max(one.score for one in windows) < 60
    assert all("losses_per_k" in one.parts for one in windows)
    assert [one.score for one in measured if one.fault] == [0.0]


@pytest.mark.parametrize("fault", Fault)
def test_only_faults_of_the_stream_count_against_it(fault: Fault) -> None:
    not_its_own = {
        Fault.ASKED, Fault.LEASE_LOST, Fault.SLOT_BUSY, Fault.PORTAL, Fault.REFUSED, Fault.NOT_FOUND, Fault.TIMED_OUT,
        Fault.OTHER_CODEC,
    }  # fmt: skip
    assert (fault in checkup.OF_STREAM) == (fault not in not_its_own)


def test_a_switch_by_hand_measures_nothing(rig: Rig) -> None:
    _begin_with_the_second(rig, rig.opener.urls["channel:1"] * 2)
    with rig.watch() as player:
        player.body(50_000)
        rig.process.loop.call(lambda: rig.process.registry._current["channel:1"].switch(Fault.ASKED))
        assert wait_for(lambda: any(note.fault for note in rig.book.notes["channel:1"]))
    assert rig.book.measurements == []
