"""Putting sources through a splicer as a relay does."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from streaming.mpegts.entries import Entry
from streaming.mpegts.packets import PACKET_SIZE, Buffer
from streaming.mpegts.psi import Programme, SectionAssembler, build_pmt, packetise, parse_pmt
from streaming.mpegts.splice import Output, Splicer
from tests.mpegts.analyser import Limits, Report, analyse
from tests.mpegts.material import packets


@dataclass
class Spliced:
    """What a player received, and what the splicer said about it."""

    splicer: Splicer = field(default_factory=Splicer)
    data: bytes = b""
    entries: list[Entry] = field(default_factory=list)

    def add(self, output: Output) -> None:
        """Publish as a relay does; positions must add up."""
        assert output.position == len(self.data)
        self.data += output.data
        self.entries += output.entries

    def feed(self, source: bytes, block: int = 200, now: float = 0.0) -> Spliced:
        """Some more of the present source, in blocks of so many packets."""
        for at in range(0, len(source), block * PACKET_SIZE):
            self.add(self.splicer.rewrite(source[at : at + block * PACKET_SIZE], now))
        return self

    def source(self, source: bytes, block: int = 200) -> Spliced:
        """A whole source from its beginning to its end."""
        self.splicer.begin()
        self.feed(source, block)
        self.add(self.splicer.cut())
        return self

    def shown_steps(self) -> set[int]:
        """Distances between pictures as they are shown, 90 kHz."""
        pts = sorted(self.report().video.pts)
        return {later - earlier for earlier, later in itertools.pairwise(pts)}

    def report(self, **limits: float) -> Report:
        """The analyser's judgement of all."""
        return analyse(self.data, Limits(**limits))


def spliced(*sources: bytes, block: int = 200) -> Spliced:
    """One source after the other, each to its end."""
    out = Spliced()
    for source in sources:
        out.source(source, block)
    return out


def part_of(data: bytes, start: float, stop: float = 1.0) -> bytes:
    """A piece of a stream, in shares of its packets."""
    count = len(data) // PACKET_SIZE
    return data[int(count * start) * PACKET_SIZE : int(count * stop) * PACKET_SIZE]


def pid(packet: Buffer) -> int:
    """PID of one packet."""
    return (packet[1] & 0x1F) << 8 | packet[2]


def with_pids(data: bytes, mapping: dict[int, int]) -> bytes:
    """The same stream on other PIDs, its tables saying so."""
    out = []
    for packet in packets(data):
        new = mapping.get(pid(packet), pid(packet))
        out.append(bytes((0x47, packet[1] & 0xE0 | new >> 8, new & 0xFF)) + packet[3:])
    return with_layout(
        b"".join(out),
        lambda old: Programme(
            old.number,
            old.pmt_pid,
            mapping.get(old.pcr_pid, old.pcr_pid),
            tuple(
                type(track)(
                    mapping.get(track.pid, track.pid), track.stream_type, track.codec, track.language, track.descriptors
                )
                for track in old.tracks
            ),
            old.version,
            old.transport_stream_id,
            old.info,
        ),
    )


def with_layout(data: bytes, change, start: int = 0) -> bytes:
    """The stream with its PMT changed by `change(programme)` from packet `start` on; PMTs of one packet only."""
    out = []
    for index, packet in enumerate(packets(data)):
        if pid(packet) == 0x1000 and index >= start:
            section = SectionAssembler().feed(packet, 0)[0]
            programme = change(parse_pmt(section, 0x1000))
            packet = packetise(build_pmt(programme), 0x1000, packet[3] & 15)
        out.append(packet)
    return b"".join(out)


def without(data: bytes, *pids: int) -> bytes:
    """The stream without the packets of some PIDs."""
    return b"".join(packet for packet in packets(data) if pid(packet) not in pids)
