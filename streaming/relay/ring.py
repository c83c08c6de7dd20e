"""The memory of one running relay: an append-only memory file whose old end is given back. No Django, no Redis.

Positions are absolute byte counts and at the same time offsets in the file, so nothing ever wraps and every viewer is
served by one `sendfile`. Bytes once published are never overwritten: `sendfile` hands pages to the kernel by reference,
and a slow reader's queues (tens of MB on one machine) may hold them long after the ring has moved on. A ring that
writes over its own pages would change what such a viewer has yet to read. Dropped pages live until the last queue has
let go of them; then the kernel frees them.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_right
from collections import deque

#: Bytes of one MPEG-TS packet; the head and every entry are multiples of it.
PACKET = 188

#: The old end is given back in pieces of this size, not page by page.
GIVE_BACK_BYTES = 64 * mmap.PAGESIZE

#: Seconds between two marks of the clock in the ring.
MARK_EVERY_S = 0.5


class Ring:
    """Whole packets of the last `keep_s` seconds, at most `limit_bytes` of them."""

    def __init__(self, *, keep_s: float, limit_bytes: int) -> None:
        self.keep_s = keep_s
        #: May be lowered while running, when many relays share the memory.
        self.limit_bytes = limit_bytes
        self.fd = os.memfd_create("restreamer-ring")
        #: Everything before is published.
        self.head = 0
        #: The oldest byte that may be read.
        self.tail = 0
        self._given_back = 0
        self._marks: deque[tuple[float, int]] = deque()

    def append(self, block: bytes, now: float) -> None:
        """Publish a block of whole packets that arrived at `now`."""
        if not self._marks or now - self._marks[-1][0] >= MARK_EVERY_S:
            self._marks.append((now, self.head))
        view = memoryview(block)
        while view:
            written = os.pwrite(self.fd, view, self.head)
            self.head += written
            view = view[written:]

    def due_tail(self, now: float) -> int:
        """The oldest byte that `let_go` would keep: a packet's first."""
        marks = self._marks
        # The mark before the oldest one that is young enough: what came between them is not too old yet.
        while len(marks) > 1 and marks[1][0] <= now - self.keep_s:
            marks.popleft()
        oldest = marks[0][1] if marks else 0
        return max(self.tail, oldest, -(-(self.head - self.limit_bytes) // PACKET) * PACKET)

    def let_go(self, tail: int) -> None:
        """Forget everything before `tail` and give its memory back."""
        self.tail = tail
        free_to = tail // GIVE_BACK_BYTES * GIVE_BACK_BYTES
        if free_to > self._given_back:
            with mmap.mmap(self.fd, free_to - self._given_back, offset=self._given_back) as pages:
                pages.madvise(mmap.MADV_REMOVE)
            self._given_back = free_to

    def read(self, position: int, size: int) -> bytes:
        """A copy of published bytes; short at the head, empty before the tail."""
        if position < self.tail:
            return b""
        return os.pread(self.fd, max(0, min(size, self.head - position)), position)

    def arrived_at(self, position: int) -> float | None:
        """When the byte at `position` arrived, to half a second; None when the ring has forgotten it."""
        index = bisect_right(self._marks, position, key=lambda mark: mark[1]) - 1
        return self._marks[index][0] if index >= 0 else None

    @property
    def kept_bytes(self) -> int:
        """Published bytes that can still be read."""
        return self.head - self.tail

    def close(self) -> None:
        """Give all memory back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
