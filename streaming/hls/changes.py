"""Does a picture go on as the one before? Players must be told when it is coded in another way.

Source: RFC 8216 section 4.3.2.3; ITU-T H.264 7.3.2.1, H.265 7.3.2.2; ISO/IEC 13818-2 6.2.2.1, 14496-3 1.A.2 (ADTS).
"""

from __future__ import annotations

from collections.abc import Callable

from streaming.mpegts.packets import PACKET_SIZE, START_CODE, payload_offset, pes_header_length, pid_of, starts_unit
from streaming.mpegts.psi import Codec, Track

#: So much of a picture's beginning holds its headers. x265 writes 2.5 KB about itself first.
_HEADER_BYTES = 6000
_LONGEST_NAL = 512


class Form:
    """Remembers how the lead track is coded."""

    def __init__(self) -> None:
        self._known = b""

    def changes(self, block: bytes, at: int, lead: Track) -> bool:
        """Is the unit whose first packet stands at `at` coded otherwise than what came before it?

        False for the first of all, and for units that do not say.
        """
        now = _form(lead.codec, _unit(block, at, lead.pid))
        before, self._known = self._known, now or self._known
        return bool(now and before) and now != before


def _unit(block: bytes, start: int, pid: int) -> bytes:
    unit = b""
    for at in range(start, len(block), PACKET_SIZE):
        if pid_of(block, at) != pid:
            continue
        if at > start and starts_unit(block, at):
            break
        unit += block[payload_offset(block, at) : at + PACKET_SIZE]
        if len(unit) > _HEADER_BYTES:
            break
    return unit[pes_header_length(unit, 0, len(unit)) or 0 :]


def _form(codec: Codec, unit: bytes) -> bytes:
    if codec is Codec.H264:
        return _nal(unit, lambda first: first & 0x1F == 7)
    if codec is Codec.H265:
        return _nal(unit, lambda first: first >> 1 & 0x3F == 33)
    if codec is Codec.MPEG2:
        at = unit.find(START_CODE + b"\xb3")
        # Size, aspect ratio, frame rate; the bit rate behind them may vary.
        return unit[at + 4 : at + 8] if at >= 0 else b""
    if codec is Codec.AAC and unit[:1] == b"\xff" and len(unit) > 3:
        # Profile, sampling rate, channels.
        return bytes((unit[2], unit[3] & 0xC0))
    return b""


def _nal(unit: bytes, is_it: Callable[[int], bool]) -> bytes:
    """The first NAL unit that is it, if all of it is here."""
    at = unit.find(START_CODE) + 3
    while 3 <= at < len(unit):
        end = unit.find(START_CODE, at)
        if is_it(unit[at]):
            return unit[at:end].rstrip(b"\0")[:_LONGEST_NAL] if end > 0 else b""
        at = end + 3
    return b""
