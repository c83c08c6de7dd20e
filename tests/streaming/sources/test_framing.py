"""Length and chunks, however the wire's bytes are cut."""

from __future__ import annotations

import random

import pytest

from streaming.faults import Fault, UpstreamError
from streaming.sources.framing import Chunked, Framing, Length

BODY = bytes(range(256)) * 40


def chunked(body: bytes, sizes: list[int], extension: bytes = b"") -> bytes:
    out = b""
    for size in sizes:
        piece, body = body[:size], body[size:]
        out += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
    return out + (b"%X\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"


def decoded(framing: Framing, wire: bytes, cuts: list[int]) -> bytes:
    out = b""
    for size in cuts:
        out += b"".join(framing.pieces(wire[:size]))
        wire = wire[size:]
    return out + b"".join(framing.pieces(wire))


def cuts(seed: int, most: int) -> list[int]:
    sizes = random.Random(seed)
    return [sizes.randint(1, most) for _ in range(5000)]


@pytest.mark.parametrize("most", [1, 2, 7, 100, 5000])
@pytest.mark.parametrize("extension", [b"", b";name=value", b" "])
def test_chunks_are_the_body_at_every_cut(most: int, extension: bytes) -> None:
    framing = Chunked()
    wire = chunked(BODY, [1, 2, 255, 4096, 17], extension)
    assert decoded(framing, wire, cuts(most, most)) == BODY
    assert framing.ended


def test_bare_line_feeds_and_leading_zeros_are_borne() -> None:
    assert decoded(Chunked(), b"0003\nabc\n0\n\n", [1] * 5) == b"abc"


def test_what_follows_the_last_chunk_is_no_body() -> None:
    framing = Chunked()
    assert b"".join(framing.pieces(chunked(b"abc", []) + b"HTTP/1.1 200 OK")) == b"abc"
    assert not framing.pieces(b"more")


@pytest.mark.parametrize(
    "wire", [b"xyz\r\nabc", b"-1\r\n", b"+5\r\nhello", b"1_0\r\n", b"f" * 20 + b"\r\n", b"a" * 9000]
)
def test_what_is_no_chunk_is_an_error(wire: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        Chunked().pieces(wire)
    assert caught.value.fault is Fault.RESET


@pytest.mark.parametrize("most", [1, 100, 50_000])
def test_a_length_ends_the_body(most: int) -> None:
    framing = Length(len(BODY))
    assert decoded(framing, BODY + b"more", cuts(1, most)) == BODY
    assert framing.ended


def test_an_empty_body_has_ended_before_it_began() -> None:
    assert Length(0).ended
