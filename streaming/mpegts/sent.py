"""A part on its way into the output, and the way of a source that needs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from streaming.mpegts.entries import Part, Unit
from streaming.mpegts.packets import PACKET_SIZE, PesTimes


class SentLead(NamedTuple):
    """A unit of the lead track as it stands in the output."""

    #: Of its first packet in the source, and offset of it in the pieces.
    source_position: int
    offset: int
    times: PesTimes | None
    #: The DTS it has by the source's own order, where the one in `times` was moved; None: it was not.
    natural_dts: int | None = None
    #: PAT and PMT to send before it; None: those the scanner made for it fit.
    tables: Callable[[], bytes] | None = None


class SentSound(NamedTuple):
    """A PES packet of a sound track as it stands in the output."""

    pid: int
    offset: int
    pts: int | None
    #: As it stands in the source.
    unit: Unit


@dataclass(slots=True)
class Sent:
    """What became of a part."""

    #: The part's packets that were dealt with: from this one to before that one.
    start: int
    stop: int
    #: The packets as they are sent.
    pieces: list[memoryview] = field(default_factory=list)
    leads: list[SentLead] = field(default_factory=list)
    sounds: list[SentSound] = field(default_factory=list)
    #: Per sound PID bytes still missing of the PES packet that began last, if one began here.
    missing: dict[int, int] = field(default_factory=dict)
    #: Per sound PID bytes that came for one that began earlier.
    more: dict[int, int] = field(default_factory=dict)
    #: Offset and value of PCRs.
    pcrs: list[tuple[int, int]] = field(default_factory=list)
    #: Sound PIDs that were given silence.
    silenced: set[int] = field(default_factory=set)

    def measure_sounds(self, part: Part, sources: dict[int, int]) -> None:
        """How much of each sound's newest PES packet is there; `sources`: those open before, output to source PID."""
        block = part.columns.block
        newest = {sound.pid: sound.unit for sound in self.sounds}
        for pid, unit in newest.items():
            length = block[unit.pes_at + 4] << 8 | block[unit.pes_at + 5] if unit.pes_at + 6 <= len(block) else 0
            received = part.payload_bytes(unit.pid, unit.packet, self.stop)
            self.missing[pid] = length + 6 - received if length else PACKET_SIZE
        for pid, source_pid in sources.items():
            if pid not in newest:
                self.more[pid] = part.payload_bytes(source_pid, self.start, self.stop)


class Passage:
    """Sends a source's packets as they are, and notes where the output's continuity counters stand."""

    def __init__(self, lead_pid: int, sound_pids: Iterable[int], counters: dict[int, int]) -> None:
        self._lead_pid = lead_pid
        self.sound_pids = set(sound_pids)
        self._counters = counters

    def process(self, part: Part, start: int, stop: int, open_sounds: set[int]) -> Sent:
        """The packets `start` to before `stop` of a part; the PES packets of `open_sounds` had not come whole."""
        sent = Sent(start, stop, [memoryview(part.columns.block)[start * PACKET_SIZE : stop * PACKET_SIZE]])
        for unit in part.units:
            if not start <= unit.packet < stop:
                continue
            offset = (unit.packet - start) * PACKET_SIZE
            if unit.pid == self._lead_pid:
                sent.leads.append(SentLead(part.position + unit.packet * PACKET_SIZE, offset, unit.times))
            elif unit.pid in self.sound_pids:
                sent.sounds.append(SentSound(unit.pid, offset, unit.times.pts if unit.times else None, unit))
        sent.measure_sounds(part, {pid: pid for pid in open_sounds})
        sent.pcrs = [((index - start) * PACKET_SIZE, pcr) for index, pcr in part.measured.pcrs if start <= index < stop]
        self._count(part, stop)
        return sent

    def _count(self, part: Part, stop: int) -> None:
        if stop == part.columns.count:
            for pid, code in part.pids.code_of.items():
                if code in part.measured.runs:
                    self._counters[pid] = part.measured.runs[code][1]
            return
        for pid, code in part.pids.code_of.items():
            index = part.columns.classes.rfind(code, 0, stop)
            if index >= 0:
                self._counters[pid] = part.columns.block[index * PACKET_SIZE + 3] & 0x0F
