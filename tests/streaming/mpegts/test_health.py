"""The score that orders candidates."""

from __future__ import annotations

import random
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.health import DAMAGES, Window, blended, parts, score, worst_damage
from streaming.mpegts.packets import PACKET_SIZE
from streaming.mpegts.statistics import Statistics
from tests.mpegts import material

amounts = st.floats(0, 1000, allow_nan=False)
windows = st.builds(Window, **{field.name: amounts for field in fields(Window)})


def window_of(data: bytes, seconds: float = 4.0, later_s: float = 0.0) -> Window:
    """What a scanner saw of a stream that arrived in real time."""
    scanner = EntryScanner()
    step = 200 * PACKET_SIZE
    for position in range(0, len(data), step):
        scanner.scan(data[position : position + step], position, seconds * position / len(data))
    return Window.between(Statistics(), scanner.statistics.snapshot(), seconds, seconds + later_s)


def test_nothing_wrong_is_the_best_score():
    assert score(Window()) == 100
    assert worst_damage(Window()) == ""


def test_every_damage_has_its_place_in_the_formula():
    assert set(DAMAGES) == {field.name for field in fields(Window)}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_alone_takes_its_weight_and_no_more(name):
    worst, weight = DAMAGES[name]
    assert score(Window(**{name: worst * 50})) == pytest.approx(100 * (1 - weight))
    assert worst_damage(Window(**{name: worst})) == name


@given(windows, st.sampled_from(sorted(DAMAGES)), amounts)
def test_more_damage_never_scores_higher(window, name, more):
    damaged = replace(window, **{name: getattr(window, name) + more})
    assert 0 <= score(damaged) <= score(window) <= 100


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 1000))
def test_a_running_score_lies_between_old_and_new(old, new, seconds):
    assert min(old, new) - 1e-9 <= blended(old, new, seconds) <= max(old, new) + 1e-9


@pytest.mark.ffmpeg
def test_a_clean_stream_scores_best():
    assert score(window_of(material.h264_aac())) == 100


@pytest.mark.ffmpeg
def test_losses_order_streams():
    some, many = (score(window_of(material.with_losses(material.h264_aac(), every))) for every in (500, 50))
    assert many < some < 100


@pytest.mark.ffmpeg
def test_a_stream_that_stands_still_scores_nothing():
    assert score(window_of(material.h264_aac(), later_s=20)) == 0


@pytest.mark.ffmpeg
def test_a_loop_costs_little_and_missing_pictures_more():
    looping = window_of(material.h264_aac() * 2, 8)
    assert looping.jumps_per_m > 0
    assert looping.holes_per_m == 0
    assert score(looping) < 100


@pytest.mark.ffmpeg
def test_missing_pictures_are_holes():
    gone = [i for i, packet in enumerate(material.packets(material.video_only())) if packet[1:3] == b"\x41\x00"]
    kept = material.packets(material.video_only())
    del kept[gone[40] : gone[43]]
    assert window_of(b"".join(kept)).holes_per_m > 0


def hurt(data: bytes, seed: int, losses: int) -> bytes:
    """The stream without so many of its packets, never two in a row; more losses include the fewer."""
    found = material.packets(data)
    places = list(range(40, len(found) - 1, 3))
    random.Random(seed).shuffle(places)
    gone = set(places[:losses])
    return b"".join(packet for place, packet in enumerate(found) if place not in gone)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", [material.h264_aac, material.video_only])
def test_a_golden_stream_gets_the_same_score_on_each_run(make):
    damaged = hurt(make(), seed=3, losses=7)
    first = window_of(damaged)
    assert window_of(damaged) == first
    assert 0 < score(first) < score(window_of(make())) == 100


@pytest.mark.ffmpeg
@pytest.mark.parametrize("seed", range(4))
def test_more_damage_to_the_same_stream_lowers_its_score(seed):
    scores = [score(window_of(hurt(material.h264_aac(), seed, losses))) for losses in (0, 1, 3, 8, 20, 60)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 100
    assert scores[1] < 100
    assert scores[-1] < 60


@pytest.mark.ffmpeg
def test_sound_that_is_announced_and_never_comes_costs_half():
    silent = b"".join(p for p in material.packets(material.h264_aac()) if not (p[1] & 0x1F == 1 and p[2] == 1))
    scanner = EntryScanner()
    scanner.scan(silent, 0, 1.0)
    window = Window.between(Statistics(), scanner.statistics, 4.0, 1.0, has_sound=True)
    assert parts(window)["missing_sound"] == 50
    assert "missing_sound" not in parts(Window.between(Statistics(), scanner.statistics, 4.0, 1.0))


def test_stalls_cost_their_share_of_the_time():
    window = Window.between(Statistics(), Statistics(packets=1000), 30.0, 0.0, stalled_s=3.0)
    assert parts(window) == {"stalled_share": 30.0}
