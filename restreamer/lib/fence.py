"""How far an address may lead that somebody else chose: no provider's list makes us knock at doors in the house."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from restreamer.lib.http_errors import FencedOff

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOUSE_NAMES = (".localhost", ".local", ".lan", ".home", ".internal", ".home.arpa")
#: IPv6 addresses in which a translator finds an IPv4 one.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Fence:
    """The public internet and the private networks an owner opened."""

    networks: tuple[Network, ...] = ()

    def addresses_of(self, host: str, port: int | None = None) -> list[str]:
        """Where the host may be connected to, best first, judged: whoever connects uses these and asks no more.

        A second look at a name may find another address than the first. One address outside is enough for a no.
        Raises FencedOff, OSError when there is no such host.
        """
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        try:
            rows = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
        except UnicodeError as err:
            raise socket.gaierror(socket.EAI_NONAME, "no host has such a name") from err
        found = list(dict.fromkeys(str(row[4][0]) for row in rows))
        if not all(self.holds(address) for address in found):
            raise FencedOff(host)
        return found

    def holds_written(self, host: str) -> bool:
        """For a host that a proxy will look up: is what is written on the side that may be asked?"""
        address = _written(host)
        return self.holds(str(address)) if address is not None else not _is_of_the_house(host)

    def holds(self, address: str) -> bool:
        """Is this address, as numbers, on the side that may be asked? Raises ValueError for a name."""
        found = _plain(ipaddress.ip_address(address.partition("%")[0]))
        return _is_public(found) or any(found in network for network in self.networks)


def around(owner_address: str, networks: tuple[Network, ...]) -> Fence | None:
    """The fence around a provider at this address; None for one in the house, which may name its neighbours.

    Only what the owner wrote counts: a public name that means a private address is its provider's doing.
    """
    if owner_address.startswith(("/", "file:")):
        # A list on this machine is the owner's own.
        return None
    return None if _is_of_the_house(_host(owner_address)) else Fence(networks)


def _host(address: str) -> str:
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def _is_of_the_house(host: str) -> bool:
    """A private address, or a name that public name servers do not have."""
    address = _written(host)
    if address is not None:
        return not _is_public(_plain(address))
    name = _bare(host)
    return bool(name) and ("." not in name or name.endswith(_HOUSE_NAMES))


def _written(host: str) -> Address | None:
    """The address that a host's letters are; None for a name."""
    bare = _bare(host)
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(bare.partition("%")[0])
    # Resolvers take 127.1, 0177.0.0.1 and 2130706433 for addresses too.
    with contextlib.suppress(OSError, ValueError):
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    return None


def _bare(host: str) -> str:
    """As resolvers read it: other scripts' digits and dots are plain ones, the root's dot says nothing."""
    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").strip("[]").rstrip(".").lower()


def networks_of(entries: Iterable[str]) -> tuple[Network, ...]:
    """Networks as settings write them."""
    return tuple(ipaddress.ip_network(one, strict=False) for one in entries)


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, when that is where packets end."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )
