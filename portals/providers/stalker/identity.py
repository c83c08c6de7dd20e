"""What a set-top box tells a portal about itself, the same in every request of one MAC."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from portals.models import Portal, Subscription
from portals.models.portal import MAG_USER_AGENT

#: Zones under their old names: one newer than the portal's own table breaks every answer (section 13, "sharpens").
_OLD_ZONES = {
    "Europe/Kyiv": "Europe/Kiev",
    "Asia/Kolkata": "Asia/Calcutta",
    "Asia/Kathmandu": "Asia/Katmandu",
    "Asia/Yangon": "Asia/Rangoon",
    "Asia/Ho_Chi_Minh": "Asia/Saigon",
    "America/Nuuk": "America/Godthab",
    "America/Argentina/Buenos_Aires": "America/Buenos_Aires",
    "Pacific/Kanton": "Pacific/Enderbury",
}
_DEFAULT_MODEL = "MAG250"
HW_VERSION = "1.7-BD-00"
IMAGE_VERSION = "218"


@dataclass(frozen=True, slots=True)
class Identity:
    """One box. Device ids stay empty unless the owner gave them: the first non-empty value is pinned for good."""

    mac: str
    serial: str
    device_id: str
    device_id2: str
    signature: str
    model: str
    login: str
    password: str
    language: str
    user_agent: str

    @property
    def fingerprint(self) -> str:
        """Changes when an owner edits what the portal would notice, so that the session starts anew."""
        told = (self.mac, self.serial, self.device_id, self.device_id2, self.signature, self.model, self.login)
        return hashlib.sha256("\n".join((*told, self.password, self.language)).encode()).hexdigest()[:16]

    @property
    def version(self) -> str:
        """The `ver` parameter; stock demands a Player Engine version of at least 0x566."""
        revision = re.sub(r"\D", "", self.model) or "250"
        return (
            f"ImageDescription: 0.2.18-r14-pub-{revision}; ImageDate: Fri Jan 15 15:20:44 EET 2016; "
            "PORTAL version: 5.1.1; API Version: JS API version: 328; STB API version: 134; "
            "Player Engine version: 0x566"
        )

    @property
    def prehash(self) -> str:
        """Hash over model and the beginning of `ver`, as the firmware makes one; servers seen do not verify it."""
        return hashlib.sha1((self.model + self.version[:56]).encode(), usedforsecurity=False).hexdigest()

    def headers(self, *, referer: str, zone: str, token: str = "") -> dict[str, str]:
        """What stands in every API request; with the token in all but the handshake."""
        headers = {
            "User-Agent": self.user_agent,
            "X-User-Agent": f"Model: {self.model}; Link: WiFi",
            "Referer": referer,
            "Accept": "*/*",
            "Cookie": self.cookie(zone),
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def cookie(self, zone: str) -> str:
        """The three cookies of a box. Never `mac_emu` or `debug`."""
        pairs = {"mac": self.mac, "stb_lang": self.language, "timezone": old_zone(zone)}
        return "; ".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items() if value)

    def metrics(self, rand: str) -> str:
        """The `metrics` parameter, as JSON."""
        told = {
            "mac": self.mac,
            "sn": self.serial,
            "model": self.model,
            "type": "STB",
            "uid": self.device_id2,
            "random": rand,
        }
        return json.dumps(told, separators=(",", ":"))

    def profile(self, *, rand: str, not_valid: bool, second_step: bool, timestamp: int) -> dict[str, str]:
        """The parameters of get_profile."""
        metrics = self.metrics(rand)
        return {
            "type": "stb",
            "action": "get_profile",
            "hd": "1",
            "ver": self.version,
            "num_banks": "2",
            "sn": self.serial,
            "stb_type": self.model,
            "client_type": "STB",
            "image_version": IMAGE_VERSION,
            "video_out": "hdmi",
            "device_id": self.device_id,
            "device_id2": self.device_id2,
            "signature": self.signature,
            "auth_second_step": str(int(second_step)),
            "hw_version": HW_VERSION,
            "not_valid_token": str(int(not_valid)),
            "metrics": metrics,
            "hw_version_2": hashlib.sha1((metrics + rand).encode(), usedforsecurity=False).hexdigest(),
            "timestamp": str(timestamp),
            "api_signature": "262",
            "prehash": self.prehash,
        }


def identity_of(portal: Portal, subscription: Subscription) -> Identity:
    """The box this subscription pretends to be.

    Without a serial number of its own it gets one constant one: panels answer 404 to a sign-in without `sn` and
    block the address. Device ids are never invented.
    """
    mac = subscription.mac.strip()
    return Identity(
        mac=mac,
        serial=subscription.serial.strip() or constant_serial(mac),
        device_id=subscription.device_id.strip(),
        device_id2=subscription.device_id2.strip(),
        signature=subscription.signature.strip(),
        model=subscription.model.strip() or _DEFAULT_MODEL,
        login=subscription.login,
        password=subscription.password,
        language=portal.language.strip() or "en",
        user_agent=portal.user_agent.strip() or MAG_USER_AGENT,
    )


def constant_serial(mac: str) -> str:
    """A serial number that is always the same for one MAC, made the way common apps make it."""
    return hashlib.md5(mac.upper().encode(), usedforsecurity=False).hexdigest().upper()[:13]


def suggested_ids(mac: str, scheme: str) -> Mapping[str, str]:
    """Ids an owner may choose to store when a certain app was used before: "stbemu" or "tools".

    Offered, never sent by themselves: what is sent first is pinned to the MAC for good.
    """
    mac = mac.upper()
    serial = constant_serial(mac)
    if scheme == "stbemu":
        return {
            "serial": serial,
            "device_id": _sha256(mac),
            "device_id2": _sha256(mac + "stalker"),
            "signature": "",
        }
    if scheme == "tools":
        return {
            "serial": serial,
            "device_id": _sha256(serial),
            "device_id2": _sha256(mac),
            "signature": _sha256(serial + mac),
        }
    raise ValueError(f"no scheme named {scheme!r}")


def old_zone(zone: str) -> str:
    """The zone under the name an old portal knows."""
    return _OLD_ZONES.get(zone, zone)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest().upper()
