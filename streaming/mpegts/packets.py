"""The transport packet: its fields, its clocks, and finding where packets begin.

Source: ISO/IEC 13818-1 sections 2.4.3.2 to 2.4.3.7. All offsets are into a buffer of packets; `at` is the offset of a
packet's first byte (0x47). Clocks: PTS and DTS count 90 kHz in 33 bits, a PCR counts 27 MHz (33 bits × 300).
"""

from __future__ import annotations

from typing import NamedTuple

PACKET_SIZE = 188
SYNC = 0x47
SYNC_BYTE = b"\x47"

PAT_PID = 0x0000
NULL_PID = 0x1FFF

CLOCK_HZ = 90_000
CLOCK_MODULUS = 1 << 33
PCR_HZ = 27_000_000
PCR_PER_CLOCK = 300
PCR_MODULUS = CLOCK_MODULUS * PCR_PER_CLOCK

#: Starts a PES packet, and every unit of MPEG video.
START_CODE = b"\x00\x00\x01"

#: Something to send when there is nothing to say. Never the first thing a client sees.
NULL_PACKET = b"\x47\x1f\xff\x10" + b"\xff" * 184

Buffer = bytes | bytearray


# Fields of the header -------------------------------------------------------------------------------------------


def pid_of(data: Buffer, at: int) -> int:
    """The packet's PID."""
    return (data[at + 1] & 0x1F) << 8 | data[at + 2]


def starts_unit(data: Buffer, at: int) -> bool:
    """A PES packet or a section starts in this packet (PUSI)."""
    return bool(data[at + 1] & 0x40)


def has_payload(data: Buffer, at: int) -> bool:
    """Only packets with payload count in the continuity counter."""
    return bool(data[at + 3] & 0x10)


def counter_of(data: Buffer, at: int) -> int:
    """The continuity counter, 0 to 15."""
    return data[at + 3] & 0x0F


def payload_offset(data: Buffer, at: int) -> int:
    """Where the payload begins: `at + 4` to `at + 188`; the latter when there is none or the packet lies."""
    flags = data[at + 3]
    if not flags & 0x10:
        return at + PACKET_SIZE
    if not flags & 0x20:
        return at + 4
    return min(at + 5 + data[at + 4], at + PACKET_SIZE)


def adaptation_flags(data: Buffer, at: int) -> int:
    """The adaptation field's flags byte: 0x80 discontinuity, 0x40 random access, 0x10 PCR, 0x08 OPCR. 0 if none."""
    if data[at + 3] & 0x20 and data[at + 4]:
        return data[at + 5]
    return 0


def is_duplicate(packet: bytes, before: bytes) -> bool:
    """`packet` is the packet `before` sent a second time, which is legal; only a PCR may differ."""
    if packet[1:4] != before[1:4] or not packet[3] & 0x10:
        return False
    start = 12 if read_pcr(packet, 0) is not None else 4
    return packet[start:] == before[start:]


# Clocks ---------------------------------------------------------------------------------------------------------


def difference(later: int, earlier: int) -> int:
    """Signed distance between two 33-bit times, right across the wrap: -2^32 … 2^32 - 1."""
    return ((later - earlier + (CLOCK_MODULUS >> 1)) & (CLOCK_MODULUS - 1)) - (CLOCK_MODULUS >> 1)


def pcr_difference(later: int, earlier: int) -> int:
    """Signed distance between two PCRs in 27 MHz units, right across the wrap."""
    return (later - earlier + PCR_MODULUS // 2) % PCR_MODULUS - PCR_MODULUS // 2


def read_timestamp(data: Buffer, at: int) -> int:
    """The PTS or DTS whose five bytes begin at `at`."""
    return (
        (data[at] & 0x0E) << 29
        | data[at + 1] << 22
        | (data[at + 2] & 0xFE) << 14
        | data[at + 3] << 7
        | data[at + 4] >> 1
    )


def write_timestamp(data: bytearray, at: int, value: int) -> None:
    """Write a PTS or DTS over the one at `at`, keeping its four-bit prefix and setting the marker bits."""
    data[at] = data[at] & 0xF0 | (value >> 29) & 0x0E | 1
    data[at + 1] = (value >> 22) & 0xFF
    data[at + 2] = (value >> 14) & 0xFE | 1
    data[at + 3] = (value >> 7) & 0xFF
    data[at + 4] = (value << 1) & 0xFE | 1


def read_pcr(data: Buffer, at: int) -> int | None:
    """The packet's PCR in 27 MHz units; None when it carries none."""
    if not data[at + 3] & 0x20 or data[at + 4] < 7 or not data[at + 5] & 0x10:
        return None
    return decode_pcr(data, at + 6)


def decode_pcr(data: Buffer, at: int) -> int:
    """The six bytes of a PCR or OPCR at `at`, in 27 MHz units."""
    raw = int.from_bytes(data[at : at + 6], "big")
    return (raw >> 15) * PCR_PER_CLOCK + (raw & 0x1FF)


def encode_pcr(pcr: int) -> bytes:
    """The six bytes of a PCR or OPCR, reserved bits set."""
    base, extension = divmod(pcr % PCR_MODULUS, PCR_PER_CLOCK)
    return (base << 15 | 0x7E00 | extension).to_bytes(6, "big")


def write_pcr(data: bytearray, at: int, pcr: int) -> None:
    """Write over the PCR of a packet that has one (see `read_pcr`)."""
    data[at + 6 : at + 12] = encode_pcr(pcr)


def next_unit(data: Buffer, pid: int) -> int | None:
    """Offset of the first whole packet in which a unit of this PID begins; None when none does."""
    high, low = pid >> 8, pid & 0xFF
    for at in range(0, len(data) - PACKET_SIZE + 1, PACKET_SIZE):
        if data[at + 2] == low and data[at + 1] & 0x5F == 0x40 | high:
            return at
    return None


def pcr_packet(pid: int, counter: int, pcr: int) -> bytes:
    """A packet that carries a PCR and no payload; `counter` is the PID's last one: such packets do not count."""
    head = bytes((SYNC, pid >> 8, pid & 0xFF, 0x20 | counter & 0x0F, 183, 0x10))
    return (head + encode_pcr(pcr)).ljust(PACKET_SIZE, b"\xff")


# PES packets ----------------------------------------------------------------------------------------------------


class PesTimes(NamedTuple):
    """The clock of one PES packet. `dts` equals `pts` when the stream carries only one."""

    pts: int
    dts: int


def pes_header_length(data: Buffer, at: int, end: int) -> int | None:
    """Bytes from the PES start code at `at` to its payload; None when there is no PES header or `end` cuts it."""
    if end - at < 9 or data[at : at + 3] != START_CODE or data[at + 6] & 0xC0 != 0x80:
        return None
    length = 9 + data[at + 8]
    return length if at + length <= end else None


def pes_times(data: Buffer, at: int, end: int) -> PesTimes | None:
    """PTS and DTS of the PES packet that starts at `at`; None when it has none or `end` cuts them."""
    if end - at < 14 or data[at : at + 3] != START_CODE or data[at + 6] & 0xC0 != 0x80:
        return None
    flags = data[at + 7]
    if not flags & 0x80 or data[at + 8] < 5:
        return None
    pts = read_timestamp(data, at + 9)
    if not flags & 0x40 or data[at + 8] < 10:
        return PesTimes(pts, pts)
    if end - at < 19:
        return None
    return PesTimes(pts, read_timestamp(data, at + 14))


# Alignment ------------------------------------------------------------------------------------------------------

#: How many sync bytes in a row prove a packet size, and how many prove it again after a loss.
SYNC_PROOF = 5
RESYNC_PROOF = 3

#: Packet sizes met in the field: plain, with a time stamp of four bytes in front (M2TS), with parity bytes behind.
FRAMINGS = (188, 192, 204)


def find_sync(
    data: Buffer, proof: int = SYNC_PROOF, start: int = 0, sizes: tuple[int, ...] = FRAMINGS
) -> tuple[int, int] | None:
    """Offset of the first sync byte and the packets' size: `proof` sync bytes stand that far apart.

    None when there is no such place. The first of `sizes` that fits anywhere wins, and its earliest place.
    """
    for size in sizes:
        offset = _find_framing(data, size, proof, start)
        if offset is not None:
            return offset, size
    return None


def _find_framing(data: Buffer, size: int, proof: int, start: int) -> int | None:
    reach = size * (proof - 1)
    offset = data.find(SYNC_BYTE, start)
    while 0 <= offset < len(data) - reach:
        if data[offset : offset + reach + 1 : size] == SYNC_BYTE * proof:
            return offset
        offset = data.find(SYNC_BYTE, offset + 1)
    return None


def _bytes_before_sync(size: int) -> int:
    return 4 if size == 192 else 0


class Aligner:
    """Turns bytes as they arrive into whole 188-byte packets, whatever framing, loss or garbage they arrive in.

    Nothing unaligned ever leaves. `lost_bytes` and `losses` count what was dropped and how often.
    """

    def __init__(self) -> None:
        self.size = 0
        self.lost_bytes = 0
        self.losses = 0
        self._rest = b""
        self._proven: tuple[int, ...] = FRAMINGS

    @property
    def aligned(self) -> bool:
        """Packets have been found."""
        return self.size != 0

    @property
    def waiting(self) -> int:
        """Bytes held back because they are no whole packet yet, or because no packet was found."""
        return len(self._rest)

    def reset(self) -> None:
        """The transport reconnected: the remainder belongs to nothing that follows."""
        self.lost_bytes += len(self._rest)
        self._rest = b""
        self.size = 0
        self._proven = FRAMINGS

    def feed(self, data: bytes) -> bytes:
        """The whole packets that are complete now, each of 188 bytes beginning with 0x47."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if self.size == PACKET_SIZE:
            whole = len(data) - len(data) % PACKET_SIZE
            if data[0:whole:PACKET_SIZE].count(SYNC) * PACKET_SIZE == whole:
                self._rest = data[whole:]
                return data if whole == len(data) else data[:whole]
        return self._search(data)

    def _search(self, data: bytes) -> bytes:
        """The slow way: after the beginning and after a loss, and for packets that are not 188 bytes long."""
        packets: list[bytes] = []
        offset = 0
        while True:
            if self.size:
                offset = self._take(data, offset, packets)
                if len(data) - offset < self.size:
                    break
                self._proven, self.size = (self.size,), 0
                self.losses += 1
            proof = SYNC_PROOF if self._proven == FRAMINGS else RESYNC_PROOF
            found = find_sync(data, proof, offset, self._proven)
            if found is None:
                # A beginning may hide in what is too short to be proven yet.
                keep = max(self._proven) * proof
                self.lost_bytes += max(0, len(data) - keep - offset)
                offset = max(offset, len(data) - keep)
                break
            sync, self.size = found
            begin = sync - _bytes_before_sync(self.size)
            if begin < offset:
                begin += self.size
            self.lost_bytes += begin - offset
            offset = begin
        self._rest = data[offset:]
        return b"".join(packets)

    def _take(self, data: bytes, offset: int, packets: list[bytes]) -> int:
        """Move whole packets from `offset` on into `packets`; returns where it stopped: too little left, or no sync."""
        size = self.size
        count = (len(data) - offset) // size
        first = offset + _bytes_before_sync(size)
        good = data[first : first + count * size : size]
        good_count = len(good) - len(good.lstrip(SYNC_BYTE))
        if size == PACKET_SIZE:
            packets.append(data[offset : offset + good_count * size])
        else:
            packets.extend(data[at : at + PACKET_SIZE] for at in range(first, first + good_count * size, size))
        return offset + good_count * size
