"""Cuts a running transport stream into HLS segments: at keyframes where they come in time, never later than promised.

Pure: packets and entries in, segments out; the clock is handed in.
Source: RFC 8216 sections 3 and 4.3; ISO/IEC 13818-1 for the clocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streaming.mpegts.columns import Columns, PidClasses, counters_of, each
from streaming.mpegts.entries import Entry
from streaming.mpegts.packets import CLOCK_HZ, PACKET_SIZE, PesTimes, difference, payload_offset, pes_times, pid_of
from streaming.mpegts.psi import Programme

#: What a segment should last.
TARGET_S = 4.0
#: EXT-X-TARGETDURATION: never changes, and no EXTINF may round to more.
TARGET_DURATION = 6
_LONGEST_S = TARGET_DURATION + 0.4
_LONGEST_TO_KEYFRAME_S = TARGET_DURATION + 0.49
#: Shorter ones only where the time line breaks. Media sequence numbers begin from the clock by this length.
SHORTEST_S = 2.0
#: The lead track's clock going back, or so far ahead, is another time line.
_LEAP_S = 5.0
#: A segment that grows beyond this has lost its clock.
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CutSegment:
    """A finished segment: PAT, PMT, then media from a place where decoding can begin."""

    sequence: int
    data: bytes
    duration_s: float
    #: Its time line or layout does not continue that of the segment before.
    discontinuity: bool
    #: Wall time of its first picture, unix seconds; continuous between discontinuities.
    begins_at: float
    #: It begins with a keyframe. False when none came in time.
    independent: bool = True


@dataclass(slots=True)
class _Growing:
    """The segment that is being collected."""

    #: Of its first packet, in the stream's positions.
    position: int
    tables: bytes
    dts: int
    discontinuity: bool
    begins_at: float
    independent: bool
    layout: object


@dataclass(frozen=True, slots=True)
class _Unit:
    """A place in the lead track where a unit begins; `entry` when decoding can begin there."""

    position: int
    dts: int
    entry: Entry | None = None


def first_sequence(unix_s: float) -> int:
    """Where to begin counting, so that numbers never go back, not even after a restart."""
    return int(unix_s / SHORTEST_S)


class Cutter:
    """Feed it every block of a stream; it gives segments as they become complete.

    `sequence` is the number of the first segment (see `first_sequence`). The first segment of every cutter is marked as
    a discontinuity: who still knows an older list of the same address must not join the two. The first `short` of them
    may end after `SHORTEST_S`, so that a list comes sooner to have enough.
    """

    def __init__(self, sequence: int, *, short: int = 0) -> None:
        self._next_sequence = sequence
        self._short = short
        self._buffer = bytearray()
        self._buffer_at = 0
        self._segment: _Growing | None = None
        self._broken = True
        self._layout: object = None
        self._pids = PidClasses(())
        self._lead_pid: int | None = None
        self._last: _Unit | None = None
        self._newest_at: int | None = None
        self._frame = CLOCK_HZ // 25
        self._last_entry_dts: int | None = None
        self._entry_interval_s = 0.0

    def feed(
        self, block: bytes, position: int, entries: Sequence[Entry], programme: Programme | None, unix_s: float
    ) -> list[CutSegment]:
        """The segments that are complete with this block.

        Shape: `block` is whole packets and follows the block before; `position` is its first byte's and `entries` are
        what `EntryScanner.scan` found with it, both in the same positions.
        """
        if not self._buffer:
            self._buffer_at = position
        self._buffer += block
        self._learn(programme)
        done: list[CutSegment] = []
        for unit in self._units(block, position, entries):
            done.extend(self._pass(unit, unix_s))
            self._newest_at = max(unit.position, self._newest_at or 0)
        if len(self._buffer) > _MOST_BYTES:
            self._segment, self._broken, self._newest_at = None, True, None
        if self._segment is None:
            # The newest unit may turn out to be an entry only with the next block.
            self._drop(position if self._newest_at is None else self._newest_at)
        return done

    def mark_discontinuity(self) -> None:
        """What is fed from now on does not continue the time line: the next segment begins anew."""
        self._broken = True

    # What comes by -------------------------------------------------------------------------------------------

    def _learn(self, programme: Programme | None) -> None:
        """Note the layout; another one means another segment."""
        lead = programme.lead if programme else None
        if programme is None or lead is None:
            return
        layout = tuple((track.pid, track.codec) for track in programme.tracks)
        if layout == self._layout:
            return
        self._layout = layout
        if lead.pid != self._lead_pid:
            self._lead_pid = lead.pid
            self._pids = PidClasses((lead.pid,), units=(lead.pid,))

    def _units(self, block: bytes, position: int, entries: Sequence[Entry]) -> Iterator[_Unit]:
        """The lead track's units in this block in their order, with the entries, which may lie before the block."""
        found = {entry.position: _Unit(entry.position, entry.times.dts, entry) for entry in entries if entry.times}
        for index in each(Columns(block, self._pids).events) if self._lead_pid is not None else ():
            at = index * PACKET_SIZE
            times: PesTimes | None = pes_times(block, payload_offset(block, at), at + PACKET_SIZE)
            if times is not None:
                found.setdefault(position + at, _Unit(position + at, times.dts))
        return iter(sorted(found.values(), key=lambda unit: unit.position))

    def _pass(self, unit: _Unit, unix_s: float) -> Iterator[CutSegment]:
        """One unit begins: does a segment end here?"""
        segment, last = self._segment, self._last
        if segment is None or last is None:
            if unit.entry is not None and unit.position >= self._buffer_at:
                self._begin(unit, unix_s)
            return
        if unit.position <= segment.position:
            return
        late = unit.position <= last.position  # an entry that showed itself only now
        step = difference(unit.dts, last.dts)
        if not late and not 0 <= step <= _LEAP_S * CLOCK_HZ:
            self._broken = True
        broken = self._broken or segment.layout != self._layout
        if broken:
            yield from self._pass_break(segment, unit, unix_s)
        else:
            yield from self._pass_on(segment, last, unit, unix_s)
        if not late and not self._broken:
            self._frame = step or self._frame
        self._last = unit if not late else self._last

    def _pass_break(self, segment: _Growing, unit: _Unit, unix_s: float) -> Iterator[CutSegment]:
        """The time line or the layout is another one: end the segment, and begin again at the next entry."""
        assert self._last is not None
        elapsed = difference(self._last.dts, segment.dts) + self._frame
        if unit.position <= self._last.position:
            # It has been seen already, as no entry.
            elapsed = difference(unit.dts, segment.dts)
        if not self._broken and unit.entry is None and elapsed < _LONGEST_S * CLOCK_HZ:
            # The layout changes with a keyframe; until it comes the old one is still being sent.
            return
        yield self._finish(segment, unit.position, elapsed)
        self._broken = True
        self._segment = None
        if unit.entry is not None:
            self._begin(unit, unix_s)

    def _pass_on(self, segment: _Growing, last: _Unit, unit: _Unit, unix_s: float) -> Iterator[CutSegment]:
        elapsed_s = difference(unit.dts, segment.dts) / CLOCK_HZ
        if elapsed_s > (_LONGEST_TO_KEYFRAME_S if unit.entry is not None else _LONGEST_S):
            # No keyframe came in time: the unit before this one was the last place to keep the promise.
            finished = self._finish(segment, last.position, difference(last.dts, segment.dts))
            yield finished
            self._begin(last, unix_s, tables=with_counters(segment.tables, finished.data))
            elapsed_s = difference(unit.dts, last.dts) / CLOCK_HZ
        if unit.entry is not None and self._segment is not None:
            self._measure_interval(unit)
            if self._cuts_here(elapsed_s):
                yield self._finish(self._segment, unit.position, difference(unit.dts, self._segment.dts))
                self._begin(unit, unix_s)

    def _cuts_here(self, elapsed_s: float) -> bool:
        """A keyframe: end the segment when it is long enough, or when the next keyframe would come too late."""
        if elapsed_s >= (SHORTEST_S if self._short else TARGET_S) - 0.05:
            return True
        return elapsed_s >= SHORTEST_S and elapsed_s + self._entry_interval_s > _LONGEST_S

    def _measure_interval(self, unit: _Unit) -> None:
        if self._last_entry_dts is not None:
            self._entry_interval_s = difference(unit.dts, self._last_entry_dts) / CLOCK_HZ
        self._last_entry_dts = unit.dts

    # Segments -------------------------------------------------------------------------------------------------

    def _begin(self, unit: _Unit, unix_s: float, tables: bytes = b"") -> None:
        before = self._segment
        begins_at = unix_s
        if before is not None and not self._broken:
            begins_at = before.begins_at + difference(unit.dts, before.dts) / CLOCK_HZ
        if unit.entry is not None and self._broken:
            self._last_entry_dts = unit.dts
        self._drop(unit.position)
        self._segment = _Growing(
            position=unit.position,
            tables=unit.entry.tables if unit.entry is not None else tables,
            dts=unit.dts,
            discontinuity=self._broken,
            begins_at=begins_at,
            independent=unit.entry is not None and unit.entry.access.is_entry,
            layout=self._layout,
        )
        self._broken = False
        self._last = unit

    def _finish(self, segment: _Growing, end: int, elapsed: int) -> CutSegment:
        media = bytes(self._buffer[segment.position - self._buffer_at : end - self._buffer_at])
        finished = CutSegment(
            sequence=self._next_sequence,
            data=segment.tables + media,
            duration_s=elapsed / CLOCK_HZ,
            discontinuity=segment.discontinuity,
            begins_at=segment.begins_at,
            independent=segment.independent,
        )
        self._next_sequence += 1
        self._short = max(0, self._short - 1)
        return finished

    def _drop(self, before: int) -> None:
        """Forget the packets before a position."""
        if before > self._buffer_at:
            del self._buffer[: before - self._buffer_at]
            self._buffer_at = before


def with_counters(tables: bytes, before: bytes) -> bytes:
    """The same PAT and PMT packets with continuity counters that fit behind `before`: a repeat of what stood there."""
    pids = list(dict.fromkeys(pid_of(tables, at) for at in range(0, len(tables), PACKET_SIZE)))
    classes = PidClasses(pids)
    counters = Columns(before, classes).counters()
    written = bytearray(tables)
    for pid in pids:
        seen = counters_of(counters, classes.code_of[pid])
        own = [at for at in range(0, len(tables), PACKET_SIZE) if pid_of(tables, at) == pid]
        for back, at in enumerate(reversed(own)):
            written[at + 3] = written[at + 3] & 0xF0 | (seen[-1] - back) & 0x0F
    return bytes(written)
