"""Is this picture one a decoder can begin with? Told from the first bytes of its access unit, without decoding.

Source: ITU-T H.264 7.3 and annex B, H.265 7.4.2.2, H.266 7.4.2.2; ISO/IEC 13818-2 6.2 and 14496-2 6.2.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from streaming.mpegts.packets import START_CODE
from streaming.mpegts.psi import Codec


class Access(Enum):
    """What a unit is to someone who has seen nothing before it."""

    #: Everything after it decodes: an IDR picture, a closed group.
    CLOSED = "closed"
    #: It decodes, but pictures after it that are shown before it do not.
    OPEN = "open"
    #: No picture of its own, but decoding from here on recovers: only when nothing better comes.
    PARAMETERS = "parameters"
    NONE = "none"
    #: More bytes are needed to tell.
    UNDECIDED = "undecided"

    @property
    def is_entry(self) -> bool:
        """A viewer can begin here."""
        return self is Access.CLOSED or self is Access.OPEN


def judge_of(codec: Codec) -> Callable[[bytes], Access]:
    """Tells what the access unit that begins with these elementary stream bytes (PES header off) is.

    Sound and unknown codecs can be entered anywhere.
    """
    return _JUDGES.get(codec, _anywhere)


def _anywhere(_: bytes) -> Access:
    return Access.CLOSED


def _h264(unit: bytes) -> Access:
    parameters = recovery = False
    at = unit.find(START_CODE) + 3
    while at >= 3 and at < len(unit):
        kind = unit[at] & 0x1F
        if kind == 5:
            return Access.CLOSED
        if kind in (1, 2):
            if recovery:
                return Access.OPEN
            if not parameters:
                return Access.NONE
            return _h264_slice(unit[at + 1 : at + 9])
        if kind == 7:
            parameters = True
        elif kind == 6 and not recovery:
            recovery = _has_recovery_point(unit, at + 1)
        at = unit.find(START_CODE, at) + 3
    return Access.UNDECIDED


def _h264_slice(header: bytes) -> Access:
    """Parameter sets stand before this slice: an I slice makes it an entry, others only a place to recover from."""
    if len(header) < 8:
        return Access.UNDECIDED
    bits = int.from_bytes(header, "big")
    _, left = _golomb(bits, 64)
    slice_type, _ = _golomb(bits, left)
    return Access.OPEN if slice_type % 5 in (2, 4) else Access.PARAMETERS


def _golomb(bits: int, left: int) -> tuple[int, int]:
    """An unsigned Exp-Golomb number in the lowest `left` of 64 bits, and how many bits remain after it."""
    rest = bits & ((1 << left) - 1)
    zeros = left - rest.bit_length()
    if 2 * zeros + 1 > left:
        return 0, 0
    left -= 2 * zeros + 1
    return (rest >> left) - 1, left


def _has_recovery_point(unit: bytes, at: int) -> bool:
    """The SEI unit whose content begins at `at` holds a recovery point message (payload type 6)."""
    end = unit.find(START_CODE, at)
    content = unit[at : end if end >= 0 else len(unit)].replace(b"\x00\x00\x03", b"\x00\x00")
    i = 0
    while i + 2 <= len(content) and content[i] != 0x80:
        kind, i = _sei_number(content, i)
        size, i = _sei_number(content, i)
        if kind == 6:
            return True
        i += size
    return False


def _sei_number(content: bytes, i: int) -> tuple[int, int]:
    number = 0
    while i < len(content) and content[i] == 0xFF:
        number += 255
        i += 1
    return (number + content[i], i + 1) if i < len(content) else (number, i)


def _h265(unit: bytes) -> Access:
    parameters = False
    at = unit.find(START_CODE) + 3
    while at >= 3 and at < len(unit):
        kind = unit[at] >> 1 & 0x3F
        if kind < 32:
            return _h26x_picture(parameters, closed=kind in (19, 20), random_access=16 <= kind <= 21)
        if kind == 33:
            parameters = True
        at = unit.find(START_CODE, at) + 3
    return Access.UNDECIDED


def _h266(unit: bytes) -> Access:
    parameters = False
    at = unit.find(START_CODE) + 3
    while at >= 3 and at + 1 < len(unit):
        kind = unit[at + 1] >> 3
        if kind < 12:
            return _h26x_picture(parameters, closed=kind in (7, 8), random_access=7 <= kind <= 10)
        if kind == 15:
            parameters = True
        at = unit.find(START_CODE, at) + 3
    return Access.UNDECIDED


def _h26x_picture(parameters: bool, *, closed: bool, random_access: bool) -> Access:
    if not parameters:
        return Access.NONE
    if not random_access:
        return Access.PARAMETERS
    return Access.CLOSED if closed else Access.OPEN


def _mpeg2(unit: bytes) -> Access:
    sequence = closed = False
    at = unit.find(START_CODE) + 3
    while at >= 3 and at < len(unit):
        code = unit[at]
        if code == 0x00:
            if not sequence:
                return Access.NONE
            if at + 2 >= len(unit):
                return Access.UNDECIDED
            if unit[at + 2] >> 3 & 7 != 1:
                return Access.PARAMETERS
            return Access.CLOSED if closed else Access.OPEN
        if code == 0xB3:
            sequence = True
        elif code == 0xB8 and at + 4 < len(unit):
            closed = bool(unit[at + 4] & 0x40)
        at = unit.find(START_CODE, at) + 3
    return Access.UNDECIDED


def _mpeg4(unit: bytes) -> Access:
    at = unit.find(START_CODE) + 3
    while at >= 3 and at + 1 < len(unit):
        if unit[at] == 0xB6:
            return Access.NONE if unit[at + 1] >> 6 else Access.OPEN
        at = unit.find(START_CODE, at) + 3
    return Access.UNDECIDED


_JUDGES: dict[Codec, Callable[[bytes], Access]] = {
    Codec.H264: _h264,
    Codec.H265: _h265,
    Codec.H266: _h266,
    Codec.MPEG2: _mpeg2,
    Codec.MPEG4: _mpeg4,
}
