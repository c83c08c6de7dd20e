"""What becomes of a stream in mid-connection: changes a scripted upstream makes to its whole packets.

Each is a recipe: called once per connection it gives a function from packets to what is sent instead.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.fakes.material import PACKET, PCR, clocks, shift_pcr, shift_pts

Change = Callable[[bytes], bytes]
Recipe = Callable[[], Change]

#: Where ffmpeg puts picture and sound unless told otherwise; the picture carries the PCR.
VIDEO, AUDIO = 0x100, 0x101
SORRY = b"<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body>" + b"<p>No television today.</p>" * 300


def page() -> Change:
    """A web page, once; then nothing, the connection open."""
    left = [SORRY]
    return lambda packets: left.pop() if left else b""


def pages() -> Change:
    """Web pages without end, as many bytes as before."""
    return lambda packets: (SORRY * (len(packets) // len(SORRY) + 1))[: len(packets)]


def noise() -> Change:
    """Bytes without meaning, as many as before."""
    source = random.Random(7)
    return lambda packets: source.randbytes(len(packets))


def no_picture() -> Change:
    """The picture's packets stay away; its clock goes on."""
    return _each(lambda packet: _only_clock(packet) if _pid(packet) == VIDEO else packet)


def no_picture_no_clock() -> Change:
    """The picture's packets stay away, and the PCR they carry with them."""
    return _each(lambda packet: b"" if _pid(packet) == VIDEO else packet)


def no_sound() -> Change:
    """The sound's packets stay away."""
    return _each(lambda packet: b"" if _pid(packet) == AUDIO else packet)


def jump(seconds: float) -> Recipe:
    """All clocks are so much later (earlier when negative) from here on; the counters run on."""
    by = round(seconds * 90000)

    def shifted(packet: bytes) -> bytes:
        out = bytearray(packet)
        for kind, at in clocks(packet):
            (shift_pcr if kind == PCR else shift_pts)(out, at, by)
        return bytes(out)

    return lambda: _each(shifted)


def frozen_pcr() -> Change:
    """The PCR stands still, everything else goes on."""
    seen: list[bytes] = []

    def frozen(packet: bytes) -> bytes:
        if not any(kind == PCR for kind, _ in clocks(packet)):
            return packet
        seen.append(packet[6:12])
        return packet[:6] + seen[0] + packet[12:]

    return _each(frozen)


def scrambled() -> Change:
    """Picture and sound are encrypted; tables and clocks are not, as providers send it."""
    source = random.Random(7)

    def locked(packet: bytes) -> bytes:
        if _pid(packet) not in (VIDEO, AUDIO) or not packet[3] & 0x10:
            return packet
        start = 5 + packet[4] if packet[3] & 0x20 else 4
        return packet[:3] + bytes((packet[3] | 0x80,)) + packet[4:start] + source.randbytes(PACKET - start)

    return _each(locked)


def lossy() -> Change:
    """Every seventh packet of the picture is lost; none that says where the clock stands."""
    count = [0]

    def lost(packet: bytes) -> bytes:
        count[0] += _pid(packet) == VIDEO
        return b"" if _pid(packet) == VIDEO and not count[0] % 7 and not clocks(packet) else packet

    return _each(lost)


def _each(change: Callable[[bytes], bytes]) -> Change:
    return lambda packets: b"".join(change(packets[at : at + PACKET]) for at in range(0, len(packets), PACKET))


def _pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def _only_clock(packet: bytes) -> bytes:
    """The packet's PCR in a packet without payload; nothing when it has none."""
    if not any(kind == PCR for kind, _ in clocks(packet)):
        return b""
    head = bytes((packet[0], packet[1] & 0xBF, packet[2], 0x20 | (packet[3] - 1) & 0x0F))
    return head + bytes((183, 0x10)) + packet[6:12] + b"\xff" * 176
