"""The cutting room: one thread in which the segments of all channels are cut from what is published, and written.

The loop hands blocks over and is told of what was published; disks never hold it up. No Django, no Redis.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from streaming.hls.changes import Form
from streaming.hls.cutter import CutSegment, Cutter, first_sequence
from streaming.hls.shelf import Numbers, Shelf, empty, left_behind
from streaming.hls.window import LEAST_SEGMENTS
from streaming.mpegts.entries import Entry, EntryScanner
from streaming.mpegts.packets import PACKET_SIZE
from streaming.relay.loop import TickLoop

logger = logging.getLogger(__name__)

#: More than this may not wait for a disk: then the channel's list begins anew.
MOST_WAITING_BYTES = 64 * 1024 * 1024
#: A folder in which nothing happened for so long belongs to a process that died.
STALE_S = 60.0
_SWEEP_EVERY_S = 30.0
_TOUCH_EVERY_S = 10.0
#: Shorter segments say nothing about the bit rate.
_TELLING_S = 1.0

Job = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Published:
    """A channel's list after one more segment."""

    text: str
    #: Media time of what is listed.
    listed_s: float
    #: The highest bit rate of a segment so far.
    peak_bps: int


class CuttingRoom:
    """The thread and the folder. `start` before use, `close` at the end."""

    def __init__(self, folder: Path, loop: TickLoop, wall: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.loop = loop
        self.wall = wall
        #: Folder names of channels that are being cut; and where each list that ended had come to. The thread's.
        self.open: set[str] = set()
        self.numbers: dict[str, Numbers] = {}
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="relay-cutting", daemon=True)

    def start(self) -> None:
        """Begin; what dead processes left is removed."""
        self._thread.start()

    def close(self) -> None:
        """End after what was posted before; a disk that hangs is left behind."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(1.0)

    def post(self, job: Job) -> None:
        """Have it done in the thread, in order. It must raise nothing but what is a defect."""
        self._jobs.put(job)

    def _run(self) -> None:
        self._guarded(self._sweep)
        while True:
            try:
                job = self._jobs.get(timeout=_SWEEP_EVERY_S)
            except queue.Empty:
                job = self._sweep
            if job is None:
                return
            self._guarded(job)

    def _guarded(self, job: Job) -> None:
        try:
            job()
        except Exception:
            # The boundary of the thread: a defect in one channel must not end the others'.
            logger.exception("Cutting segments: a step failed")

    def _sweep(self) -> None:
        """Remove the folders of channels that nobody cuts any more."""
        try:
            stale = [
                one
                for one in self.folder.iterdir()
                if one.is_dir() and one.name not in self.open and self.wall() - one.stat().st_mtime > STALE_S
            ]
            for one in stale:
                empty(one)
        except FileNotFoundError:
            # No channel was ever cut, or another relay of this machine swept at the same time.
            return
        except OSError as err:
            logger.warning("Old segments cannot be removed: %s", err)


class Cutting:
    """One channel being cut. `published` and `failed` are called in the loop; everything else is the loop's to call."""

    def __init__(
        self, room: CuttingRoom, key: str, published: Callable[[Published], None], failed: Callable[[str], None]
    ) -> None:
        self._room = room
        self._key = key
        self._published = published
        self._failed = failed
        self._fed_bytes = 0
        self._line: _Line | None = None
        self._broken = self._skipped = False
        self._latest: Published | None = None
        self._backlog_bytes = math.inf
        room.post(self._open)

    def feed(self, block: bytes, unix_s: float) -> None:
        """The next published block, and when it was. What a disk does not take in time is left out."""
        line = self._line
        waiting_bytes = self._fed_bytes - (line.done_bytes if line is not None else 0)
        if waiting_bytes > MOST_WAITING_BYTES:
            self._skipped = True
        elif _is_filler(block):
            # A channel whose source is lost has nothing to cut, and is no leftover all the same.
            self._room.post(lambda: self._cut(b"", unix_s))
        else:
            self._fed_bytes += len(block)
            skipped, self._skipped = self._skipped, False
            self._room.post(lambda: self._cut(block, unix_s, skipped=skipped))

    def live(self) -> None:
        """What was fed so far is the past: nothing is told before all of it is cut."""
        self._backlog_bytes = self._fed_bytes

    def end(self, *, keep: bool) -> None:
        """Nothing more comes. Its files go, unless somebody may still be playing them."""
        self._room.post(lambda: self._close(keep=keep))

    # --- in the room's thread -----------------------------------------------------------------------------------

    def _open(self) -> None:
        room, name = self._room, folder_of(self._key)
        room.open.add(name)
        folder = room.folder / name
        before = max(left_behind(folder), room.numbers.get(name, Numbers()))
        try:
            shelf = Shelf(folder, before.discontinuities)
        except OSError as err:
            self._fail(err)
            return
        self._line = _Line(shelf, max(first_sequence(room.wall()), before.sequence))

    def _cut(self, block: bytes, unix_s: float, *, skipped: bool = False) -> None:
        line = self._line
        if line is None or self._broken:
            return
        if skipped:
            line.skip()
        try:
            for published in line.take(block, unix_s):
                self._latest = published
        except OSError as err:
            self._fail(err)
            return
        if self._latest is not None and line.done_bytes >= self._backlog_bytes:
            self._room.loop.call(self._published, self._latest)
            self._latest = None

    def _close(self, *, keep: bool) -> None:
        room, name = self._room, folder_of(self._key)
        room.open.discard(name)
        if self._line is None:
            return
        shelf = self._line.shelf
        room.numbers[name] = max(room.numbers.get(name, Numbers()), shelf.numbers)
        try:
            if not keep:
                shelf.clear()
        except OSError as err:
            logger.warning("The segments of %s cannot be removed: %s", name, err)

    def _fail(self, err: OSError) -> None:
        self._broken = True
        logger.error("The segments of %s cannot be written: %s", self._key, err)
        self._room.loop.call(self._failed, f"segments cannot be written: {err.strerror or err}")


class _Line:
    """Blocks in, files out."""

    def __init__(self, shelf: Shelf, sequence: int) -> None:
        self.shelf = shelf
        self.done_bytes = 0
        self._scanner = EntryScanner()
        self._cutter = Cutter(sequence, short=LEAST_SEGMENTS)
        self._form = Form()
        self._position = 0
        self._before = b""
        self._peak_bps = 0
        self._touched_at = 0.0

    def skip(self) -> None:
        """Something was left out: what comes does not continue what came."""
        self._cutter.mark_discontinuity()

    def take(self, block: bytes, unix_s: float) -> Iterator[Published]:
        """Cut a block; says what was published. Raises OSError."""
        entries = self._scanner.scan(block, self._position, unix_s).entries
        done: list[CutSegment] = []
        start = 0
        for at in self._changes(block, entries):
            if at > start:
                done += self._feed(block, start, at, entries, unix_s)
            self._cutter.mark_discontinuity()
            start = at
        done += self._feed(block, start, len(block), entries, unix_s)
        self._position += len(block)
        self._before = block
        self.done_bytes += len(block)
        for segment in done:
            self.shelf.put(segment)
            if segment.duration_s >= _TELLING_S:
                self._peak_bps = max(self._peak_bps, int(len(segment.data) * 8 / segment.duration_s))
            window = self.shelf.window
            yield Published(window.text(), sum(one.duration_s for one in window.listed), self._peak_bps)
        if unix_s - self._touched_at > _TOUCH_EVERY_S:
            self._touched_at = unix_s
            self.shelf.touch()

    def _changes(self, block: bytes, entries: list[Entry]) -> list[int]:
        """Where in the block the picture begins to be coded otherwise."""
        programme = self._scanner.programme
        lead = programme.lead if programme is not None else None
        if lead is None:
            return []
        changes = []
        for entry in entries:
            at = entry.position - self._position
            # It may have begun in the block before, and shown itself only now.
            whole, begins = (block, at) if at >= 0 else (self._before + block, at + len(self._before))
            if begins >= 0 and self._form.changes(whole, begins, lead):
                changes.append(max(at, 0))
        return changes

    def _feed(self, block: bytes, start: int, stop: int, entries: list[Entry], unix_s: float) -> list[CutSegment]:
        first = self._position + start if start else 0
        among = [entry for entry in entries if first <= entry.position < self._position + stop]
        piece = block if stop - start == len(block) else block[start:stop]
        return self._cutter.feed(piece, self._position + start, among, self._scanner.programme, unix_s)


def folder_of(key: str) -> str:
    """The folder of a relay key's segments, under that of all."""
    return key.replace(":", "-").replace("/", "-")


def _is_filler(block: bytes) -> bool:
    """Nothing but null packets, which keep sockets awake and are worth nothing in a file."""
    count = len(block) // PACKET_SIZE
    return block[1::PACKET_SIZE].count(0x1F) == count and block[2::PACKET_SIZE].count(0xFF) == count
