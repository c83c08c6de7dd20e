"""Silence in the format of a sound track: what is sent where a source has no sound that was announced.

A player's browser waits for ever for sound that was announced and does not come.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from streaming.mpegts.packets import CLOCK_HZ, CLOCK_MODULUS, PACKET_SIZE, START_CODE, SYNC, write_timestamp
from streaming.mpegts.psi import Codec
from streaming.mpegts.silent_ac3 import silent_frame

#: Source: ISO/IEC 14496-3 table 1.18.
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
#: Elements of a frame per channel configuration (table 1.19): single, pair, low frequency.
_SINGLE, _PAIR, _LOW = 0, 1, 3
_AAC_ELEMENTS = {
    1: (_SINGLE,),
    2: (_PAIR,),
    3: (_SINGLE, _PAIR),
    4: (_SINGLE, _PAIR, _SINGLE),
    5: (_SINGLE, _PAIR, _PAIR),
    6: (_SINGLE, _PAIR, _PAIR, _LOW),
    7: (_SINGLE, _PAIR, _PAIR, _PAIR, _LOW),
}


@dataclass(frozen=True, slots=True)
class Silence:
    """One silent frame and how long it lasts."""

    frame: bytes
    samples: int
    sample_rate: int
    stream_id: int = 0xC0

    @property
    def duration(self) -> Fraction:
        """Of a frame, 90 kHz."""
        return Fraction(self.samples * CLOCK_HZ, self.sample_rate)

    def frames_in(self, ticks: int) -> int:
        """How many whole frames fit into a time (90 kHz)."""
        return max(0, int(ticks / self.duration))

    def pes(self, pts: int, frames: int) -> bytes:
        """A PES packet of so many frames."""
        payload = self.frame * frames
        header = bytearray(START_CODE + bytes((self.stream_id, 0, 0, 0x80, 0x80, 5, 0x20, 0, 0, 0, 0)))
        header[4:6] = (len(payload) + 8).to_bytes(2, "big")
        write_timestamp(header, 9, pts % CLOCK_MODULUS)
        return bytes(header) + payload

    def most_frames(self) -> int:
        """How many frames to put in one PES packet: a quarter of a second, if they fit."""
        return max(1, min(self.frames_in(CLOCK_HZ // 4), 60_000 // len(self.frame)))


def duration_of(codec: Codec, sound: bytes) -> Fraction | None:
    """How long the frames of a whole PES packet's payload last, 90 kHz; None when that cannot be told."""
    if codec is Codec.AAC:
        return _aac_duration(sound)
    like = silence_like(codec, sound)
    if like is None:
        return None
    if codec is Codec.MPEG_AUDIO:
        return like.duration * max(1, round(len(sound) / len(like.frame)))
    return like.duration * max(1, sound.count(sound[:5]))


def packetise_pes(pes: bytes, pid: int) -> bytes:
    """The packets that carry a PES packet, counters left at 0; the last one is filled up with stuffing."""
    packets = bytearray()
    for at in range(0, len(pes), PACKET_SIZE - 4):
        payload = pes[at : at + PACKET_SIZE - 4]
        room = PACKET_SIZE - 4 - len(payload)
        flags = 0x30 if room else 0x10
        packets += bytes((SYNC, (0 if at else 0x40) | pid >> 8, pid & 0xFF, flags))
        if room == 1:
            packets += b"\x00"
        elif room:
            packets += bytes((room - 1, 0)) + b"\xff" * (room - 2)
        packets += payload
    return bytes(packets)


#: The heads of frames as most channels have them: AAC-LC and layer II, 48 kHz stereo.
_USUAL = {Codec.AAC: bytes.fromhex("fff14c80001ffc"), Codec.MPEG_AUDIO: bytes.fromhex("fffd84040000")}


def silence_like(codec: Codec, sound: bytes) -> Silence | None:
    """Silence in the format of the frame that `sound` begins with; None when the codec or the frame is not known."""
    if codec is Codec.AAC:
        return _aac(sound)
    if codec is Codec.MPEG_AUDIO:
        return _mpeg_audio(sound)
    if codec in (Codec.AC3, Codec.EAC3):
        return _ac3(codec, sound)
    return None


def usual_silence(codec: Codec) -> Silence | None:
    """Silence for a track nobody has heard yet; None where no format is usual enough."""
    return silence_like(codec, _USUAL[codec]) if codec in _USUAL else None


# AAC ------------------------------------------------------------------------------------------------------------


def _aac(sound: bytes) -> Silence | None:
    """Source: ISO/IEC 13818-7 6.2 (ADTS), 14496-3 4.4.2 (frames)."""
    if len(sound) < 7 or sound[0] != 0xFF or sound[1] & 0xF6 != 0xF0:
        return None
    rate_index, channels = sound[2] >> 2 & 15, (sound[2] & 1) << 2 | sound[3] >> 6
    if rate_index >= len(AAC_RATES) or channels not in _AAC_ELEMENTS:
        return None
    raw = _silent_aac(_AAC_ELEMENTS[channels])
    length = 7 + len(raw)
    header = bytearray(sound[:7])
    header[1] |= 1  # no CRC
    header[3] = header[3] & 0xC0 | length >> 11
    header[4] = length >> 3 & 0xFF
    header[5] = (length & 7) << 5 | 0x1F
    header[6] = 0xFC
    return Silence(bytes(header) + raw, 1024, AAC_RATES[rate_index])


def _aac_duration(sound: bytes) -> Fraction | None:
    like = _aac(sound)
    if like is None:
        return None
    at = frames = 0
    while at + 7 <= len(sound) and sound[at] == 0xFF:
        length = (sound[at + 3] & 3) << 11 | sound[at + 4] << 3 | sound[at + 5] >> 5
        if length < 7:
            break
        at += length
        frames += 1
    return like.duration * frames


def _silent_aac(elements: tuple[int, ...]) -> bytes:
    """A raw data block whose channels have no scale factor bands, hence no spectrum."""
    bits, tags = "", {_SINGLE: 0, _PAIR: 0, _LOW: 0}
    window = "0" + "00" + "0" + "000000" + "0"  # long window, no bands, no prediction
    channel = f"{100:08b}"  # global gain, of nothing
    tools = "000"  # no pulses, no noise shaping, no gain control
    for element in elements:
        bits += f"{element:03b}{tags[element]:04b}"
        tags[element] += 1
        if element == _PAIR:
            bits += "1" + window + "00" + (channel + tools) * 2
        else:
            bits += channel + window + tools
    bits += "111"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


# MPEG audio -----------------------------------------------------------------------------------------------------

_MPEG_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LAYER_2_KBPS = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_LAYER_2_LOW_KBPS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER_3_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


def _mpeg_audio(sound: bytes) -> Silence | None:
    """A frame of the same size that allocates no bits to anything. Source: ISO/IEC 11172-3 2.4."""
    if len(sound) < 4 or sound[0] != 0xFF or sound[1] & 0xE0 != 0xE0:
        return None
    version, layer = sound[1] >> 3 & 3, 4 - (sound[1] >> 1 & 3)
    rate_index, bitrate_index = sound[2] >> 2 & 3, sound[2] >> 4
    if version not in _MPEG_RATES or layer not in (2, 3) or rate_index == 3 or not 0 < bitrate_index < 15:
        return None
    sample_rate = _MPEG_RATES[version][rate_index]
    low = version != 3
    kbps = (_LAYER_2_LOW_KBPS if low else _LAYER_2_KBPS if layer == 2 else _LAYER_3_KBPS)[bitrate_index]
    samples = 576 if layer == 3 and low else 1152
    size = samples // 8 * kbps * 1000 // sample_rate
    header = bytes((sound[0], sound[1] | 1, sound[2] & 0xFD, sound[3]))
    return Silence(header.ljust(size, b"\x00"), samples, sample_rate)


# AC-3 -----------------------------------------------------------------------------------------------------------

#: Stream id of private data, under which AC-3 and its kin travel.
_PRIVATE = 0xBD


def _ac3(codec: Codec, sound: bytes) -> Silence | None:
    """One of the frames kept ready: one, two or six channels at 48 kHz. Source: ETSI TS 102 366 4.4 and E.1.2."""
    if len(sound) < 8 or sound[:2] != b"\x0b\x77" or sound[4] >> 6:
        return None
    mode = sound[6] >> 5 if codec is Codec.AC3 else sound[4] >> 1 & 7
    channels = {0: 2, 1: 1, 2: 2}.get(mode, 6)
    return Silence(silent_frame(codec, channels), 1536, 48000, _PRIVATE)
