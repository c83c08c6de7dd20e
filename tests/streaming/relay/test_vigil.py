"""What bytes alone do not show: a row per rule."""

from __future__ import annotations

import pytest

from streaming.faults import Fault
from streaming.mpegts.packets import PCR_HZ
from streaming.mpegts.statistics import Statistics
from streaming.relay.vigil import Vigil


def watched(step, seconds=40, *, has_sound=True):
    """The first fault of a stream that `step(statistics, second)` changes each second, and when."""
    vigil, statistics = Vigil(8.0), Statistics()
    for second in range(seconds):
        healthy(statistics, second)
        step(statistics, second)
        fault = vigil.look(statistics, float(second), has_sound=has_sound)
        if fault is not None:
            return fault, second
    return None


def healthy(statistics, second):
    statistics.packets += 600
    statistics.video_packets += 500
    statistics.audio_packets += 50
    statistics.pcr = second * PCR_HZ
    statistics.pcr_moved_at = statistics.video_moved_at = statistics.audio_moved_at = float(second)
    statistics.audio_pts = second * 90_000


def frozen(statistics, second):
    statistics.pcr = min(second, 1) * PCR_HZ
    statistics.pcr_moved_at = min(second, 1)


def no_picture(statistics, second):
    statistics.video_moved_at = min(second, 5)


def no_sound(statistics, second):
    statistics.audio_moved_at = min(second, 5)


def slow(statistics, second):
    statistics.pcr = int(second * 0.5 * PCR_HZ)


def a_little_slow(statistics, second):
    statistics.pcr = int(second * 0.9 * PCR_HZ)


def encrypted(statistics, second):
    statistics.scrambled_packets += 500 if second > 5 else 0


def encrypted_with_its_clocks(statistics, second):
    encrypted(statistics, second)
    no_picture(statistics, second)


def storm(statistics, second):
    statistics.cc_errors += 40


def drizzle(statistics, second):
    statistics.cc_errors += 1


def midnight(statistics, second):
    if second >= 15:
        statistics.pcr = (second + 5000) * PCR_HZ
        statistics.pcr_jumps = 1


@pytest.mark.parametrize(
    ("step", "fault", "latest"),
    [
        (lambda s, n: None, None, 0),
        (frozen, Fault.FROZEN, 10),
        (no_picture, Fault.LOST_VIDEO, 14),
        (no_sound, Fault.LOST_AUDIO, 14),
        (slow, Fault.STARVED, 17),
        (a_little_slow, None, 0),
        (encrypted, Fault.SCRAMBLED, 33),
        (encrypted_with_its_clocks, Fault.SCRAMBLED, 14),
        (storm, Fault.CONTINUITY, 17),
        (drizzle, None, 0),
        (midnight, None, 0),
    ],
)
def test_each_fault_is_named_in_time_and_nothing_else_is(step, fault, latest):
    found = watched(step)
    if fault is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] is fault
        assert found[1] <= latest


def test_a_source_that_never_had_sound_has_not_lost_it():
    def silent(statistics, second):
        statistics.audio_pts = statistics.audio_moved_at = None

    assert watched(silent) is None


def test_radio_loses_no_picture():
    def radio(statistics, second):
        statistics.video_moved_at = None
        statistics.video_packets = 0

    assert watched(radio, has_sound=False) is None


def test_the_clocks_wrap_is_no_fault():
    def wrap(statistics, second):
        statistics.pcr = ((second - 12) * PCR_HZ) % (2**33 * 300)

    assert watched(wrap) is None


@pytest.mark.parametrize("begins", range(20, 31))
def test_half_the_pace_is_noticed_while_it_cost_five_seconds(begins):
    def slows_down(statistics, second):
        statistics.pcr = int((second - max(0, second - begins) / 2) * PCR_HZ)

    found = watched(slows_down, 60)
    assert found is not None
    assert found[0] is Fault.STARVED
    assert found[1] - begins <= 10


@pytest.mark.parametrize("piece_s", [2, 4, 5, 5.5, 6, 7, 8])
def test_a_source_that_sends_in_pieces_does_not_starve(piece_s):
    def in_pieces(statistics, second):
        statistics.pcr = int(second // piece_s * piece_s * PCR_HZ)

    assert watched(in_pieces, 120) is None


def test_a_clock_that_stops_late_is_frozen_not_slow():
    def stops(statistics, second):
        statistics.pcr = min(second, 30) * PCR_HZ
        statistics.pcr_moved_at = float(min(second, 30))

    assert watched(stops, 60) == (Fault.FROZEN, 39)


def test_it_looks_once_a_second():
    vigil, statistics = Vigil(8.0), Statistics()
    statistics.pcr_moved_at = -100.0
    assert vigil.look(statistics, 0.0, has_sound=False) is Fault.FROZEN
    assert not vigil.due(0.5)
    assert vigil.due(1.0)
