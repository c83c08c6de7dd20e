"""A source's packets made to continue an output: its PIDs, its continuity counters, its clocks.

One `Rewriter` carries one source from its entry to its end. It works on whole parts (see `entries.Part`): counters and
PIDs by columns, clocks only in packets that carry one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from streaming.mpegts.columns import PidClasses
from streaming.mpegts.ending import End, pcr_lead
from streaming.mpegts.entries import Part, Unit
from streaming.mpegts.pace import Pace
from streaming.mpegts.packets import (
    CLOCK_HZ,
    CLOCK_MODULUS,
    NULL_PID,
    PACKET_SIZE,
    PAT_PID,
    PCR_MODULUS,
    PCR_PER_CLOCK,
    PesTimes,
    adaptation_flags,
    decode_pcr,
    difference,
    encode_pcr,
    pcr_difference,
    pcr_packet,
    starts_unit,
    write_pcr,
    write_timestamp,
)
from streaming.mpegts.psi import Codec, Programme, build_pat, build_pmt, packetise, recount
from streaming.mpegts.scte35 import shift_splice_times
from streaming.mpegts.seam import mark_entry
from streaming.mpegts.sent import Sent, SentLead, SentSound
from streaming.mpegts.sheet import PidMap, Sheet
from streaming.mpegts.sounds import OutputSound

#: A PCR of our own is written when the source gave none for so long.
PCR_MISSING_S = 0.4


@dataclass(slots=True)
class Start:
    """How a source begins: at which of its units, and how its clock becomes the output's."""

    #: Added to every clock of the source, 90 kHz.
    offset: int
    #: The entry's times as the source has them.
    entry: PesTimes
    #: The DTS the entry gets in the output.
    dts: int
    #: Units that are shown before the entry are dropped: what they refer to was never sent.
    drop_leading: bool = False
    #: Put before the entry when it does not say by itself that a sequence begins.
    end_of_sequence: bytes = b""
    #: The source was already being sent as it is: no entry is waited for, nothing begins.
    continues: bool = False
    #: How far the PCR is to run before the DTS, in 27 MHz units; None: as it did at the end of what was sent.
    pcr_lead: int | None = None


class _Lead(NamedTuple):
    """A unit of the lead track that is let through."""

    packet: int
    times: PesTimes | None
    natural_dts: int | None = None


@dataclass(slots=True)
class _Work:
    """What is gathered while a part is rewritten; packets are numbers in the part."""

    sheet: Sheet
    leads: list[_Lead] = field(default_factory=list)
    sounds: list[tuple[Unit, int, int]] = field(default_factory=list)
    pcrs: list[tuple[int, int]] = field(default_factory=list)
    silenced: set[int] = field(default_factory=set)


class Rewriter:
    """Makes one source continue the output."""

    def __init__(
        self,
        source: Programme,
        output: Programme,
        pairs: dict[int, int],
        start: Start,
        end: End,
        sounds: dict[int, OutputSound],
        counters: dict[int, int],
    ) -> None:
        self._start = start
        #: Nothing of the source has been sent yet.
        self._beginning = not start.continues
        self._leading = start.drop_leading
        self._dts = end.dts
        self._frame = end.frame
        self._pace = Pace(end.pcr)
        self._pcr_lead = pcr_lead(end) if start.pcr_lead is None else start.pcr_lead
        self._pcr_wanted = self._beginning
        #: The newest DTS sent, as a PCR; no PCR may come near it.
        self._ceiling: int | None = None
        self._source_pcr = end.pcr if start.continues else None
        self._sounds = sounds
        self._counters = counters
        self._previous: Part | None = None
        self._mapped: tuple[PidClasses, PidMap] | None = None
        #: Source PIDs whose packets are dropped until a unit is let through, and since which packet of the part.
        self._dropping: dict[int, int] = {}
        self._pairs: dict[int, int] = pairs if start.continues else {}
        self.relayout(source, output, pairs)
        if self._beginning:
            for sound in sounds.values():
                sound.source_begins(start.dts)

    def relayout(self, source: Programme, output: Programme, pairs: dict[int, int]) -> None:
        """From the next part on the source is laid out like this, and the output announced like that."""
        self._source, self._output = source, output
        self._lead_pid = source.lead.pid if source.lead else -1
        for pid in pairs:
            if pid != self._lead_pid and pid not in self._pairs:
                self._dropping.setdefault(pid, 0)
        self._pairs = pairs
        self._mapped = None
        self._scte35 = {track.pid for track in source.tracks if track.codec is Codec.SCTE35}
        self._tables = (
            (PAT_PID, PAT_PID, packetise(build_pat(output), PAT_PID, 0)),
            (source.pmt_pid, output.pmt_pid, packetise(build_pmt(output), output.pmt_pid, 0)),
        )
        for sound in self._sounds.values():
            sound.feed(fed=sound.pid in pairs.values())

    def drop_rest(self, sounds: Collection[int]) -> None:
        """The begun PES packets of these output PIDs were taken away: nothing of them may come after."""
        for source, out in self._pairs.items():
            if out in sounds:
                self._dropping.setdefault(source, 0)

    def process(self, part: Part, start: int, stop: int, open_sounds: set[int]) -> Sent:
        """Rewrite the packets `start` to before `stop` of the next part; the first one begins at the entry.

        The PES packets of `open_sounds` had not come whole.
        """
        if self._mapped is None or self._mapped[0] is not part.pids:
            self._mapped = part.pids, PidMap(part.pids.code_of, self._pairs)
        sheet = Sheet(part, start, stop, self._mapped[1])
        begins = self._beginning
        work = _Work(sheet)
        self._dropping = dict.fromkeys(self._dropping, start)
        self._put_tables(sheet)
        for unit in part.units:
            if start <= unit.packet < stop:
                self._unit(work, unit)
        for pid, since in self._dropping.items():
            sheet.drop(pid, since, stop)
        if self._output.pcr_pid != NULL_PID:
            self._clocks(work)
        if begins:
            rest = mark_entry(sheet.out, start * PACKET_SIZE, self._start.end_of_sequence)
            if rest:
                sheet.insert(start + 1, self._pairs[self._lead_pid], rest)
        for index in part.measured.flagged:
            # The output's clock and counters have no break here.
            sheet.out[index * PACKET_SIZE + 5] &= 0x7F
        counters = {pid: self._counters.get(pid, 15) for _, pid, _ in self._tables}
        sheet.renumber(self._counters, self._previous)
        self._previous = part
        return self._sent(work, counters, open_sounds)

    def _sent(self, work: _Work, counters: dict[int, int], open_sounds: set[int]) -> Sent:
        """The part's bytes and what is in them; `counters` are the tables' before it."""
        sheet, part = work.sheet, work.sheet.part
        sent = Sent(sheet.start, sheet.stop, sheet.assemble(), silenced=work.silenced)
        for lead in work.leads:
            position = part.position + lead.packet * PACKET_SIZE
            tables = partial(self._tables_at, sheet, lead.packet, counters)
            sent.leads.append(SentLead(position, sheet.offset_of(lead.packet), lead.times, lead.natural_dts, tables))
        for unit, pid, pts in work.sounds:
            sent.sounds.append(SentSound(pid, sheet.offset_of(unit.packet), pts, unit))
        sent.measure_sounds(part, {out: pid for pid, out in self._pairs.items() if out in open_sounds})
        sent.pcrs = [(sheet.offset_of(packet), pcr) for packet, pcr in work.pcrs]
        return sent

    def _tables_at(self, sheet: Sheet, packet: int, counters: dict[int, int]) -> bytes:
        return b"".join(
            recount(table, counters[pid] + sheet.inserted_until(packet, pid)) for _, pid, table in self._tables
        )

    # Tables and units -----------------------------------------------------------------------------------------

    def _put_tables(self, sheet: Sheet) -> None:
        """The output's own tables where the source has its own, and before its first packet."""
        if self._beginning:
            for _, pid, table in self._tables:
                sheet.insert(sheet.start, pid, table)
        columns, code_of = sheet.part.columns, sheet.part.pids.code_of
        for source_pid, pid, table in self._tables:
            if source_pid not in code_of:
                continue
            index = columns.classes.find(code_of[source_pid], sheet.start, sheet.stop)
            while index >= 0:
                if starts_unit(columns.block, index * PACKET_SIZE):
                    sheet.insert(index, pid, table)
                index = columns.classes.find(code_of[source_pid], index + 1, sheet.stop)

    def _unit(self, work: _Work, unit: Unit) -> None:
        out_pid = self._pairs.get(unit.pid)
        if out_pid is None:
            return
        if unit.pid == self._lead_pid:
            self._lead(work, unit)
        elif out_pid in self._sounds:
            self._sound(work, unit, self._sounds[out_pid])
        else:
            self._other(work.sheet, unit)

    def _lead(self, work: _Work, unit: Unit) -> None:
        if unit.times is None:
            if unit.pid not in self._dropping:
                work.leads.append(_Lead(unit.packet, None))
            return
        times = self._lead_times(unit.times)
        if times is None:
            self._dropping.setdefault(unit.pid, unit.packet)
            return
        self._let_through(work.sheet, unit)
        times = self._restamp(work.sheet, unit, times)
        self._dts = times.dts
        work.leads.append(_Lead(unit.packet, times, (unit.times.dts + self._start.offset) % CLOCK_MODULUS))
        for sound in self._sounds.values():
            silence = sound.keep_up(times.dts)
            if silence:
                work.sheet.insert(unit.packet, sound.pid, silence)
                work.silenced.add(sound.pid)

    def _lead_times(self, times: PesTimes) -> PesTimes | None:
        """The unit's times in the output; None when it is shown before the entry and must not be sent."""
        pts = (times.pts + self._start.offset) % CLOCK_MODULUS
        if self._beginning:
            self._beginning = False
            return PesTimes(pts, self._start.dts)
        if self._leading:
            if difference(times.pts, self._start.entry.pts) < 0:
                return None
            self._leading = False
        dts = (times.dts + self._start.offset) % CLOCK_MODULUS
        if self._dts is not None and difference(dts, self._dts) <= 0:
            # The source decodes further ahead of showing than the one before: its first pictures come close together.
            dts = (self._dts + max(self._frame // 3, 1)) % CLOCK_MODULUS
        return PesTimes(pts, dts if difference(pts, dts) >= 0 else pts)

    def _sound(self, work: _Work, unit: Unit, sound: OutputSound) -> None:
        if unit.times is None:
            return
        pts = (unit.times.pts + self._start.offset) % CLOCK_MODULUS
        if not sound.admit(pts, self._dts if self._dts is not None else pts):
            self._dropping.setdefault(unit.pid, unit.packet)
            return
        sheet = work.sheet
        sound.learn(unit.payload(sheet.part.columns.block))
        silence = sound.bridge(pts)
        if silence:
            sheet.insert(unit.packet, sound.pid, silence)
            work.silenced.add(sound.pid)
        self._let_through(sheet, unit)
        self._restamp(sheet, unit, PesTimes(pts, pts))
        sound.sent(pts)
        work.sounds.append((unit, sound.pid, pts))

    def _other(self, sheet: Sheet, unit: Unit) -> None:
        if unit.times is not None:
            offset = self._start.offset
            times = PesTimes((unit.times.pts + offset) % CLOCK_MODULUS, (unit.times.dts + offset) % CLOCK_MODULUS)
            if difference(times.pts, self._start.dts) < 0:
                self._dropping.setdefault(unit.pid, unit.packet)
                return
            self._restamp(sheet, unit, times)
        elif unit.pid in self._scte35:
            shift_splice_times(sheet.out, unit.packet * PACKET_SIZE, self._start.offset)
        self._let_through(sheet, unit)

    def _let_through(self, sheet: Sheet, unit: Unit) -> None:
        since = self._dropping.pop(unit.pid, None)
        if since is not None:
            sheet.drop(unit.pid, since, unit.packet)

    @staticmethod
    def _restamp(sheet: Sheet, unit: Unit, times: PesTimes) -> PesTimes:
        """Write the times over the source's; returns what stands there: without a DTS field it is the PTS."""
        out, at = sheet.out, unit.pes_at
        write_timestamp(out, at + 9, times.pts)
        if out[at + 7] & 0x40 and out[at + 8] >= 10:
            write_timestamp(out, at + 14, times.dts)
            return times
        return PesTimes(times.pts, times.pts)

    # The PCR --------------------------------------------------------------------------------------------------

    def _clocks(self, work: _Work) -> None:
        """Restamp the source's PCRs; write own ones where it has none or on another PID."""
        sheet = work.sheet
        pcrs = [(index, pcr) for index, pcr in sheet.part.measured.pcrs if sheet.start <= index < sheet.stop]
        leads = [(lead.packet, lead.times.dts) for lead in work.leads if lead.times is not None]
        in_place = self._pairs.get(self._source.pcr_pid) == self._output.pcr_pid
        for index, dts, pcr in _merged(leads, pcrs):
            if dts is not None:
                self._ceiling = dts * PCR_PER_CLOCK
            if pcr is not None:
                nominal = pcr + self._start.offset * PCR_PER_CLOCK
                if pcr == self._source_pcr and self._ceiling is not None:
                    # It stands still: the pictures' clock goes on.
                    nominal = self._ceiling - self._pcr_lead
                self._source_pcr = pcr
                own = not in_place or not sheet.is_kept(index)
            elif dts is not None and self._pcr_is_due(dts):
                nominal = dts * PCR_PER_CLOCK - self._pcr_lead
                own = True
            else:
                continue
            value = self._pace.stamp(nominal % PCR_MODULUS, self._ceiling)
            if own:
                sheet.insert(index, self._output.pcr_pid, pcr_packet(self._output.pcr_pid, 0, value))
            else:
                self._write_pcr(sheet, index, value)
            self._pcr_wanted = False
            work.pcrs.append((index, value))

    def _pcr_is_due(self, dts: int) -> bool:
        if self._pcr_wanted or self._pace.last is None:
            return True
        waited = pcr_difference((dts * PCR_PER_CLOCK - self._pcr_lead) % PCR_MODULUS, self._pace.last)
        return waited > PCR_MISSING_S * CLOCK_HZ * PCR_PER_CLOCK

    def _write_pcr(self, sheet: Sheet, index: int, value: int) -> None:
        at = index * PACKET_SIZE
        write_pcr(sheet.out, at, value)
        if adaptation_flags(sheet.out, at) & 0x08 and sheet.out[at + 4] >= 13:
            original = decode_pcr(sheet.out, at + 12) + self._start.offset * PCR_PER_CLOCK
            sheet.out[at + 12 : at + 18] = encode_pcr(original)


def _merged(leads: list[tuple[int, int]], pcrs: list[tuple[int, int]]) -> Iterator[tuple[int, int | None, int | None]]:
    """Units and PCRs in the order of their packets: packet, DTS, PCR."""
    dts_at, pcr_at = dict(leads), dict(pcrs)
    for index in sorted({*dts_at, *pcr_at}):
        yield index, dts_at.get(index), pcr_at.get(index)
