"""Packets of port 65001: type, length, tagged values, checksum (reference hdhomerun.md, section 2)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

#: The largest packet; what is longer is no packet.
LONGEST = 1460

#: Device type of a tuner, and what stands for any type or id.
TUNER = 1
ANY = 0xFFFFFFFF


class Type(IntEnum):
    """What a packet is."""

    DISCOVER_REQUEST = 2
    DISCOVER_REPLY = 3
    GETSET_REQUEST = 4
    GETSET_REPLY = 5


class Tag(IntEnum):
    """What a value in a packet is."""

    DEVICE_TYPE = 0x01
    DEVICE_ID = 0x02
    NAME = 0x03
    VALUE = 0x04
    ERROR = 0x05
    TUNER_COUNT = 0x10
    LINEUP_URL = 0x27
    BASE_URL = 0x2A
    DEVICE_AUTH = 0x2B
    SEVERAL_TYPES = 0x2D


class PacketError(ValueError):
    """These bytes are no packet."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet taken apart; values in the order they came."""

    type: int
    values: tuple[tuple[int, bytes], ...]

    def value(self, tag: int) -> bytes | None:
        """The first value of a tag."""
        return next((value for found, value in self.values if found == tag), None)


def read(data: bytes) -> Packet:
    """The packet. Raises PacketError for whatever is none: short, long, cut, or with a wrong checksum."""
    if not 8 <= len(data) <= LONGEST:
        raise PacketError(f"{len(data)} bytes are no packet")
    kind, length = struct.unpack_from(">HH", data)
    if len(data) != 4 + length + 4:
        raise PacketError("the length is wrong")
    if struct.unpack_from("<I", data, 4 + length)[0] != zlib.crc32(data[: 4 + length]):
        raise PacketError("the checksum is wrong")
    return Packet(kind, tuple(tlvs(data[4 : 4 + length])))


def expected_length(start: bytes) -> int:
    """How long the packet is whose first four bytes these are. Raises PacketError when longer than any may be."""
    total = 8 + int(struct.unpack_from(">H", start, 2)[0])
    if total > LONGEST:
        raise PacketError(f"a packet of {total} bytes")
    return total


def write(kind: int, values: Iterable[tuple[int, bytes]]) -> bytes:
    """The packet's bytes. Raises PacketError when it would be too long."""
    payload = b"".join(bytes((tag,)) + _length(len(value)) + value for tag, value in values)
    body = struct.pack(">HH", kind, len(payload)) + payload
    if len(body) + 4 > LONGEST:
        raise PacketError(f"a packet of {len(body) + 4} bytes")
    return body + struct.pack("<I", zlib.crc32(body))


def tlvs(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and values; one that overruns the payload ends it."""
    at = 0
    while at + 2 <= len(payload):
        tag, length = payload[at], payload[at + 1]
        at += 2
        if length & 0x80:
            if at >= len(payload):
                return
            length = length & 0x7F | payload[at] << 7
            at += 1
        if at + length > len(payload):
            return
        yield tag, payload[at : at + length]
        at += length


def _length(length: int) -> bytes:
    return bytes((length,)) if length <= 127 else bytes((0x80 | length & 0x7F, length >> 7))
