"""Splice commands (SCTE-35) moved to another clock. Source: ANSI/SCTE 35 9.6, `pts_adjustment`."""

from __future__ import annotations

from streaming.mpegts.packets import CLOCK_MODULUS, PACKET_SIZE, payload_offset
from streaming.mpegts.psi import crc32

_TABLE = 0xFC


def shift_splice_times(data: bytearray, at: int, offset: int) -> None:
    """Add `offset` (90 kHz) to the section in the packet at `at`.

    A section that is longer than the packet, encrypted in its CRC, or damaged stays as it is.
    """
    start = payload_offset(data, at)
    if start >= at + PACKET_SIZE:
        return
    start += 1 + data[start]
    end_of_packet = at + PACKET_SIZE
    if start + 14 > end_of_packet or data[start] != _TABLE:
        return
    end = start + 3 + ((data[start + 1] & 0x0F) << 8 | data[start + 2])
    if end > end_of_packet or crc32(bytes(data[start:end])) != 0:
        return
    raw = int.from_bytes(data[start + 4 : start + 9], "big")
    adjustment = ((raw & (CLOCK_MODULUS - 1)) + offset) % CLOCK_MODULUS
    data[start + 4 : start + 9] = (raw >> 33 << 33 | adjustment).to_bytes(5, "big")
    data[end - 4 : end] = crc32(bytes(data[start : end - 4])).to_bytes(4, "big")
