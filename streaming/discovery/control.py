"""The read-only part of TCP port 65001: what `hdhomerun_config <id> get …` asks (reference hdhomerun.md, section 4)."""

from __future__ import annotations

import re

from restreamer.lib.hdhomerun import Packet, Tag, Type, write
from streaming.discovery.facts import Announced
from streaming.outputs.hdhr import FIRMWARE, MODEL, VERSION

_IDLE = "ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0"
_FEATURES = "channelmap: us-bcast\nmodulation: 8vsb\nauto-modulation: auto\n"
_SYSTEM = {"/sys/model": FIRMWARE, "/sys/hwmodel": MODEL, "/sys/version": VERSION, "/sys/features": _FEATURES}
_TUNER = re.compile(r"/tuner(\d{1,3})/([a-z]+)")
_NOTHING = frozenset(
    {"lockkey", "channel", "vchannel", "channelmap", "filter", "program", "target", "streaminfo", "debug"}
)


def answer(packet: Packet, device: Announced) -> bytes | None:
    """The reply to a request; None for what is no request."""
    if packet.type != Type.GETSET_REQUEST:
        return None
    raw = packet.value(Tag.NAME) or b""
    name = raw.rstrip(b"\0").decode("utf-8", "replace")
    value = _value(name, device)
    if packet.value(Tag.VALUE) is not None:
        return _error("ERROR: this tuner is set by its pages, not from here")
    if value is None:
        return _error("ERROR: unknown getset variable")
    return write(Type.GETSET_REPLY, [(Tag.NAME, raw), (Tag.VALUE, value.encode() + b"\0")])


def _value(name: str, device: Announced) -> str | None:
    if name in _SYSTEM:
        return _SYSTEM[name]
    match = _TUNER.fullmatch(name)
    if match is None or int(match[1]) >= device.tuners:
        return None
    if match[2] == "status":
        return _IDLE
    if match[2] == "vstatus":
        return "vch=none name=none auth=unspecified cci=unspecified"
    return "none" if match[2] in _NOTHING else None


def _error(text: str) -> bytes:
    return write(Type.GETSET_REPLY, [(Tag.ERROR, text.encode() + b"\0")])
