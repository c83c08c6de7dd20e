"""What is published at once: whole packets in as few pieces as they came, joined only for who needs them in one."""

from __future__ import annotations

from collections.abc import Sequence

Piece = bytes | memoryview

#: The kernel takes 1,024 at most; handing over so many costs as much as joining them.
MOST_PIECES = 16


class Block:
    """Pieces of memory that follow each other; they must stay as they are. False when there is nothing in them."""

    __slots__ = ("_data", "pieces", "size")

    def __init__(self, pieces: Sequence[Piece] = ()) -> None:
        #: Few enough for one call of the kernel.
        self.pieces = pieces if len(pieces) <= MOST_PIECES else (b"".join(pieces),)
        self.size = sum(map(len, pieces))
        self._data: bytes | None = None

    @classmethod
    def of(cls, data: bytes) -> Block:
        """All in one piece."""
        return cls((data,)) if data else cls()

    def __bool__(self) -> bool:
        return self.size > 0

    @property
    def data(self) -> bytes:
        """All pieces as one."""
        if self._data is None:
            self._data = b"".join(self.pieces)
        return self._data
