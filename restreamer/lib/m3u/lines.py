"""Bytes as they arrive, turned into lines of text: byte order marks, old code pages, every kind of line end."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

#: A longer line is dropped: nothing in a channel list needs it, and a hostile one would fill the memory.
MAX_LINE_BYTES = 64 * 1024

#: Blank lines say nothing; a packed file may hold half a thousand million of them.
_MANY_BLANKS = b"\n" * 8
_BLANKS = re.compile(rb"\n+")


class LineReader:
    """Iterates over blocks of whole lines; `dropped` counts the lines that were too long.

    Lines come without their ends and unstripped; blank ones may be among them. NUL bytes and byte order marks are
    left out. A line that is not UTF-8 is read as cp1252, others keep their own encoding.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.dropped = 0

    def __iter__(self) -> Iterator[list[str]]:
        held = b""
        dropping = False
        for piece in _as_utf8(self._pieces):
            data = held + piece
            end = data.rfind(b"\n")
            if dropping and end >= 0:
                start = data.index(b"\n")
                data, end, dropping = data[start:], end - start, False
            held = data[end + 1 :]
            if len(held) > MAX_LINE_BYTES:
                self.dropped += not dropping
                held, dropping = b"", True
            if end >= 0:
                yield self._kept(data[:end])
        if held and not dropping:
            yield self._kept(held)

    def _kept(self, block: bytes) -> list[str]:
        lines = _decoded(block)
        if len(block) <= MAX_LINE_BYTES:
            return lines
        kept = [line for line in lines if len(line) <= MAX_LINE_BYTES]
        self.dropped += len(lines) - len(kept)
        return kept


def _as_utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces with `\\n` as the only line end, without NULs; UTF-16 becomes UTF-8."""
    stream = iter(pieces)
    head = b""
    for piece in stream:
        head += piece
        if len(head) >= len(codecs.BOM_UTF8):
            break
    decoder = None
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for piece in _chained(head, stream):
        data = decoder.decode(piece).encode() if decoder else piece
        if b"\0" in data:
            data = data.replace(b"\0", b"")
        # A pair split between two pieces makes a blank line, which nobody minds.
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if _MANY_BLANKS in data:
            data = _BLANKS.sub(b"\n", data)
        yield data


def _chained(head: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from stream


def _decoded(block: bytes) -> list[str]:
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = "\n".join(_decoded_line(line) for line in block.split(b"\n"))
    if "\ufeff" in text:
        text = text.replace("\ufeff", "")
    return text.split("\n")


def _decoded_line(line: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")
