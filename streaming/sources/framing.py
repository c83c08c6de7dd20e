"""Where the body of an HTTP answer ends: by length or in chunks. Fed with the wire's bytes, gives the body's.

Source: RFC 9112 sections 6.3 and 7.1. A body without either lasts until the connection ends and needs no framing.
"""

from __future__ import annotations

import re
from typing import Protocol

from streaming.faults import Fault, UpstreamError

#: A chunk's size line; extensions are allowed, but nobody needs long ones.
_LINE_BYTES = 4096
_SIZE = re.compile(rb"[0-9a-fA-F]{1,12}")


class Framing(Protocol):
    """Decodes one body, however its bytes are cut."""

    @property
    def ended(self) -> bool:
        """The whole body was seen; what follows on the wire is none of it."""

    def feed(self, data: bytes) -> bytes:
        """The body's bytes among these. Raises UpstreamError(RESET) when the framing is broken."""


class Length:
    """`Content-Length`."""

    def __init__(self, left: int) -> None:
        self._left = left

    @property
    def ended(self) -> bool:
        return not self._left

    def feed(self, data: bytes) -> bytes:
        body = data[: self._left]
        self._left -= len(body)
        return body


class Chunked:
    """`Transfer-Encoding: chunked`. Trailers are not read: the connection ends with the body."""

    def __init__(self) -> None:
        self.ended = False
        self._left = 0
        self._line = b""

    def feed(self, data: bytes) -> bytes:
        if self._line:
            data, self._line = self._line + data, b""
        pieces = []
        at = 0
        while at < len(data) and not self.ended:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                at += len(piece)
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._line = data[at:]
                break
            self._size(data[at:end].strip())
            at = end + 1
        if len(self._line) > _LINE_BYTES:
            raise UpstreamError(Fault.RESET, "The provider announced chunks and sent something else.")
        return b"".join(pieces)

    def _size(self, line: bytes) -> None:
        """A size line, or the empty line that ends a chunk."""
        if not line:
            return
        size = line.partition(b";")[0].strip()
        if not _SIZE.fullmatch(size):
            raise UpstreamError(Fault.RESET, "The provider announced chunks and sent something else.")
        self._left = int(size, 16)
        self.ended = not self._left
