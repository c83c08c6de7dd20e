"""Packets: fields, clocks, alignment."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.mpegts.packets import (
    CLOCK_MODULUS,
    NULL_PACKET,
    PACKET_SIZE,
    PCR_MODULUS,
    Aligner,
    difference,
    find_sync,
    pcr_difference,
    pcr_packet,
    pid_of,
    read_pcr,
    read_timestamp,
    write_pcr,
    write_timestamp,
)
from tests.mpegts.material import as_192, as_204


def some_packets(count: int, seed: int = 1) -> bytes:
    """Packets with random payload; false sync bytes are in it, but not always at the same place."""
    rng = random.Random(seed)
    return b"".join(b"\x47\x01\x00\x10" + rng.randbytes(184) for _ in range(count))


@given(st.integers(0, CLOCK_MODULUS - 1), st.sampled_from([0x20, 0x30, 0x10]))
def test_a_timestamp_reads_as_it_was_written(value, prefix):
    data = bytearray([prefix, 0, 0, 0, 0])
    write_timestamp(data, 0, value)
    assert read_timestamp(data, 0) == value
    assert data[0] & 0xF0 == prefix
    assert data[0] & data[2] & data[4] & 1 == 1


@given(st.integers(0, PCR_MODULUS - 1))
def test_a_pcr_reads_as_it_was_written(value):
    packet = bytearray(pcr_packet(0x123, 7, 0))
    write_pcr(packet, 0, value)
    assert read_pcr(packet, 0) == value
    assert pid_of(packet, 0) == 0x123
    assert len(packet) == PACKET_SIZE


@given(st.integers(0, CLOCK_MODULUS - 1), st.integers(-(2**32), 2**32 - 1))
def test_differences_are_signed_across_the_wrap(time, step):
    assert difference((time + step) % CLOCK_MODULUS, time) == step
    pcr = time * 300
    assert pcr_difference((pcr + step) % PCR_MODULUS, pcr) == step


@pytest.mark.parametrize(("framed", "size"), [(bytes, 188), (as_192, 192), (as_204, 204)])
def test_packets_come_out_whole_whatever_their_framing(framed, size):
    data = some_packets(50)
    aligner = Aligner()
    assert aligner.feed(framed(data)) == data
    assert aligner.size == size


@given(st.integers(0, 2**32), st.sampled_from([bytes, as_192, as_204]))
def test_packets_survive_any_cut(seed, framed):
    rng = random.Random(seed)
    data = some_packets(60, seed)
    sent, aligner, out = framed(data), Aligner(), b""
    while sent:
        cut = rng.randint(1, 700)
        out += aligner.feed(sent[:cut])
        sent = sent[cut:]
    assert out == data


def test_garbage_is_dropped_and_counted():
    data = some_packets(40)
    aligner = Aligner()
    out = aligner.feed(b"garbage" + data[: 10 * PACKET_SIZE] + b"more garbage" + data[10 * PACKET_SIZE :])
    assert out == data
    assert (aligner.losses, aligner.lost_bytes) == (1, 19)


def test_a_cut_in_mid_packet_costs_only_that_packet():
    data = some_packets(40)
    aligner = Aligner()
    out = aligner.feed(data[: 10 * PACKET_SIZE + 50] + data[11 * PACKET_SIZE :])
    assert out[: 10 * PACKET_SIZE] == data[: 10 * PACKET_SIZE]
    assert out.endswith(data[12 * PACKET_SIZE :])


def test_a_reconnect_drops_the_remainder():
    data = some_packets(20)
    aligner = Aligner()
    aligner.feed(data[: 10 * PACKET_SIZE + 50])
    aligner.reset()
    assert aligner.feed(data) == data


@pytest.mark.parametrize("page", [b"<html>not found</html>", b"", b"{}", b"#EXTM3U\n", b"\x00" * 70000, b"\x47" * 100])
def test_what_is_no_transport_stream_yields_nothing(page):
    aligner = Aligner()
    assert aligner.feed(page) == b""
    assert not aligner.aligned
    assert aligner.waiting <= 204 * 5


@given(st.lists(st.binary(max_size=2000), max_size=20))
def test_nothing_unaligned_ever_leaves(pieces):
    aligner = Aligner()
    out = b"".join(aligner.feed(piece) for piece in [*pieces, NULL_PACKET * 6])
    assert len(out) % PACKET_SIZE == 0
    assert set(out[::PACKET_SIZE]) <= {0x47}


def test_sync_is_found_behind_other_bytes():
    assert find_sync(b"xyz" + NULL_PACKET * 6) == (3, 188)
    assert find_sync(b"xyz") is None
