"""Discovery on UDP port 65001: a pure answer to a datagram, and what is sent back (reference hdhomerun.md, 3)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from restreamer.lib.hdhomerun import ANY, TUNER, Packet, PacketError, Tag, Type, read, write
from streaming.discovery.facts import LONGEST_BASE_URL, Announced, base_url
from streaming.outputs.hdhr import AUTH


def answers(data: bytes, devices: Iterable[Announced], own_address: str) -> list[bytes]:
    """The replies to a datagram, one for each tuner that was asked for. Raises PacketError for what is no packet.

    A packet of another type, or for other devices, has no reply.
    """
    packet = read(data)
    if packet.type != Type.DISCOVER_REQUEST or not _asks_for_tuners(packet):
        return []
    wanted = _number(packet.value(Tag.DEVICE_ID), ANY)
    return [reply(device, own_address) for device in devices if wanted in (ANY, device.number)]


def reply(device: Announced, own_address: str) -> bytes:
    """What a tuner says of itself."""
    base = base_url(own_address, device.port)
    values = [
        (Tag.DEVICE_TYPE, struct.pack(">I", TUNER)),
        (Tag.DEVICE_ID, struct.pack(">I", device.number)),
        (Tag.TUNER_COUNT, bytes((device.tuners,))),
    ]
    if len(base) <= LONGEST_BASE_URL:
        values += [(Tag.BASE_URL, base.encode()), (Tag.LINEUP_URL, f"{base}/lineup.json".encode())]
    return write(Type.DISCOVER_REPLY, [*values, (Tag.DEVICE_AUTH, AUTH.encode())])


def _asks_for_tuners(packet: Packet) -> bool:
    several = packet.value(Tag.SEVERAL_TYPES)
    if several is not None:
        types = {_number(several[at : at + 4], 0) for at in range(0, len(several) - 3, 4)}
    else:
        types = {_number(packet.value(Tag.DEVICE_TYPE), ANY)}
    return bool(types & {TUNER, ANY})


def _number(value: bytes | None, default: int) -> int:
    if value is None:
        return default
    if len(value) != 4:
        raise PacketError("a number has four bytes")
    return int(struct.unpack(">I", value)[0])
