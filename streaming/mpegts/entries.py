"""Reads blocks of packets as they pass: where a viewer can begin, with what tables, and how the stream is doing.

One `EntryScanner` reads one stream, each block once. It costs some microseconds per block and per picture and nothing
per packet (see `columns`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from streaming.mpegts.access import Access, judge_of
from streaming.mpegts.columns import Columns, PidClasses, each, pid_classes
from streaming.mpegts.packets import (
    CLOCK_HZ,
    PACKET_SIZE,
    PAT_PID,
    START_CODE,
    PesTimes,
    difference,
    is_duplicate,
    payload_offset,
    pes_header_length,
    pes_times,
    starts_unit,
)
from streaming.mpegts.psi import Codec, Kind, Programme, Track
from streaming.mpegts.statistics import JUMP, Measured, Meter, Statistics
from streaming.mpegts.tables import TableWatch

#: A unit that has not shown its picture within so many packets is no entry. x265 writes 2.5 KB about itself first.
UNDECIDED_PACKETS = 32
#: Without an entry for so long, a viewer may begin at parameter sets, and so much later anywhere.
LONG_GOP_S = 12.0
ANYWHERE_S = 14.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A place where a viewer can begin."""

    #: Of the unit's first packet, in the positions `scan` was given.
    position: int
    #: The packets to send before it: PAT, then PMT, with continuity counters that fit what follows.
    tables: bytes
    #: Of the picture, or of the sound of a radio; None when its PES packet has no clock.
    times: PesTimes | None
    access: Access

    @property
    def pts(self) -> int | None:
        """Presentation time, 90 kHz."""
        return self.times.pts if self.times else None

    @property
    def dts(self) -> int | None:
        """Decoding time, 90 kHz."""
        return self.times.dts if self.times else None


@dataclass(slots=True)
class Scan:
    """What one block held."""

    entries: list[Entry]
    #: The layout was understood for the first time, or changed, within this block.
    programme_changed: bool = False


class Unit(NamedTuple):
    """A PES packet that begins in a part."""

    #: Number of its first packet within the part.
    packet: int
    pid: int
    #: Offset of its start code in the part's block.
    pes_at: int
    times: PesTimes | None

    def payload(self, block: bytes) -> bytes:
        """What its first packet holds of its content; empty when that is not even its whole header."""
        end = (self.packet + 1) * PACKET_SIZE
        length = pes_header_length(block, self.pes_at, end)
        return b"" if length is None else block[self.pes_at + length : end]


@dataclass(slots=True)
class Part:
    """A block, or as much of it as is read under one layout, with all that was found in it."""

    position: int
    columns: Columns
    pids: PidClasses
    #: Those of the programme's tracks, in their order.
    units: list[Unit] = field(default_factory=list)
    #: Those that have shown themselves; the newest unit of the part before may be among them.
    entries: list[Entry] = field(default_factory=list)
    measured: Measured = field(default_factory=Measured)
    #: The layout after this part, if it is another: the part's last packet said so.
    programme: Programme | None = None

    def payload_bytes(self, pid: int, start: int, stop: int) -> int:
        """How many bytes `payloads` spans."""
        return sum(end - begin for begin, end in self.payloads(pid, start, stop))

    def payloads(self, pid: int, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Where the payload begins and ends in each packet of a PID from packet `start` to before `stop`."""
        code = self.pids.code_of.get(pid)
        if code is None:
            return
        block = self.columns.block
        index = self.columns.classes.find(code, start, stop)
        while index >= 0:
            at = index * PACKET_SIZE
            # Few packets have anything but payload.
            yield (at + 4 if block[at + 3] & 0x30 == 0x10 else payload_offset(block, at)), at + PACKET_SIZE
            index = self.columns.classes.find(code, index + 1, stop)


@dataclass(slots=True)
class _Pending:
    """A unit of the lead track that has not shown its picture yet."""

    position: int
    tables: bytes
    payload: bytes
    times: PesTimes | None
    packets: int = 1


class EntryScanner:
    """Finds entries and keeps statistics of one stream of whole packets.

    `programme_number` chooses one of several programmes; without it the first with a picture is taken, or the first
    with sound when none has one.
    """

    def __init__(self, programme_number: int | None = None) -> None:
        self._tables = TableWatch(programme_number)
        self._meter = Meter()
        self._table_pids: tuple[int, ...] = (PAT_PID,)
        self._roles: dict[int, Kind] = {}
        self._pids = pid_classes((PAT_PID,), every=(PAT_PID,))
        self._programme: Programme | None = None
        self._lead: Track | None = None
        self._lead_pid = -1
        self._judge = judge_of(Codec.UNKNOWN)
        self._newest_units: dict[int, bytes] = {}
        self._unit: _Pending | None = None
        self._lead_dts: int | None = None
        #: The lead track's usual step of DTS; 0 until known. One that is this long is a hole.
        self._usual_step = 0
        self._hole = 0
        self._shows = False
        self._waiting_since: int | None = None
        self._entered_at: int | None = None
        self._now = 0.0

    @property
    def statistics(self) -> Statistics:
        """What passed so far. One live object: copy what is to be compared later."""
        return self._meter.statistics

    @property
    def programme(self) -> Programme | None:
        """The layout of the programme that is relayed; None until its tables have come."""
        return self._tables.programme

    @property
    def programmes(self) -> int:
        """How many programmes the stream's PAT announces."""
        return self._tables.programmes

    @property
    def tables(self) -> bytes:
        """The newest PAT and PMT packets; empty until both have come."""
        return self._tables.packets

    @property
    def undecided(self) -> int | None:
        """Position of the newest unit of the lead track while nobody knows yet whether it is an entry."""
        return self._unit.position if self._unit else None

    def scan(self, block: bytes | bytearray | memoryview, position: int, now: float = 0.0) -> Scan:
        """Read the next block of whole packets, whose first byte has the given position.

        Shape: blocks follow each other; entries come in the order of their positions, and one may lie in an earlier
        block when its picture shows itself only in this one. `now` is the caller's clock in seconds.
        """
        scan = Scan([])
        for part in self.parts(block, position, now):
            scan.entries += part.entries
            scan.programme_changed |= part.programme is not None
        return scan

    def parts(self, block: bytes | bytearray | memoryview, position: int, now: float = 0.0) -> Iterator[Part]:
        """As `scan`, with everything that was found, part by part; all parts are to be taken."""
        data = block if isinstance(block, bytes) else bytes(block)
        if len(data) % PACKET_SIZE:
            raise ValueError(f"a block of {len(data)} bytes is no whole number of packets")
        self._now = now
        start = 0
        while start < len(data):
            part = self._read(data[start:] if start else data, position + start)
            start += len(part.columns.block)
            yield part

    # One block ------------------------------------------------------------------------------------------------

    def _read(self, data: bytes, position: int) -> Part:
        """Read to the end, or to and with the table after which the rest must be read otherwise."""
        pids = self._pids
        part = Part(position, Columns(data, pids), pids)
        if self._unit is not None:
            self._go_on(self._unit, part, -1)
        tables, lead = self._table_pids, self._lead_pid
        for index in each(part.columns.events):
            at = index * PACKET_SIZE
            pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
            if pid == lead:
                self._start_lead(part, index, pid)
            elif pid not in tables:
                self._start_other(part, index, pid)
            elif self._tables.feed(data, at, pid):
                part.columns = Columns(data[: at + PACKET_SIZE], pids)
                part.programme = self._learn()
                break
        self.statistics.psi_changes = self._tables.changes
        self.statistics.damaged_tables = self._tables.damaged
        part.measured = self._meter.count(part.columns, pids, position, self._now)
        return part

    def _learn(self) -> Programme | None:
        """Look for what the tables say now; returns the programme's layout if it is another than before."""
        programme = self._tables.programme
        tracks = programme.tracks if programme else ()
        order = (Kind.VIDEO, Kind.AUDIO, Kind.DATA, Kind.SUBTITLES)
        pids = [track.pid for track in sorted(tracks, key=lambda track: order.index(track.kind))]
        self._table_pids = self._tables.pids
        if programme is not None:
            # Other programmes' tables are of no interest any more.
            self._table_pids = (PAT_PID, programme.pmt_pid)
            pids.insert(0, programme.pcr_pid)
        self._pids = pid_classes(
            (*self._table_pids, *pids), units=tuple(track.pid for track in tracks), every=self._table_pids
        )
        if programme is None or programme == self._programme:
            return None
        self._programme = programme
        self._roles = {track.pid: track.kind for track in tracks}
        self._lead = programme.lead
        if self._lead is not None:
            self._lead_pid, self._judge = self._lead.pid, judge_of(self._lead.codec)
            self._shows = self._lead.kind is Kind.VIDEO
        self._unit = None
        self._meter.learn(programme)
        return programme

    # Units ----------------------------------------------------------------------------------------------------

    def _start_unit(self, part: Part, index: int, pid: int) -> Unit | None:
        """A PES packet begins; None when it is one sent twice."""
        block, at = part.columns.block, index * PACKET_SIZE
        end, flags = at + PACKET_SIZE, block[at + 3]
        packet = block[at:end]
        before = self._newest_units.get(pid)
        if before is not None and before[3] == flags and is_duplicate(packet, before):
            return None
        self._newest_units[pid] = packet
        start = at + 4 if flags & 0x30 == 0x10 else payload_offset(block, at)
        unit = Unit(index, pid, start, pes_times(block, start, end))
        part.units.append(unit)
        return unit

    def _start_other(self, part: Part, index: int, pid: int) -> None:
        unit = self._start_unit(part, index, pid)
        if unit is not None and unit.times is not None and self._roles.get(pid) is Kind.AUDIO:
            self._meter.audio(unit.times.pts, self._now)

    def _start_lead(self, part: Part, index: int, pid: int) -> None:
        started = self._start_unit(part, index, pid)
        if started is None:
            return
        if self._unit is not None:
            self._decide(self._unit, part, all_there=True)
            self._unit = None
        self._meter.statistics.units += 1
        at = index * PACKET_SIZE
        payload = part.columns.block[started.pes_at : at + PACKET_SIZE]
        if started.times is not None and 9 + payload[8] <= len(payload):
            # Most show what they are in their first packet.
            access = self._judge(payload[9 + payload[8] :])
            if access is not Access.UNDECIDED:
                self._decided(access, started.times, part, part.position + at, b"")
                return
        unit = _Pending(part.position + at, b"", payload, started.times)
        if not self._decide(unit, part):
            unit.tables = self._tables.packets
            self._unit = unit
            self._go_on(unit, part, index)

    def _go_on(self, unit: _Pending, part: Part, index: int) -> None:
        """Add the packets of the lead track that follow packet `index` until the unit shows what it is."""
        assert self._lead is not None
        columns = part.columns
        code = part.pids.code_of.get(self._lead.pid, -1)
        index = columns.classes.find(code, index + 1)
        while index >= 0:
            at = index * PACKET_SIZE
            if starts_unit(columns.block, at):
                return
            unit.payload += columns.block[payload_offset(columns.block, at) : at + PACKET_SIZE]
            unit.packets += 1
            if self._decide(unit, part):
                self._unit = None
                return
            index = columns.classes.find(code, index + 1)

    def _decide(self, unit: _Pending, part: Part, *, all_there: bool = False) -> bool:
        """Judge what is there of a unit of the lead track; False when more of it is needed."""
        payload = unit.payload
        all_there |= unit.packets >= UNDECIDED_PACKETS
        header = pes_header_length(payload, 0, len(payload))
        if header is None:
            return all_there or payload[:3] != START_CODE[: len(payload)]
        access = self._judge(payload[header:])
        if access is Access.UNDECIDED and not all_there:
            return False
        times = unit.times or pes_times(payload, 0, len(payload))
        self._decided(access, times, part, unit.position, unit.tables)
        return True

    def _decided(self, access: Access, times: PesTimes | None, part: Part, position: int, tables: bytes) -> None:
        if times is not None:
            self._clock(times)
        if self._enterable(access, times):
            part.entries.append(Entry(position, tables or self._tables.packets, times, access))
            self._meter.statistics.entries += 1

    def _clock(self, times: PesTimes) -> None:
        """The lead track's clock has come to here."""
        statistics, dts = self._meter.statistics, times.dts
        if self._lead_dts is not None:
            step = dts - self._lead_dts
            if not 0 < step < self._hole:
                step = self._irregular(difference(dts, self._lead_dts))
            if step > 0:
                self._usual_step, self._hole = step, min(2 * step, JUMP)
        self._lead_dts = dts
        if self._waiting_since is None:
            self._waiting_since = dts
        if self._shows:
            # As `Meter.video`, without the call.
            if dts != statistics.video_dts:
                statistics.video_dts, statistics.video_moved_at = dts, self._now
        else:
            self._meter.audio(times.pts, self._now)

    def _irregular(self, step: int) -> int:
        """A step that is none of the usual; returns the new usual one, 0: it stays."""
        statistics = self._meter.statistics
        if abs(step) > JUMP:
            statistics.time_jumps += 1
            self._waiting_since = self._entered_at = None
            return 0
        if self._usual_step and step >= 2 * self._usual_step:
            statistics.holes += 1
            return 0
        return step

    def _enterable(self, access: Access, times: PesTimes | None) -> bool:
        """A viewer may begin here: at a real entry, or when none came for long, at the next best."""
        statistics = self._meter.statistics
        if access.is_entry:
            if times is not None:
                if self._entered_at is not None:
                    statistics.keyframe_interval_s = difference(times.dts, self._entered_at) / CLOCK_HZ
                self._entered_at = self._waiting_since = times.dts
            statistics.long_gop = False
            return True
        if times is None or self._waiting_since is None:
            return False
        if 0 <= times.dts - self._waiting_since < LONG_GOP_S * CLOCK_HZ:
            return False
        waited_s = difference(times.dts, self._waiting_since) / CLOCK_HZ
        if waited_s >= ANYWHERE_S or (waited_s >= LONG_GOP_S and access is Access.PARAMETERS):
            statistics.long_gop = True
            # The next of this kind is a while off: they are no good places, just better than none.
            self._waiting_since = times.dts - round((LONG_GOP_S - 1) * CLOCK_HZ)
            return True
        return False
