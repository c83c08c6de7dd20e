"""What went on without the pictures before a cut: the next source goes on from the last picture, so it must go."""

from __future__ import annotations

from collections.abc import Collection

from streaming.mpegts.packets import (
    CLOCK_HZ,
    PACKET_SIZE,
    PCR_PER_CLOCK,
    Buffer,
    difference,
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
