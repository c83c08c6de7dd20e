"""The two sides of a join: the packet that ends what was before, and the first packet of what comes.

Three things are said explicitly that players could conclude but do not:

- The last picture is whole. A picture of unknown length ends when the next begins; mpegts.js 1.8 would take it in
  together with the new source's parameters, lose two pictures when the size changes, and stall at the hole for ever
  (seen in 10 of 12 joins with a pause before the new source; none with an empty PES packet behind the last picture).
- The first picture is a random access point. mpegts.js believes the packet's flag only for pictures that are no IDR.
- An open H.265 entry (CRA) begins a sequence. Without an end of sequence before it decoders go on counting picture
  order from the source before and lose pictures (ffmpeg 5.1: errors, up to 16 pictures; with it the two that were
  waiting to be shown). Renaming it to BLA would be cleaner, but mpegts.js takes no BLA for a keyframe. H.264 has no
  such means: there a join at an open entry costs some pictures (5 at 25 fps seen).

Source: ISO/IEC 13818-1 2.4.3, ITU-T H.265 7.4.2.4.
"""

from __future__ import annotations

from streaming.mpegts.packets import PACKET_SIZE, START_CODE, SYNC, payload_offset, pes_header_length
from streaming.mpegts.psi import Codec

END_OF_SEQUENCE = {Codec.H265: b"\x00\x00\x01\x48\x01", Codec.H266: b"\x00\x00\x01\x00\xb1"}

_RANDOM_ACCESS = 0x40


def ending_packet(pid: int, counter: int) -> bytes:
    """An empty PES packet on a video PID: whatever was being received there is whole now."""
    header = bytes((0x40 | pid >> 8, pid & 0xFF))
    return _packet(header, counter, b"", START_CODE + b"\xe0\x00\x03\x80\x00\x00")


def mark_entry(out: bytearray, at: int, units: bytes) -> bytes:
    """Flag the packet at `at`, in which a picture begins, as random access and put NAL units before the picture.

    Returns the packet for what no longer fits, with counter 0; empty when all fits. Nothing is done when the packet
    does not hold the whole PES header.
    """
    start, end = payload_offset(out, at), at + PACKET_SIZE
    length = pes_header_length(out, start, end)
    if length is None:
        return b""
    field = bytes(out[at + 5 : at + 5 + out[at + 4]]) if out[at + 3] & 0x20 else b""
    if field and not units:
        out[at + 5] |= _RANDOM_ACCESS
        return b""
    field = bytes(((field[0] if field else 0) | _RANDOM_ACCESS,)) + field[1:]
    content = bytes(out[start + length : end])
    pes_header = out[start : start + length]
    if units and (pes_header[4] or pes_header[5]):
        pes_header[4:6] = (int.from_bytes(pes_header[4:6], "big") + len(units)).to_bytes(2, "big")
    first, rest = bytes((out[at + 1], out[at + 2])), bytes((out[at + 1] & 0xBF, out[at + 2]))
    out[at:end] = _packet(first, out[at + 3], field, bytes(pes_header) + units)
    return _packet(rest, 0, b"", content) if content else b""


def _packet(pid: bytes, counter: int, field: bytes, payload: bytes) -> bytes:
    """A packet with this adaptation field (flags first, without its length), stretched to fill."""
    room = PACKET_SIZE - 4 - len(payload)
    if not room:
        return bytes((SYNC, *pid, 0x10 | counter & 0x0F)) + payload
    stretched = (field or b"\x00").ljust(room - 1, b"\xff")[: room - 1]
    return bytes((SYNC, *pid, 0x30 | counter & 0x0F, room - 1)) + stretched + payload
