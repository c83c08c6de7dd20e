"""How large a picture is, from the headers before a keyframe.

Source: ITU-T H.264 7.3.2.1.1, H.265 7.3.2.2.1 and 7.3.3; ISO/IEC 13818-2 6.2.2.1.
"""

from __future__ import annotations

from collections.abc import Callable

from streaming.mpegts.packets import (
    PACKET_SIZE,
    START_CODE,
    next_unit,
    payload_offset,
    pes_header_length,
    pid_of,
)
from streaming.mpegts.psi import Codec, Programme

#: H.264 profiles whose parameter sets begin with the colour format.
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
#: Anything beyond is no size but damage.
_LARGEST = 16_384


#: So much of a picture's beginning holds its headers. x265 writes 2.5 KB about itself first.
_HEADER_BYTES = 6000


def size_in(block: bytes, programme: Programme) -> tuple[int, int] | None:
    """Width and height of the first picture that begins in a block of packets; None when it does not say."""
    if programme.video is None:
        return None
    pid, unit = programme.video.pid, b""
    start = next_unit(block, pid)
    for at in range(start if start is not None else len(block), len(block), PACKET_SIZE):
        if pid_of(block, at) == pid:
            unit += block[payload_offset(block, at) : at + PACKET_SIZE]
            if len(unit) > _HEADER_BYTES:
                break
    header = pes_header_length(unit, 0, len(unit))
    return picture_size(programme.video.codec, unit[header or 0 :])


def picture_size(codec: Codec, unit: bytes) -> tuple[int, int] | None:
    """Width and height of what begins with `unit` (elementary stream bytes); None when it does not say."""
    read = _READERS.get(codec)
    try:
        size = read(unit) if read is not None else None
    except IndexError:
        return None
    if size is None or not all(0 < side <= _LARGEST for side in size):
        return None
    return size


class _Bits:
    """The bits of a NAL unit, without what was put in to avoid start codes."""

    def __init__(self, data: bytes) -> None:
        self._data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._at = 0

    def take(self, count: int) -> int:
        """The next bits as a number. Raises IndexError at the end."""
        value = 0
        for at in range(self._at, self._at + count):
            value = value << 1 | self._data[at >> 3] >> (7 - (at & 7)) & 1
        self._at += count
        return value

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def skip_golombs(self, count: int) -> None:
        """Several numbers nobody asks for; signed ones are as long."""
        for _ in range(count):
            self.golomb()


def _after_nal(unit: bytes, is_it: Callable[[int], bool], header_bytes: int) -> _Bits | None:
    at = unit.find(START_CODE) + 3
    while 3 <= at < len(unit):
        if is_it(unit[at]):
            return _Bits(unit[at + header_bytes : at + 256])
        at = unit.find(START_CODE, at) + 3
    return None


def _h264(unit: bytes) -> tuple[int, int] | None:
    bits = _after_nal(unit, lambda first: first & 0x1F == 7, 1)
    if bits is None:
        return None
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    chroma = _h264_colours(bits) if profile in _HIGH_PROFILES else 1
    bits.golomb()
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.skip_golombs(2)
        bits.skip_golombs(bits.golomb())
    bits.golomb()
    bits.take(1)
    width, units_high = (bits.golomb() + 1) * 16, bits.golomb() + 1
    frames = bits.take(1)
    if not frames:
        bits.take(1)
    bits.take(1)
    height = units_high * 16 * (2 - frames)
    left, right, top, bottom = [bits.golomb() for _ in range(4)] if bits.take(1) else [0] * 4
    across = 2 if chroma in (1, 2) else 1
    down = (2 if chroma == 1 else 1) * (2 - frames)
    return width - (left + right) * across, height - (top + bottom) * down


def _h264_colours(bits: _Bits) -> int:
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    bits.skip_golombs(2)
    bits.take(1)
    if bits.take(1):
        for number in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return chroma


def _skip_scaling_list(bits: _Bits, count: int) -> None:
    scale = following = 8
    for _ in range(count):
        if following:
            code = bits.golomb()
            following = (scale + ((code + 1) // 2 if code & 1 else -(code // 2))) & 0xFF
        scale = following or scale


def _h265(unit: bytes) -> tuple[int, int] | None:
    bits = _after_nal(unit, lambda first: first >> 1 & 0x3F == 33, 2)
    if bits is None:
        return None
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 88 + 8)
    if layers:
        there = [(bits.take(1), bits.take(1)) for _ in range(layers)]
        bits.take(2 * (8 - layers))
        for profile, level in there:
            bits.take(88 * profile + 8 * level)
    bits.golomb()
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    width, height = bits.golomb(), bits.golomb()
    left, right, top, bottom = [bits.golomb() for _ in range(4)] if bits.take(1) else [0] * 4
    across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1)
    return width - (left + right) * across, height - (top + bottom) * down


def _mpeg2(unit: bytes) -> tuple[int, int] | None:
    at = unit.find(START_CODE + b"\xb3")
    if at < 0:
        return None
    number = unit[at + 4] << 16 | unit[at + 5] << 8 | unit[at + 6]
    return number >> 12, number & 0xFFF


_READERS: dict[Codec, Callable[[bytes], tuple[int, int] | None]] = {
    Codec.H264: _h264,
    Codec.H265: _h265,
    Codec.MPEG2: _mpeg2,
}
