"""A tuner's documents: discover, lineup, status and device description (reference hdhomerun.md, 1 and 5)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from channels.models import Channel
from restreamer.lib import m3u
from streaming.outputs.addresses import Pictures

MODEL = "HDHR4-2US"
FIRMWARE = "hdhomerun4_atsc"
VERSION = "20220822"
MANUFACTURER = "Restreamer"
#: Clients take any text; the maker's guide service is not ours.
AUTH = "restreamer"

#: Everybody derives the same UUID from a DeviceID.
_UUID_SPACE = uuid.UUID("5f1c8a5e-6d0b-5c57-9a5e-2c6f1f7a0d11")
_PIECE = 500


@dataclass(frozen=True, slots=True)
class Device:
    """What the documents say of a tuner. `base_url` has no closing slash."""

    name: str
    device_id: str
    tuners: int
    base_url: str

    @property
    def udn(self) -> str:
        """The UPnP name, constant for a DeviceID."""
        return f"uuid:{uuid.uuid5(_UUID_SPACE, self.device_id)}"

    def address(self, number: str) -> str:
        """Where a channel plays; equal for ever."""
        return f"{self.base_url}/auto/v{number}"


def discover(device: Device) -> dict[str, str | int]:
    """`/discover.json`."""
    return {
        "FriendlyName": _plain(device.name),
        "Manufacturer": MANUFACTURER,
        "ModelNumber": MODEL,
        "FirmwareName": FIRMWARE,
        "FirmwareVersion": VERSION,
        "DeviceID": device.device_id,
        "DeviceAuth": AUTH,
        "BaseURL": device.base_url,
        "LineupURL": f"{device.base_url}/lineup.json",
        "TunerCount": device.tuners,
    }


#: There is nothing to scan: a scan is over before it is asked about.
STATUS = {"ScanInProgress": 0, "ScanPossible": 1, "Source": "Cable", "SourceList": ["Cable"]}


def lineup_json(device: Device, channels: Iterable[tuple[str, Channel]]) -> Iterator[str]:
    """`/lineup.json`, in pieces."""
    yield "["
    first = True
    for piece in _pieces(json.dumps(_entry(device, *one), ensure_ascii=False) for one in channels):
        yield ("" if first else ",\n") + ",\n".join(piece)
        first = False
    yield "]\n"


def lineup_xml(device: Device, channels: Iterable[tuple[str, Channel]]) -> Iterator[str]:
    """`/lineup.xml`, in pieces."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<Lineup>\n'
    for piece in _pieces(_xml_entry(_entry(device, *one)) for one in channels):
        yield "".join(piece)
    yield "</Lineup>\n"


def lineup_m3u(device: Device, channels: Iterable[tuple[str, Channel]], pictures: Pictures) -> Iterator[str]:
    """`/lineup.m3u`, in pieces."""
    yield m3u.header()
    for piece in _pieces(_m3u_entry(device, *one, pictures) for one in channels):
        yield "".join(piece)


def device_xml(device: Device) -> str:
    """`/device.xml`: a UPnP root device."""
    facts = {
        "deviceType": "urn:schemas-upnp-org:device:MediaServer:1",
        "friendlyName": _plain(device.name),
        "manufacturer": MANUFACTURER,
        "modelName": MODEL,
        "modelNumber": MODEL,
        "serialNumber": device.device_id,
        "UDN": device.udn,
    }
    inside = "".join(f"    <{name}>{escape(value)}</{name}>\n" for name, value in facts.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<root xmlns="urn:schemas-upnp-org:device-1-0">\n'
        "  <specVersion><major>1</major><minor>0</minor></specVersion>\n"
        f"  <URLBase>{escape(device.base_url)}</URLBase>\n"
        f"  <device>\n{inside}  </device>\n"
        "</root>\n"
    )


def _entry(device: Device, number: str, channel: Channel) -> dict[str, str | int]:
    entry: dict[str, str | int] = {
        "GuideNumber": number,
        "GuideName": _plain(channel.name),
        "URL": device.address(number),
    }
    # Some read numbers, some booleans; 1 is both.
    if channel.quality in ("hd", "fhd", "uhd"):
        entry["HD"] = 1
    if channel.favourite:
        entry["Favorite"] = 1
    return entry


def _xml_entry(entry: dict[str, str | int]) -> str:
    inside = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in entry.items())
    return f"  <Program>{inside}</Program>\n"


def _m3u_entry(device: Device, number: str, channel: Channel, pictures: Pictures) -> str:
    logo = pictures.channel(channel.pk, channel.logo, adult=channel.adult)
    attributes = {"tvg-id": channel.tvg_id, "tvg-chno": number, "tvg-logo": logo}
    groups = [channel.group.name] if channel.group else []
    return m3u.render_entry(channel.name, device.address(number), attributes, groups=groups)


def _plain(text: str) -> str:
    """Without control characters, which JSON and XML readers of televisions choke on."""
    return "".join(" " if ord(letter) < 32 or ord(letter) == 127 else letter for letter in text).strip() or "Restreamer"


def _pieces(entries: Iterable[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    for entry in entries:
        piece.append(entry)
        if len(piece) == _PIECE:
            yield piece
            piece = []
    if piece:
        yield piece
