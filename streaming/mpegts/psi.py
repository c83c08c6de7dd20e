"""Programme tables: PAT and PMT read from packets, understood, and written again.

Source: ISO/IEC 13818-1 section 2.4.4; ETSI EN 300 468 annex D for what hides under stream type 0x06.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from restreamer.lib.errors import RestreamerError
from streaming.mpegts.packets import PACKET_SIZE, PAT_PID, SYNC, Buffer, payload_offset, starts_unit

PAT_TABLE = 0x00
PMT_TABLE = 0x02


class BadTable(RestreamerError):
    """A section is damaged or lies about its lengths."""


class Kind(StrEnum):
    """What a track is for."""

    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLES = "subtitles"
    DATA = "data"


class Codec(StrEnum):
    """A family of codecs a decoder can go on with; another family needs another decoder."""

    MPEG2 = "mpeg2"  # MPEG-1 video too: one decoder does both
    MPEG4 = "mpeg4"
    H264 = "h264"
    H265 = "h265"
    H266 = "h266"
    MPEG_AUDIO = "mpeg_audio"
    AAC = "aac"
    AAC_LATM = "aac_latm"
    AC3 = "ac3"
    EAC3 = "eac3"
    DTS = "dts"
    OPUS = "opus"
    TELETEXT = "teletext"
    DVB_SUBTITLES = "dvb_subtitles"
    PGS = "pgs"
    ID3 = "id3"
    SCTE35 = "scte35"
    UNKNOWN = "unknown"


_VIDEO = {Codec.MPEG2, Codec.MPEG4, Codec.H264, Codec.H265, Codec.H266}
_AUDIO = {Codec.MPEG_AUDIO, Codec.AAC, Codec.AAC_LATM, Codec.AC3, Codec.EAC3, Codec.DTS, Codec.OPUS}
_SUBTITLES = {Codec.TELETEXT, Codec.DVB_SUBTITLES, Codec.PGS}

_BY_STREAM_TYPE = {
    0x01: Codec.MPEG2,
    0x02: Codec.MPEG2,
    0x03: Codec.MPEG_AUDIO,
    0x04: Codec.MPEG_AUDIO,
    0x0F: Codec.AAC,
    0x10: Codec.MPEG4,
    0x11: Codec.AAC_LATM,
    0x15: Codec.ID3,
    0x1B: Codec.H264,
    0x24: Codec.H265,
    0x33: Codec.H266,
    0x81: Codec.AC3,
    0x82: Codec.DTS,
    0x86: Codec.SCTE35,
    0x87: Codec.EAC3,
    0x90: Codec.PGS,
}
_BY_DESCRIPTOR = {
    0x6A: Codec.AC3,
    0x7A: Codec.EAC3,
    0x7B: Codec.DTS,
    0x56: Codec.TELETEXT,
    0x59: Codec.DVB_SUBTITLES,
}
_BY_REGISTRATION = {
    b"AC-3": Codec.AC3,
    b"EAC3": Codec.EAC3,
    b"DTS1": Codec.DTS,
    b"DTS2": Codec.DTS,
    b"DTS3": Codec.DTS,
    b"Opus": Codec.OPUS,
    b"HEVC": Codec.H265,
    b"VVC ": Codec.H266,
}
_LANGUAGE = 0x0A
_REGISTRATION = 0x05
#: Private data, and the two types some muxers give to AC-3 and its kin without saying more than a descriptor does.
_LOOK_AT_DESCRIPTORS = {0x06, 0x80, 0xC1, 0xC2}


@dataclass(frozen=True, slots=True)
class Track:
    """One elementary stream of a programme, as its PMT announces it."""

    pid: int
    stream_type: int
    codec: Codec
    #: ISO 639 code, empty when unsaid.
    language: str = ""
    descriptors: bytes = b""

    @property
    def kind(self) -> Kind:
        """Video, audio, subtitles or data."""
        if self.codec in _VIDEO:
            return Kind.VIDEO
        if self.codec in _AUDIO:
            return Kind.AUDIO
        return Kind.SUBTITLES if self.codec in _SUBTITLES else Kind.DATA


@dataclass(frozen=True, slots=True)
class Programme:
    """The layout of one programme: which PIDs carry what."""

    number: int
    pmt_pid: int
    pcr_pid: int
    tracks: tuple[Track, ...] = ()
    version: int = 0
    transport_stream_id: int = 1
    #: The PMT's programme descriptors, kept as they are.
    info: bytes = b""

    @property
    def video(self) -> Track | None:
        """The picture: the first video track."""
        return next((track for track in self.tracks if track.kind is Kind.VIDEO), None)

    @property
    def audio(self) -> tuple[Track, ...]:
        """All sound tracks in their order."""
        return tuple(track for track in self.tracks if track.kind is Kind.AUDIO)

    @property
    def pids(self) -> set[int]:
        """All PIDs that belong to it, its tables included."""
        return {PAT_PID, self.pmt_pid, self.pcr_pid, *(track.pid for track in self.tracks)}

    @property
    def lead(self) -> Track | None:
        """The track whose clock and units rule entries and joins: the picture, or the first sound of a radio."""
        return self.video or next(iter(self.audio), None)


@dataclass(frozen=True, slots=True)
class Pat:
    """A programme association table: programme number to PMT PID, in the table's order, without the NIT."""

    transport_stream_id: int
    version: int
    programmes: dict[int, int] = field(default_factory=dict)


# CRC ------------------------------------------------------------------------------------------------------------

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def crc32(data: bytes) -> int:
    """CRC-32/MPEG-2: polynomial 04C11DB7, all ones at first, no reflection. 0 over a section including its CRC.

    zlib's CRC is the same polynomial with every byte and the result reflected, and inverted at the end.
    """
    reflected = zlib.crc32(data.translate(_REVERSED)) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_REVERSED), "big")


# Reading --------------------------------------------------------------------------------------------------------


class SectionAssembler:
    """Collects the sections of one PID, also those that span packets or share one.

    Damaged sections (CRC) are dropped and counted in `damaged`.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._part = b""

    def feed(self, data: Buffer, at: int) -> list[bytes]:
        """The sections that are complete with the packet at `at`."""
        start = payload_offset(data, at)
        payload = bytes(data[start : at + PACKET_SIZE])
        if not payload:
            return []
        if not starts_unit(data, at):
            if not self._part:
                return []
            self._part += payload
            return self._complete()
        pointer = payload[0]
        sections: list[bytes] = []
        if self._part:
            self._part += payload[1 : 1 + pointer]
            sections = self._complete()
        self._part = payload[1 + pointer :]
        return sections + self._complete()

    def _complete(self) -> list[bytes]:
        sections: list[bytes] = []
        while len(self._part) >= 3:
            if self._part[0] == 0xFF:
                self._part = b""
                break
            length = 3 + ((self._part[1] & 0x0F) << 8 | self._part[2])
            if len(self._part) < length:
                break
            section, self._part = self._part[:length], self._part[length:]
            if crc32(section) == 0:
                sections.append(section)
            else:
                self.damaged += 1
        return sections


def parse_pat(section: bytes) -> Pat:
    """Read a PAT section whose CRC is right. Raises BadTable."""
    body = _body(section, PAT_TABLE, header=8)
    if len(body) % 4:
        raise BadTable("A PAT whose programmes do not fill it.")
    programmes: dict[int, int] = {}
    for i in range(0, len(body), 4):
        number = body[i] << 8 | body[i + 1]
        if number:
            programmes[number] = (body[i + 2] & 0x1F) << 8 | body[i + 3]
    return Pat(section[3] << 8 | section[4], section[5] >> 1 & 0x1F, programmes)


def parse_pmt(section: bytes, pmt_pid: int, transport_stream_id: int = 1) -> Programme:
    """Read a PMT section whose CRC is right. Raises BadTable."""
    body = _body(section, PMT_TABLE, header=12)
    info_length = (section[10] & 0x0F) << 8 | section[11]
    if info_length > len(body):
        raise BadTable("A PMT whose programme descriptors run past its end.")
    return Programme(
        number=section[3] << 8 | section[4],
        pmt_pid=pmt_pid,
        pcr_pid=(section[8] & 0x1F) << 8 | section[9],
        tracks=tuple(_tracks(body[info_length:])),
        version=section[5] >> 1 & 0x1F,
        transport_stream_id=transport_stream_id,
        info=body[:info_length],
    )


def is_current(section: bytes) -> bool:
    """The table applies now; a table announced for later is to be ignored."""
    return len(section) > 5 and bool(section[5] & 1)


def _body(section: bytes, table: int, header: int) -> bytes:
    if len(section) < header + 4 or section[0] != table:
        raise BadTable(f"A section of {len(section)} bytes is no table {table:#04x}.")
    return section[header:-4]


def _tracks(body: bytes) -> Iterator[Track]:
    i = 0
    while i < len(body):
        if i + 5 > len(body):
            raise BadTable("A PMT that ends inside a track.")
        length = (body[i + 3] & 0x0F) << 8 | body[i + 4]
        descriptors = body[i + 5 : i + 5 + length]
        if len(descriptors) < length:
            raise BadTable("A PMT whose track descriptors run past its end.")
        yield Track(
            pid=(body[i + 1] & 0x1F) << 8 | body[i + 2],
            stream_type=body[i],
            codec=codec_of(body[i], descriptors),
            language=_language(descriptors),
            descriptors=descriptors,
        )
        i += 5 + length


def split_descriptors(descriptors: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each descriptor; a cut one ends the list."""
    i = 0
    while i + 2 <= len(descriptors):
        content = descriptors[i + 2 : i + 2 + descriptors[i + 1]]
        yield descriptors[i], content
        i += 2 + descriptors[i + 1]


def codec_of(stream_type: int, descriptors: bytes) -> Codec:
    """The codec family a stream type and its descriptors announce."""
    known = _BY_STREAM_TYPE.get(stream_type)
    if known is not None:
        return known
    if stream_type not in _LOOK_AT_DESCRIPTORS:
        return Codec.UNKNOWN
    found = Codec.UNKNOWN
    for tag, content in split_descriptors(descriptors):
        if tag in _BY_DESCRIPTOR:
            return _BY_DESCRIPTOR[tag]
        if tag == _REGISTRATION:
            found = _BY_REGISTRATION.get(content[:4], found)
    return found


def _language(descriptors: bytes) -> str:
    for tag, content in split_descriptors(descriptors):
        if tag == _LANGUAGE and len(content) >= 3:
            return content[:3].decode("latin-1").lower()
    return ""


# Writing --------------------------------------------------------------------------------------------------------


def build_pat(programme: Programme, version: int = 0) -> bytes:
    """A PAT section that announces this one programme."""
    body = programme.number.to_bytes(2, "big") + (0xE000 | programme.pmt_pid).to_bytes(2, "big")
    return _section(PAT_TABLE, programme.transport_stream_id, version, body)


def build_pmt(programme: Programme) -> bytes:
    """The PMT section of a programme, with its version."""
    body = (0xE000 | programme.pcr_pid).to_bytes(2, "big")
    body += (0xF000 | len(programme.info)).to_bytes(2, "big") + programme.info
    for track in programme.tracks:
        body += bytes((track.stream_type,)) + (0xE000 | track.pid).to_bytes(2, "big")
        body += (0xF000 | len(track.descriptors)).to_bytes(2, "big") + track.descriptors
    return _section(PMT_TABLE, programme.number, programme.version, body)


def _section(table: int, identifier: int, version: int, body: bytes) -> bytes:
    length = 5 + len(body) + 4
    if length > 1021:
        raise BadTable(f"A table of {length} bytes does not fit a section.")
    section = bytes((table,)) + (0xB000 | length).to_bytes(2, "big") + identifier.to_bytes(2, "big")
    section += bytes((0xC1 | (version & 0x1F) << 1, 0, 0)) + body
    return section + crc32(section).to_bytes(4, "big")


def packetise(section: bytes, pid: int, counter: int) -> bytes:
    """The packets that carry one section; the first has the continuity counter `counter`."""
    payload = b"\x00" + section
    packets = bytearray()
    for i in range(0, len(payload), PACKET_SIZE - 4):
        start = 0 if i else 0x40
        packets += bytes((SYNC, start | pid >> 8, pid & 0xFF, 0x10 | counter & 0x0F))
        packets += payload[i : i + PACKET_SIZE - 4].ljust(PACKET_SIZE - 4, b"\xff")
        counter += 1
    return bytes(packets)


def recount(packets: bytes, last: int) -> bytes:
    """The same packets of one PID with continuity counters that end at `last`."""
    count = len(packets) // PACKET_SIZE
    out = bytearray(packets)
    for i in range(count):
        at = i * PACKET_SIZE + 3
        out[at] = out[at] & 0xF0 | (last - count + 1 + i) & 0x0F
    return bytes(out)
