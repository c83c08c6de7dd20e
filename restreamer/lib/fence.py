"""How far an address may lead that somebody else chose: no provider's list makes us knock at doors in the house."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOUSE_NAMES = (".localhost", ".local", ".lan", ".home", ".internal", ".home.arpa")
#: IPv6 addresses in which a translator finds an IPv4 one.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Fence:
    """The public internet, the hosts an owner typed in, and the private networks an owner opened."""

    hosts: frozenset[str] = field(default_factory=frozenset)
    networks: tuple[Network, ...] = ()

    def knows(self, host: str) -> bool:
        """Did an owner name this very host?"""
        return host.lower() in self.hosts

    def holds(self, host: str) -> bool:
        """Is the host, under every address its name has now, on the side that may be asked?"""
        return self.knows(host) or all(self.holds_peer(address) for address in _addresses_of(host))

    def holds_written(self, host: str) -> bool:
        """The same for a host that a proxy will look up: only what is written is judged."""
        if self.knows(host):
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return not _is_of_the_house(host.lower())
        return self.holds_peer(host)

    def holds_peer(self, address: str) -> bool:
        """The same for an address that a connection has."""
        found = _plain(ipaddress.ip_address(address.partition("%")[0]))
        return _is_public(found) or any(found in network for network in self.networks)


def around(owner_address: str, networks: tuple[Network, ...]) -> Fence | None:
    """The fence around what a provider at this address names; None for one in the house, which may name its neighbours.

    Only what the owner wrote counts: a public name that means a private address today is its provider's doing.
    """
    if owner_address.startswith(("/", "file:")):
        # A list on this machine is the owner's own.
        return None
    host = _host(owner_address)
    return None if _is_of_the_house(host) else Fence(frozenset({host}), networks)


def _host(address: str) -> str:
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _is_of_the_house(host: str) -> bool:
    """A private address, or a name that public name servers do not have."""
    try:
        return not _is_public(_plain(ipaddress.ip_address(host.partition("%")[0])))
    except ValueError:
        return bool(host) and ("." not in host or host.endswith(_HOUSE_NAMES))


def networks_of(entries: Iterable[str]) -> tuple[Network, ...]:
    """Networks as settings write them."""
    return tuple(ipaddress.ip_network(one, strict=False) for one in entries)


def _addresses_of(host: str) -> list[str]:
    """What the host may be connected at; none when there is no such host, which the connection will say."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, when that is where packets end."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved)
