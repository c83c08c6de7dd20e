"""How bytes come from a source to the loop, and how its end does."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from streaming.faults import Fault, UpstreamError
from streaming.relay.feeds import AHEAD_BYTES, Feed, feed_for
from streaming.sources.framing import Chunked, Framing
from tests.streaming.relay.rig import wait_for

SCRATCH = memoryview(bytearray(100_000))


class Pieces:
    """A source that yields what it was given, then raises."""

    def __init__(self, *pieces: bytes, head: bytes = b"", end: Exception | None = None) -> None:
        self.head = head
        self.pieces = list(pieces)
        self.end = end or UpstreamError(Fault.ENDED)
        self.reads = 0

    def open(self) -> None: ...

    def direct_socket(self) -> socket.socket | None:
        return None

    def read(self) -> bytes:
        self.reads += 1
        if not self.pieces:
            raise self.end
        return self.pieces.pop(0)

    def close(self) -> None: ...


class Direct(Pieces):
    """A source whose socket the loop reads."""

    def __init__(self, sock: socket.socket, head: bytes = b"", framing: Framing | None = None) -> None:
        super().__init__(head=head)
        self.sock = sock
        self.framing = framing

    def direct_socket(self) -> socket.socket:
        return self.sock


def everything(feed: Feed) -> tuple[bytes, Fault]:
    got = b""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            got += feed.pump()
        except UpstreamError as err:
            return got, err.fault
    raise TimeoutError


def test_a_thread_reads_the_head_first_and_the_end_last() -> None:
    feed = feed_for(Pieces(b"b", b"c", head=b"a"), SCRATCH)
    assert everything(feed) == (b"abc", Fault.ENDED)


def test_a_defect_of_a_source_is_a_fault() -> None:
    feed = feed_for(Pieces(b"a", end=ZeroDivisionError()), SCRATCH)
    assert everything(feed) == (b"a", Fault.RESET)


def test_a_thread_does_not_run_away_from_the_loop() -> None:
    source = Pieces(*[bytes(1_000_000)] * 50)
    feed = feed_for(source, SCRATCH)
    assert wait_for(lambda: source.reads >= AHEAD_BYTES // 1_000_000)
    assert not wait_for(lambda: source.reads > AHEAD_BYTES // 1_000_000 + 1, 0.2)
    assert len(everything(feed)[0]) == 50_000_000


def test_a_stopped_feed_lets_its_thread_go() -> None:
    feed = feed_for(Pieces(*[bytes(1_000_000)] * 50), SCRATCH)
    feed.stop()
    assert wait_for(lambda: not [t for t in threading.enumerate() if t.name == "relay-read"])


def test_a_socket_is_read_in_whole_packets_and_loses_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = feed_for(Direct(ours, head=b"h" * 100), SCRATCH)
        got = feed.pump()
        for size in (1, 87, 188, 1000, 50_000):
            theirs.sendall(b"x" * size)
            piece = feed.pump()
            assert len(piece) % 188 == 0
            got += piece
        assert got == (b"h" * 100 + b"x" * 51_276)[: 51_376 // 188 * 188]


def test_a_socket_that_ends_ends_the_feed_after_its_last_bytes() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        feed = feed_for(Direct(ours), SCRATCH)
        theirs.sendall(b"x" * 376)
        theirs.close()
        assert everything(feed) == (b"x" * 376, Fault.ENDED)


@pytest.mark.parametrize(
    ("wire", "fault"), [(b"b8\r\n%s\r\n0\r\n\r\n", Fault.ENDED), (b"b8\r\n%s\r\n9\r\n", Fault.RESET)]
)
def test_a_framed_socket_is_decoded_up_to_its_end(wire: bytes, fault: Fault) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        feed = feed_for(Direct(ours, head=b"head", framing=Chunked()), SCRATCH)
        theirs.sendall(wire % (b"x" * 184))
        theirs.close()
        assert everything(feed) == (b"head" + b"x" * 184, fault)


@pytest.mark.parametrize("most", [1, 50, 187, 1000])
def test_a_framed_socket_is_read_in_whole_packets_too(most: int) -> None:
    body = bytes(range(256)) * 20
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = feed_for(Direct(ours, head=b"h" * 100, framing=Chunked()), SCRATCH)
        got = feed.pump()
        for at in range(0, len(body), most):
            piece = body[at : at + most]
            theirs.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            found = feed.pump()
            assert len(found) % 188 == 0
            got += found
        theirs.sendall(b"0\r\n\r\n")
        rest, fault = everything(feed)
        assert got + rest == (b"h" * 100 + body)[: 5220 // 188 * 188]
        assert fault is Fault.ENDED


def test_broken_chunks_are_a_fault() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = feed_for(Direct(ours, framing=Chunked()), SCRATCH)
        theirs.sendall(b"3\r\nabc\r\nnonsense\r\n")
        assert everything(feed)[1] is Fault.RESET


def test_a_scratch_smaller_than_what_came_takes_it_in_turns() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        feed = feed_for(Direct(ours), memoryview(bytearray(1000)))
        theirs.sendall(b"x" * 188 * 20)
        got = b""
        while len(got) < 188 * 20:
            got += feed.pump()
        assert got == b"x" * 188 * 20
