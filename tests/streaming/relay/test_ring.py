"""The ring: what it keeps, what it forgets, and that its memory comes back."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from streaming.relay.block import Block
from streaming.relay.ring import CHUNK, PACKET, Ring


def block(count: int, fill: int = 0) -> bytes:
    return (b"\x47" + bytes([fill]) * (PACKET - 1)) * count


@pytest.fixture
def ring(nothing_left: None) -> Iterator[Ring]:
    made = Ring(keep_s=10, limit_bytes=1000 * PACKET)
    yield made
    made.close()


def fill(ring: Ring, seconds: int, packets_per_s: int = 10, start: int = 0) -> None:
    for second in range(start, start + seconds):
        ring.append(Block.of(block(packets_per_s, second % 256)), float(second))
        ring.let_go(ring.due_tail(float(second)))


def test_what_was_appended_can_be_read(ring: Ring) -> None:
    ring.append(Block.of(block(2, 1)), 0.0)
    ring.append(Block.of(block(3, 2)), 0.1)
    assert ring.head == 5 * PACKET
    assert ring.read(PACKET, 2 * PACKET) == block(1, 1) + block(1, 2)


def test_reading_beyond_the_head_is_short(ring: Ring) -> None:
    ring.append(Block.of(block(2)), 0.0)
    assert ring.read(PACKET, 10 * PACKET) == block(1)
    assert ring.read(ring.head, 10) == b""


def test_it_keeps_the_last_seconds(ring: Ring) -> None:
    fill(ring, 30)
    assert ring.tail == 19 * 10 * PACKET
    assert ring.kept_bytes == 11 * 10 * PACKET


def test_it_keeps_no_more_than_its_limit(ring: Ring) -> None:
    fill(ring, 5, packets_per_s=400)
    assert ring.kept_bytes == 1000 * PACKET


def test_a_lowered_limit_holds_from_the_next_block_on(ring: Ring) -> None:
    fill(ring, 5, packets_per_s=100)
    ring.limit_bytes = 7 * PACKET + 5
    fill(ring, 1, start=5)
    assert ring.kept_bytes == 7 * PACKET


def test_silence_forgets_nothing(ring: Ring) -> None:
    fill(ring, 5)
    assert ring.tail == 0
    assert ring.due_tail(5.0) == 0


def test_what_is_forgotten_cannot_be_read(ring: Ring) -> None:
    fill(ring, 30)
    assert ring.read(ring.tail - PACKET, PACKET) == b""
    assert ring.read(ring.tail, PACKET) == block(1, 19)


@pytest.mark.parametrize("lent", [False, True])
def test_memory_stays_what_it_is_for(ring: Ring, lent: bool) -> None:
    for second in range(3000):
        ring.append(Block.of(block(90, second % 256)), float(second))
        if lent:
            ring.lend(ring.head - PACKET)
        ring.let_go(ring.due_tail(float(second)))
    assert os.fstat(ring.fd).st_blocks * 512 <= ring.kept_bytes + 2 * CHUNK
    assert ring.read(ring.tail, PACKET) == block(1, (ring.tail // (90 * PACKET)) % 256)


@pytest.mark.parametrize("lent", [False, True])
@pytest.mark.parametrize("chunks", [4, 9])
def test_its_limit_is_one_of_all_its_memory(ring: Ring, chunks: int, lent: bool) -> None:
    ring.limit_bytes = chunks * CHUNK
    most = 0
    for number in range(chunks * 12):
        ring.append(Block.of(block(CHUNK // PACKET // 3 + 7)), 0.0)
        if lent and number % 5 == 0:
            ring.lend(ring.head - PACKET)
        ring.let_go(ring.due_tail(0.0))
        most = max(most, os.fstat(ring.fd).st_blocks * 512)
    assert (chunks - 1) * CHUNK <= most <= ring.limit_bytes
    assert ring.kept_bytes > (chunks - 3) * CHUNK


def test_what_was_not_lent_is_written_again_and_takes_no_fresh_pages(ring: Ring, monkeypatch) -> None:
    ring.limit_bytes = 8 * CHUNK
    given_back = []
    monkeypatch.setattr(Ring, "_give_back", lambda _, place: given_back.append(place))
    for second in range(100):
        # Now and then two chunks become free at once.
        ring.append(Block.of(block(CHUNK // PACKET * (2 if second == 50 else 1) // 2)), float(second // 3))
        ring.let_go(ring.due_tail(float(second // 3)))
    assert len(given_back) <= 2


def test_what_is_written_again_stands_in_the_file(ring: Ring) -> None:
    ring.limit_bytes = 6 * CHUNK
    seen = b""
    for number in range(80):
        ring.append(Block((block(700, number), memoryview(block(900, 100 + number)))), float(number))
        if number == 60:
            # By now chunks are written for the third time.
            position = ring.head - 1600 * PACKET
            seen = block(700, number) + block(900, 100 + number)
            place, size = ring.lend(position)
            assert os.pread(ring.fd, size, place) == seen[:size]
            assert ring.read(position, len(seen)) == seen
        ring.let_go(ring.due_tail(float(number)))
    assert ring.read(ring.head - 900 * PACKET, 900 * PACKET) == block(900, 179)
    assert os.fstat(ring.fd).st_blocks * 512 <= ring.limit_bytes


def test_reading_goes_on_over_the_edge_of_a_chunk(ring: Ring) -> None:
    ring.limit_bytes = 10 * CHUNK
    for number in range(CHUNK // (100 * PACKET) + 10):
        ring.append(Block.of(block(100, number % 256)), 0.0)
    edge = ring.read(CHUNK - 60 * PACKET, 120 * PACKET)
    assert len(edge) == 120 * PACKET
    place, size = ring.lend(CHUNK - 60 * PACKET)
    assert size == 60 * PACKET
    assert edge[: 60 * PACKET] == os.pread(ring.fd, size, place)


def test_it_knows_when_a_byte_arrived(ring: Ring) -> None:
    fill(ring, 5)
    assert ring.arrived_at(0) == 0.0
    assert ring.arrived_at(10 * PACKET - 1) == 0.0
    assert ring.arrived_at(10 * PACKET) == 1.0
    fill(ring, 30, start=5)
    assert ring.arrived_at(0) is None


def test_what_was_lent_never_changes(ring: Ring) -> None:
    """The kernel may hold a page in a queue long after the ring has forgotten it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ring.append(Block.of(block(100, 7)), 0.0)
        place, size = ring.lend(0)
        assert os.sendfile(ours.fileno(), ring.fd, place, size) == 100 * PACKET
        for second in range(1, 400):
            ring.append(Block.of(block(100, 8)), float(second))
            ring.let_go(ring.due_tail(float(second)))
        assert ring.tail > 4 * CHUNK
        assert theirs.recv(100 * PACKET, socket.MSG_WAITALL) == block(100, 7)


def test_closing_twice_is_harmless(ring: Ring) -> None:
    ring.close()
    ring.close()
