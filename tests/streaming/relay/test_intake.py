"""From a source's bytes to what is published."""

from __future__ import annotations

import random

import pytest

from streaming.faults import Fault, UpstreamError
from streaming.relay.intake import GARBAGE_BYTES, NO_ENTRY_BYTES, NO_ENTRY_S, Intake
from tests.fakes import damage, material
from tests.streaming.relay.rig import PACKET, begins_cleanly, continuity_errors, packets


def published(pieces: list[bytes], clock_step_s: float = 0.1) -> tuple[bytes, list[int]]:
    """What an intake publishes, and the positions of the entries in it."""
    intake, out, places = Intake(0.0), b"", []
    for number, piece in enumerate(pieces):
        block, entries = intake.feed(piece, number * clock_step_s)
        places += [len(out) + entry.position for entry in entries]
        out += block.data
    return out, places


def cut(data: bytes, seed: int, most: int = 30_000) -> list[bytes]:
    """The data in pieces of random sizes."""
    random_sizes = random.Random(seed)
    pieces = []
    while data:
        size = random_sizes.randint(1, most)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


@pytest.mark.parametrize("seed", range(5))
def test_however_it_is_cut_the_same_is_published(seed: int) -> None:
    data = material.Endless(material.ts()).read(0, 300_000)
    whole = published([data])
    assert published(cut(data, seed)) == whole
    assert begins_cleanly(whole[0])


@pytest.mark.parametrize("start", [1, 187, 50 * PACKET, 51 * PACKET + 100, 200_007])
def test_it_begins_at_a_keyframe_wherever_the_source_begins(start: int) -> None:
    data = material.Endless(material.ts()).read(start, 300_000)
    out, _ = published(cut(data, 1))
    assert begins_cleanly(out)
    assert continuity_errors(out) == 0


def test_every_entry_is_a_keyframe() -> None:
    out, places = published(cut(material.Endless(material.ts()).read(0, 400_000), 3))
    assert len(places) >= 5
    assert all(begins_cleanly(out[:376] + out[place:]) for place in places)


def test_radio_begins_at_any_sound() -> None:
    out, places = published(cut(material.Endless(material.ts(video="")).read(0, 60_000), 2, most=2000))
    assert len(places) > 10
    assert packets(out)


def test_a_stream_without_keyframes_begins_after_a_while() -> None:
    long_gop = material.ts(gop_s=1000.0, extra=("-x264-params", "keyint=infinite:scenecut=0"))
    endless = material.Endless(long_gop)
    # From the second frame on: the only keyframe of each loop is at its beginning.
    first_loop = endless.loop(0)[len(long_gop) // 20 // PACKET * PACKET :]
    tail = b"".join(endless.loop(n)[len(long_gop) // 20 // PACKET * PACKET :] for n in range(1, 4))
    out, _ = published(cut(first_loop + tail, 4, most=12_000))
    assert packets(out)


def test_garbage_without_end_is_no_television() -> None:
    intake = Intake(0.0)
    with pytest.raises(UpstreamError) as caught:
        feed_all(intake, [bytes(100_000)] * (GARBAGE_BYTES // 100_000 + 2))
    assert caught.value.fault is Fault.NOT_TS


def test_bits_of_garbage_for_ever_are_borne() -> None:
    endless = material.Endless(material.ts())
    intake = Intake(0.0)
    for number in range(60):
        intake.feed(endless.read(number * 50 * PACKET, 50 * PACKET) + b"?" * 40_001, number * 0.1)
    assert intake.lost_bytes > GARBAGE_BYTES


def test_a_stream_that_never_shows_a_picture_is_given_up() -> None:
    null = (b"\x47\x1f\xff\x10" + bytes(184)) * 100
    with pytest.raises(UpstreamError) as by_time:
        feed_all(Intake(0.0), [null] * 300, step_s=0.1)
    assert by_time.value.fault is Fault.NOT_TS
    intake = Intake(-NO_ENTRY_S)
    with pytest.raises(UpstreamError):
        feed_all(intake, [null] * (NO_ENTRY_BYTES // len(null) + 2), step_s=0.0)


def feed_all(intake: Intake, pieces: list[bytes], step_s: float = 0.0) -> None:
    for number, piece in enumerate(pieces):
        intake.feed(piece, number * step_s)


@pytest.mark.parametrize("seed", range(3))
def test_a_page_in_mid_stream_is_seen_at_once(seed: int) -> None:
    television = material.Endless(material.ts()).read(0, 1000 * PACKET)
    with pytest.raises(UpstreamError) as caught:
        published(cut(television + damage.SORRY, seed))
    assert caught.value.fault is Fault.NOT_TS


def test_a_page_inside_packets_is_none() -> None:
    television = material.Endless(material.ts()).read(0, 1000 * PACKET)
    carousel = b"".join(b"\x47\x1f\x00" + bytes((0x10 | n & 15,)) + damage.SORRY[:184] for n in range(50))
    broken = television[: 500 * PACKET] + carousel + television[500 * PACKET + 50 :]
    out, _ = published(cut(broken, 1))
    assert len(out) > 900 * PACKET


def test_only_packets_are_a_sign_of_life() -> None:
    intake = Intake(0.0)
    intake.feed(material.Endless(material.ts()).read(0, 100 * PACKET), 1.0)
    intake.feed(random.Random(1).randbytes(5000), 2.0)
    assert intake.heard_at == 1.0


def test_noise_at_the_pace_of_a_picture_is_given_up_after_two_seconds() -> None:
    intake, noise = Intake(0.0), random.Random(1)
    intake.feed(material.Endless(material.ts()).read(0, 100 * PACKET), 1.0)
    for tick in range(11, 31):
        intake.feed(noise.randbytes(5_000), tick / 10)
    with pytest.raises(UpstreamError) as caught:
        intake.feed(noise.randbytes(5_000), 3.1)
    assert caught.value.fault is Fault.NOT_TS


def test_a_pause_and_a_piece_of_garbage_are_no_noise() -> None:
    intake = Intake(0.0)
    television = material.Endless(material.ts()).read(0, 300 * PACKET)
    intake.feed(television[: 100 * PACKET], 1.0)
    intake.feed(random.Random(1).randbytes(5_000), 7.0)
    assert intake.feed(television[100 * PACKET :], 7.1)[0]
