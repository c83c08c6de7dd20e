"""What the answering rooms know of our tuners: a snapshot, so that a database outage does not silence them."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from accounts.networks import contains

#: The library of the maker copies the base URL into a buffer of this many characters; what is longer arrives empty.
LONGEST_BASE_URL = 28


@dataclass(frozen=True, slots=True)
class Announced:
    """A tuner to be found. `port` is where its root is; `networks` as the viewer's page has them."""

    name: str
    device_id: str
    tuners: int
    port: int
    networks: str

    @property
    def number(self) -> int:
        """The DeviceID as packets carry it."""
        return int(self.device_id, 16)

    def is_for(self, address: str) -> bool:
        """May somebody at this address use it without a token, so that finding it makes sense?"""
        return contains(self.networks, address)


def base_url(own_address: str, port: int) -> str:
    """The root address of a tuner, short enough for every client."""
    host = f"[{own_address}]" if ":" in own_address else own_address
    return f"http://{host}:{port}" if port != 80 else f"http://{host}"


def own_address_towards(address: str, announced: str = "") -> str:
    """Our address on the interface that leads to this one; what the owner set when that means nothing to clients."""
    if announced:
        return announced
    parsed = ipaddress.ip_address(address)
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: connecting a datagram socket only chooses the interface.
        probe.connect((address, 9))
        return str(probe.getsockname()[0])
