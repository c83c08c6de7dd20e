"""How an output ends after a cut: what a join must continue, and what of the packets kept back may stay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from streaming.mpegts.packets import (
    PACKET_SIZE,
    PCR_HZ,
    PCR_PER_CLOCK,
    adaptation_flags,
    has_payload,
    payload_offset,
    pcr_difference,
    pid_of,
    read_pcr,
    starts_unit,
)

#: When nothing better is known: 25 pictures a second.
USUAL_FRAME = 3600


@dataclass(frozen=True, slots=True)
class End:
    """How the output ends after a cut: what a join must continue."""

    #: DTS of the last picture and the latest PTS; None when nothing was sent yet.
    dts: int | None
    shown: int | None
    frame: int
    pcr: int | None
    #: Per sound PID the PTS its next packet would have, and those whose last packet was taken away.
    sounds: dict[int, int] = field(default_factory=dict)
    shortened: set[int] = field(default_factory=set)
    #: Per PID in what was kept back the last continuity counter.
    counters: dict[int, int] = field(default_factory=dict)
    #: Old to new position of the packets that were kept back and remain.
    moves: dict[int, int] = field(default_factory=dict)


def last_counters(known: dict[int, int], pieces: Iterable[memoryview], pids: set[int]) -> dict[int, int]:
    """The last continuity counter of each of these PIDs: those in `pieces`, else those `known` before them.

    A source that breaks off often breaks its counters first; what players have seen is what counts.
    """
    found = {pid: counter for pid, counter in known.items() if pid in pids}
    for piece in pieces:
        data = bytes(piece)
        for at in range(0, len(data), PACKET_SIZE):
            if has_payload(data, at) and pid_of(data, at) in pids:
                found[pid_of(data, at)] = data[at + 3] & 0x0F
    return found


def without(held: bytes, base: int, announced: set[int], drop_from: dict[int, int], end: End) -> bytes:
    """The held packets without those of each PID from its position on, counters running on after `end.counters`.

    `base` is the position of the first. A PID of -1 stands for the PCR.
    """
    kept = bytearray()
    counters = end.counters
    for at in range(0, len(held), PACKET_SIZE):
        pid, position = pid_of(held, at), base + at
        if pid not in announced:
            continue
        counts = has_payload(held, at)
        counters.setdefault(pid, (held[at + 3] - counts) & 0x0F)
        if position >= drop_from.get(pid, position + 1):
            continue
        packet = bytearray(held[at : at + PACKET_SIZE])
        counters[pid] = (counters[pid] + counts) & 0x0F
        packet[3] = packet[3] & 0xF0 | counters[pid]
        if position >= drop_from.get(-1, position + 1) and read_pcr(packet, 0) is not None:
            packet[5:12] = bytes((packet[5] & 0xE0,)) + b"\xff" * 6
        end.moves[position] = base + len(kept)
        kept += packet
    return bytes(kept)


def last_unit_is_whole(held: bytes, pid: int) -> bool:
    """The last unit of a PID came whole: by its length, or because its last packet is filled up with stuffing."""
    starts = last = None
    received = 0
    for at in range(0, len(held), PACKET_SIZE):
        if pid_of(held, at) != pid or not has_payload(held, at):
            continue
        if starts_unit(held, at):
            starts, received = payload_offset(held, at), 0
        received += at + PACKET_SIZE - payload_offset(held, at)
        last = at
    if starts is None or last is None or starts + 6 > len(held):
        return False
    length = held[starts + 4] << 8 | held[starts + 5]
    return received >= length + 6 if length else _is_stuffed(held, last)


def _is_stuffed(data: bytes, at: int) -> bool:
    if not data[at + 3] & 0x20:
        return False
    flags = adaptation_flags(data, at)
    needed = 1 + 6 * bool(flags & 0x10) + 6 * bool(flags & 0x08) + bool(flags & 0x04)
    return not flags & 0x03 and (data[at + 4] == 0 or data[at + 4] > needed)


#: Where nothing was sent yet.
NOTHING_SENT = End(None, None, USUAL_FRAME, None)


def pcr_lead(end: End) -> int:
    """How far the PCR runs before the DTS at the end, in 27 MHz units, within reason."""
    if end.dts is None or end.pcr is None:
        return PCR_HZ // 2
    lead = pcr_difference(end.dts * PCR_PER_CLOCK, end.pcr)
    return min(max(lead, PCR_HZ // 20), 3 * PCR_HZ)
