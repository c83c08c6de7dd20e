"""Where the body of an HTTP answer ends: by length or in chunks. Fed with the wire's bytes, gives the body's.

Source: RFC 9112 sections 6.3 and 7.1. A body without either lasts until the connection ends and needs no framing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from streaming.faults import Fault, UpstreamError

#: A chunk's size line; extensions are allowed, but nobody needs long ones.
_LINE_BYTES = 4096
_SIZE = re.compile(rb"[0-9a-fA-F]{1,12}")

#: Of what was fed; the memory stays that of the wire's bytes.
Piece = bytes | memoryview


class Framing(Protocol):
    """Decodes one body, however its bytes are cut."""

    @property
    def ended(self) -> bool:
        """The whole body was seen; what follows on the wire is none of it."""

    def pieces(self, data: bytes) -> Sequence[Piece]:
        """The body's bytes among these, without copying them. Raises UpstreamError(RESET) when it is broken."""


class Length:
    """`Content-Length`."""

    def __init__(self, left: int) -> None:
        self._left = left

    @property
    def ended(self) -> bool:
        return not self._left

    def pieces(self, data: bytes) -> Sequence[Piece]:
        body = data if len(data) <= self._left else data[: self._left]
        self._left -= len(body)
        return (body,) if body else ()


class Chunked:
    """`Transfer-Encoding: chunked`. Trailers are not read: the connection ends with the body."""

    def __init__(self) -> None:
        self.ended = False
        self._left = 0
        self._line = b""

    def pieces(self, data: bytes) -> Sequence[Piece]:
        if self._line:
            data, self._line = self._line + data, b""
        pieces: list[Piece] = []
        view = memoryview(data)
        at, size = 0, len(data)
        while at < size and not self.ended:
            if self._left:
                end = min(at + self._left, size)
                pieces.append(view[at:end])
                self._left -= end - at
                at = end
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._line = data[at:]
                break
            self._size(data[at:end].strip())
            at = end + 1
        if len(self._line) > _LINE_BYTES:
            raise UpstreamError(Fault.RESET, "The provider announced chunks and sent something else.")
        return pieces

    def _size(self, line: bytes) -> None:
        """A size line, or the empty line that ends a chunk."""
        if not line:
            return
        size = line.partition(b";")[0].strip()
        if not _SIZE.fullmatch(size):
            raise UpstreamError(Fault.RESET, "The provider announced chunks and sent something else.")
        self._left = int(size, 16)
        self.ended = not self._left
