"""SSDP (UPnP Device Architecture 1.0, section 1): answers and announcements (reference hdhomerun.md, section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime

from restreamer import __version__
from streaming.discovery.facts import Announced, base_url
from streaming.outputs.hdhr import Device

GROUP = "239.255.255.250"
PORT = 1900
MAX_AGE_S = 1800
#: A search that wants answers later than this has them at this.
LONGEST_WAIT_S = 5.0

_TYPE = "urn:schemas-upnp-org:device:MediaServer:1"
_SERVER = f"Linux/1.0 UPnP/1.0 Restreamer/{__version__}"
_LONGEST = 2048


def search(data: bytes) -> tuple[str, float] | None:
    """What a datagram searches and within how many seconds it wants the answer; None when it is no search."""
    if len(data) > _LONGEST:
        return None
    first, *lines = data.decode("latin-1").split("\r\n")
    if first.strip() != "M-SEARCH * HTTP/1.1":
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("man") != '"ssdp:discover"' or not headers.get("st"):
        return None
    wait = headers.get("mx", "1")
    return headers["st"], min(float(wait), LONGEST_WAIT_S) if wait.isascii() and wait.isdecimal() else 1.0


def answers(target: str, devices: Iterable[Announced], own_address: str) -> list[bytes]:
    """The answers to a search for this target."""
    replies = []
    for device in devices:
        root = Device(device.name, device.device_id, device.tuners, base_url(own_address, device.port))
        for one in _targets(root):
            if target in ("ssdp:all", one):
                replies.append(_reply(root, one))
    return replies


def announcements(devices: Iterable[Announced], own_address: str, *, leaving: bool = False) -> list[bytes]:
    """What is told to everybody at the start, from time to time, and at the end."""
    told = []
    for device in devices:
        root = Device(device.name, device.device_id, device.tuners, base_url(own_address, device.port))
        told += [_notify(root, one, leaving=leaving) for one in _targets(root)]
    return told


def _targets(root: Device) -> tuple[str, str, str]:
    return "upnp:rootdevice", root.udn, _TYPE


def _usn(root: Device, target: str) -> str:
    return root.udn if target == root.udn else f"{root.udn}::{target}"


def _reply(root: Device, target: str) -> bytes:
    return _message(
        "HTTP/1.1 200 OK",
        {
            "CACHE-CONTROL": f"max-age={MAX_AGE_S}",
            "DATE": format_datetime(datetime.now(UTC), usegmt=True),
            "EXT": "",
            "LOCATION": f"{root.base_url}/device.xml",
            "SERVER": _SERVER,
            "ST": target,
            "USN": _usn(root, target),
        },
    )


def _notify(root: Device, target: str, *, leaving: bool) -> bytes:
    headers = {"HOST": f"{GROUP}:{PORT}", "NT": target, "USN": _usn(root, target)}
    if leaving:
        return _message("NOTIFY * HTTP/1.1", headers | {"NTS": "ssdp:byebye"})
    alive = {"NTS": "ssdp:alive", "LOCATION": f"{root.base_url}/device.xml", "SERVER": _SERVER}
    return _message("NOTIFY * HTTP/1.1", headers | alive | {"CACHE-CONTROL": f"max-age={MAX_AGE_S}"})


def _message(first: str, headers: dict[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
