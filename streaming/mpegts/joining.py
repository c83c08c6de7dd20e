"""Waiting for the place where a new source can take over, and computing how its clock becomes the output's."""

from __future__ import annotations

from streaming.mpegts.access import Access
from streaming.mpegts.ending import End
from streaming.mpegts.entries import Entry, Part
from streaming.mpegts.packets import CLOCK_MODULUS, PACKET_SIZE, PesTimes, difference
from streaming.mpegts.psi import Codec
from streaming.mpegts.rewrite import Start
from streaming.mpegts.seam import END_OF_SEQUENCE

#: So many pictures after an open entry are looked at for one that is shown after it.
MOST_LEADING = 16


class Joining:
    """Collects a source's parts until one of them holds an entry that can be joined at."""

    def __init__(self, lead_pid: int) -> None:
        self._lead_pid = lead_pid
        self._waiting: list[tuple[Part, int]] = []
        #: When found: the entry, and when it is to be decoded by the source's clock.
        self.entry: Entry
        self.dts = 0

    @property
    def needed_from(self) -> int | None:
        """Position of the oldest packet that may still be needed; None: none is."""
        return self._waiting[0][0].position if self._waiting else None

    def take(self, part: Part, start: int, undecided: int | None) -> list[tuple[Part, int]] | None:
        """One more part, from packet `start` on. When an entry is found: the parts from it on, with their starts.

        `undecided` is the position of the unit that may still turn out to be an entry.
        """
        self._waiting.append((part, start))
        entry = self._first_entry()
        if entry is None:
            self._forget_before(undecided)
            return None
        dts = self._start_dts(entry)
        if dts is None:
            return None
        self.entry, self.dts = entry, dts
        self._forget_before(entry.position)
        first = self._waiting[0][0]
        begin = (entry.position - first.position) // PACKET_SIZE
        return [(first, begin), *((part, 0) for part, _ in self._waiting[1:])]

    def _start_dts(self, entry: Entry) -> int | None:
        """The entry's DTS as it would be without the pictures after it that are shown before it.

        Those are dropped at a join: they refer to pictures that were never sent. The entry is decoded later by their
        time, so that no hole remains. None when more of the source is needed to tell.
        """
        assert entry.times is not None
        if entry.access is not Access.OPEN:
            return entry.times.dts
        for leading, times in enumerate(self._times_after(entry)):
            if difference(times.pts, entry.times.pts) > 0 or leading == MOST_LEADING:
                frame = difference(times.dts, entry.times.dts) // (leading + 1)
                dts = (times.dts - frame) % CLOCK_MODULUS
                return dts if difference(entry.times.pts, dts) >= 0 else entry.times.pts
        return None

    def _first_entry(self) -> Entry | None:
        begin = self._waiting[0][0].position + self._waiting[0][1] * PACKET_SIZE
        entries = (entry for part, _ in self._waiting for entry in part.entries)
        return next((entry for entry in entries if entry.times is not None and entry.position >= begin), None)

    def _times_after(self, entry: Entry) -> list[PesTimes]:
        return [
            unit.times
            for part, _ in self._waiting
            for unit in part.units
            if unit.pid == self._lead_pid
            and unit.times is not None
            and part.position + unit.packet * PACKET_SIZE > entry.position
        ]

    def _forget_before(self, position: int | None) -> None:
        def is_needed(part: Part) -> bool:
            return position is not None and part.position + len(part.columns.block) > position

        self._waiting = [(part, start) for part, start in self._waiting if is_needed(part)]


def start_at(entry: Entry, dts: int, end: End, codec: Codec) -> Start:
    """How a source that begins at this entry, decoded at `dts` by its own clock, continues an output that ends so.

    One offset serves all clocks. It puts the entry's picture one frame behind the last picture shown. When both sources
    decode equally far ahead of showing, which is the rule, the entry is thereby decoded exactly one frame after the
    last picture too.
    """
    assert entry.times is not None
    start = Start(0, entry.times, dts)
    start.drop_leading = entry.access is Access.OPEN
    if start.drop_leading:
        start.end_of_sequence = END_OF_SEQUENCE.get(codec, b"")
    if end.dts is None or end.shown is None:
        return start
    start.offset = (end.shown + end.frame - entry.times.pts) % CLOCK_MODULUS
    start.dts = (dts + start.offset) % CLOCK_MODULUS
    if difference(start.dts, end.dts) <= 0:
        start.dts = (end.dts + max(end.frame // 3, 1)) % CLOCK_MODULUS
    return start
