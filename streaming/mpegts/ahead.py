"""What must be taken out of what is kept back: what went on without the pictures before a cut, and broken sound."""

from __future__ import annotations

from collections.abc import Collection

from streaming.mpegts.packets import (
    CLOCK_HZ,
    NULL_PACKET,
    PACKET_SIZE,
    PCR_PER_CLOCK,
    Buffer,
    difference,
    has_payload,
    payload_offset,
    pcr_difference,
    pes_times,
    pid_of,
    read_pcr,
    starts_unit,
)

#: Sound that is further ahead of the last picture went on without the pictures.
AHEAD_S = 0.5


def clocks_ahead(held: Buffer, dts: int) -> int | None:
    """Offset of the first packet whose PCR is past a picture decoded at `dts`."""
    for at in range(0, len(held), PACKET_SIZE):
        pcr = read_pcr(held, at)
        if pcr is not None and pcr_difference(pcr, dts * PCR_PER_CLOCK) > 0:
            return at
    return None


def sounds_ahead(held: Buffer, pids: Collection[int], shown: int) -> dict[int, tuple[int, int]]:
    """Per sound PID offset and PTS of its first PES packet that is heard well after a picture shown at `shown`."""
    found: dict[int, tuple[int, int]] = {}
    for at in range(0, len(held), PACKET_SIZE):
        pid = pid_of(held, at)
        if pid not in pids or pid in found or not starts_unit(held, at):
            continue
        times = pes_times(held, payload_offset(held, at), at + PACKET_SIZE)
        if times is not None and difference(times.pts, shown) > AHEAD_S * CLOCK_HZ:
            found[pid] = at, times.pts
    return found


def voided(held: Buffer, pid: int, start: int) -> tuple[bytes, int]:
    """The packets with those of a PID from `start` on made null packets, and how many of these had payload."""
    out, count = bytearray(held), 0
    for at in range(start, len(held), PACKET_SIZE):
        if pid_of(held, at) == pid:
            out[at : at + PACKET_SIZE] = NULL_PACKET
            count += has_payload(held, at)
    return bytes(out), count
