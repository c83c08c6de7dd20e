"""The judges of the soak see what they are there for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.soak_judges import Segments, Stock, Stretch, Television, Wrong
from tests.fakes.file_origin import content

PACKET = 188
FILE = content(10_000)


def packet(pid: int, counter: int, fill: bytes, *, flags: bytes = b"") -> bytes:
    head = bytes((0x47, pid >> 8, pid & 255, (0x30 if flags else 0x10) | counter & 15)) + flags
    return head + fill * (PACKET - len(head))


def stream(fill: bytes, count: int = 8) -> bytes:
    """A table, then packets of one PID that count on."""
    return packet(0, 0, b"t") + b"".join(packet(256, n, fill) for n in range(count))


@pytest.fixture
def stock() -> Stock:
    one = Stock()
    one.add("a", packet(256, 0, b"a"))
    one.add("b", packet(256, 0, b"b"))
    return one


@pytest.mark.parametrize("size", [1, 100, PACKET, 5000])
def test_good_television_is_taken_in_pieces_of_any_size(stock: Stock, size: int):
    judge, data = Television(stock, "a"), stream(b"a")
    for at in range(0, len(data), size):
        judge.feed(data[at : at + size])
    assert len(stock.ours) == 1  # the table


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[1:], "lost step"),
        (lambda data: data[: 3 * PACKET] + data[3 * PACKET + 5 :], "lost step"),
        (lambda data: data[PACKET:], "not with a PAT"),
        (lambda data: data[: 3 * PACKET] + data[4 * PACKET :], "PID 256 counts 3 after 1"),
        (lambda data: data.replace(b"a" * 184, b"b" * 184, 1), "a packet of b"),
    ],
)
def test_television_that_is_not_right_is_wrong(stock: Stock, spoil: Callable[[bytes], bytes], said: str):
    with pytest.raises(Wrong, match=said):
        Television(stock, "a").feed(spoil(stream(b"a")))


def test_what_is_flagged_or_sent_twice_is_no_hole(stock: Stock):
    flagged = packet(256, 9, b"a", flags=b"\x01\x80")
    Television(stock, "a").feed(stream(b"a") + flagged + flagged)


def test_what_nobody_sent_is_ours_or_strange(stock: Stock):
    Television(stock, "a").feed(packet(0, 0, b"t") + packet(256, 0, b"?"))
    assert stock.strangers([]) == 2
    assert stock.strangers([packet(256, 0, b"?"), packet(0, 0, b"t")]) == 0


def test_a_segment_is_the_same_for_everybody(stock: Stock):
    segments = Segments(stock)
    segments.judge("a", "/7.ts", stream(b"a"))
    segments.judge("a", "/7.ts", stream(b"a"))
    with pytest.raises(Wrong, match=r"7\.ts differs"):
        segments.judge("a", "/7.ts", stream(b"a", 7))
    with pytest.raises(Wrong, match="a segment of 100 bytes"):
        segments.judge("a", "/8.ts", stream(b"a")[:100])


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("", 0, 9999), ("bytes=100-", 100, 9999), ("bytes=5-9", 5, 9), ("bytes=-7", 9993, 9999)],
)
def test_a_stretch_of_a_file_is_right_to_its_last_byte(asked: str, first: int, last: int):
    headers = {"content-length": str(last + 1 - first), "content-range": f"bytes {first}-{last}/10000"}
    stretch = Stretch("film", FILE, asked, 206 if asked else 200, headers)
    complete = []
    for piece in (FILE[first:last], FILE[last : last + 1]):
        stretch.feed(piece)
        complete.append(stretch.complete)
    assert complete == [False, True]
    with pytest.raises(Wrong):
        stretch.feed(b"x")


def test_bytes_from_another_place_and_heads_that_say_otherwise_are_wrong():
    headers = {"content-length": "9900", "content-range": "bytes 100-9999/10000"}
    with pytest.raises(Wrong, match="from 100 on"):
        Stretch("film", FILE, "bytes=100-", 206, headers).feed(FILE[101:200])
    with pytest.raises(Wrong, match="answered with 200"):
        Stretch("film", FILE, "bytes=100-", 200, headers)
    with pytest.raises(Wrong, match="bytes 101-"):
        Stretch("film", FILE, "bytes=100-", 206, headers | {"content-range": "bytes 101-9999/10000"})
    with pytest.raises(Wrong, match="a length of 1"):
        Stretch("film", FILE, "bytes=100-", 206, headers | {"content-length": "1"})
