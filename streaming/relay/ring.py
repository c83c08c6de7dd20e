"""The memory of one running relay: the newest packets in a memory file, in chunks. No Django, no Redis.

Positions are absolute byte counts. What was lent to the kernel is never written over: `sendfile` hands pages over by
reference, and a slow reader's queues (tens of MB on one machine) may hold them long after the ring has moved on. A ring
that wrote over such a page would change what a viewer has yet to read. So a chunk that was lent gives its pages
back when the ring drops it (they live until the last queue has let go), and only one that was not is written again:
fresh pages cost as much as reading and analysing what stands on them. Pages that are there already are written through
mapped memory, which costs half of what a call of the kernel does: it would look up each of them.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from bisect import bisect_right
from collections import deque

from streaming.relay.block import Block

#: Bytes of one MPEG-TS packet; the head, the tail and every entry are multiples of it.
PACKET = 188

#: A whole number of packets and of pages. Small, for the memory of many rings is counted in chunks; not too small, for
#: a block that lies in two takes two calls per viewer.
CHUNK = PACKET * mmap.PAGESIZE

#: So many chunks may wait to be written again: more than one become free at a time, or none.
SPARES = 2

#: Of `madvise`, as Linux numbers it since 5.14; Python has no name for it.
MADV_POPULATE_READ = 22

#: Seconds between two marks of the clock in the ring.
MARK_EVERY_S = 0.5


class Ring:
    """Whole packets of the last `keep_s` seconds, at most `limit_bytes` of them.

    From four chunks on the limit holds for all memory of the file, between two blocks.
    """

    def __init__(self, *, keep_s: float, limit_bytes: int) -> None:
        self.keep_s = keep_s
        #: May be lowered while running, when many relays share the memory.
        self.limit_bytes = limit_bytes
        self.fd = os.memfd_create("restreamer-ring")
        #: Everything before is published.
        self.head = 0
        #: The oldest byte that may be read.
        self.tail = 0
        #: Where in the file each chunk stands, the oldest first; the number of the oldest; those that were lent.
        self._places: deque[int] = deque()
        self._first = 0
        self._lent: set[int] = set()
        #: Chunks to be written again, and those whose pages were given back.
        self._spares: list[int] = []
        self._holes: list[int] = []
        self._file_bytes = 0
        #: The file as memory, once a chunk is written again, and whether the newest chunk is one that is.
        self._memory: mmap.mmap | None = None
        self._again = False
        #: Chunks whose pages are all there as memory.
        self._mapped: set[int] = set()
        self._marks: deque[tuple[float, int]] = deque()

    def append(self, block: Block, now: float) -> None:
        """Publish a block of whole packets that arrived at `now`."""
        if not self._marks or now - self._marks[-1][0] >= MARK_EVERY_S:
            self._marks.append((now, self.head))
        number, offset = divmod(self.head, CHUNK)
        if not self._again and number - self._first < len(self._places) and offset + block.size <= CHUNK:
            # All of it goes into a chunk that is begun. A memory file takes what it is given.
            self.head += os.pwritev(self.fd, block.pieces, self._places[-1] + offset)
            return
        for piece in block.pieces:
            self._write(memoryview(piece))

    def _write(self, view: memoryview) -> None:
        while view:
            number, offset = divmod(self.head, CHUNK)
            if number - self._first == len(self._places):
                self._places.append(self._place())
            at = self._places[-1] + offset
            part = view[: CHUNK - offset]
            if self._again and self._memory is not None:
                self._memory[at : at + len(part)] = part
                written = len(part)
            else:
                written = os.pwrite(self.fd, part, at)
            self.head += written
            view = view[written:]

    def lend(self, position: int) -> tuple[int, int]:
        """Where in the file the bytes from `position` stand, and how many of them in one piece.

        For handing them to the kernel by reference: they will stay what they are.
        """
        number, offset = divmod(position, CHUNK)
        self._lent.add(number)
        return self._places[number - self._first] + offset, min(CHUNK - offset, self.head - position)

    def read(self, position: int, size: int) -> bytes:
        """A copy of published bytes; short at the head, empty before the tail."""
        out = b""
        while position >= self.tail and len(out) < size and position + len(out) < self.head:
            number, offset = divmod(position + len(out), CHUNK)
            due = min(size - len(out), CHUNK - offset, self.head - position - len(out))
            out += os.pread(self.fd, due, self._places[number - self._first] + offset)
        return out

    def due_tail(self, now: float) -> int:
        """The oldest byte that should be kept now: a packet's first."""
        marks = self._marks
        # The mark before the oldest one that is young enough: what came between them is not too old yet.
        while len(marks) > 1 and marks[1][0] <= now - self.keep_s:
            marks.popleft()
        oldest = marks[0][1] if marks else 0
        # One more may lie spare.
        most_chunks = max(self.limit_bytes // CHUNK, 3) - 1
        chunk = (-(-self.head // CHUNK) - most_chunks) * CHUNK
        return max(self.tail, oldest, chunk, -(-(self.head - self.limit_bytes) // PACKET) * PACKET)

    def let_go(self, tail: int) -> None:
        """Forget everything before `tail`; chunks without a byte left are written again or given back."""
        self.tail = tail
        while (self._first + 1) * CHUNK <= tail:
            place = self._places.popleft()
            kept = len(self._places) + len(self._spares)
            if self._first in self._lent or len(self._spares) == SPARES or kept >= self.limit_bytes // CHUNK:
                self._give_back(place)
                self._holes.append(place)
            else:
                self._spares.append(place)
            self._lent.discard(self._first)
            self._first += 1

    def arrived_at(self, position: int) -> float | None:
        """When the byte at `position` arrived, to half a second; None when the ring has forgotten it."""
        if self._marks and position >= self._marks[-1][1]:
            # Nearly everybody.
            return self._marks[-1][0]
        index = bisect_right(self._marks, position, key=lambda mark: mark[1]) - 1
        return self._marks[index][0] if index >= 0 else None

    @property
    def kept_bytes(self) -> int:
        """Published bytes that can still be read."""
        return self.head - self.tail

    def close(self) -> None:
        """Give all memory back."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _place(self) -> int:
        """Room for a chunk in the file."""
        self._again = bool(self._spares)
        if self._again:
            place = self._spares.pop()
            self._map(place)
            return place
        if self._holes:
            return self._holes.pop()
        self._file_bytes += CHUNK
        os.ftruncate(self.fd, self._file_bytes)
        return self._file_bytes - CHUNK

    def _map(self, place: int) -> None:
        """Have the chunk there as memory."""
        if self._memory is None:
            self._memory = mmap.mmap(self.fd, self._file_bytes)
        elif len(self._memory) < place + CHUNK:
            self._memory.resize(self._file_bytes)
        if place in self._mapped:
            return
        self._mapped.add(place)
        # All its pages at once: to be told of each when it is first written takes three times as long as writing them.
        with contextlib.suppress(OSError):
            self._memory.madvise(MADV_POPULATE_READ, place, CHUNK)

    def _give_back(self, place: int) -> None:
        """Take the chunk's pages out of the file; whoever holds one keeps it as it is."""
        self._mapped.discard(place)
        with mmap.mmap(self.fd, CHUNK, offset=place) as pages:
            pages.madvise(mmap.MADV_REMOVE)
