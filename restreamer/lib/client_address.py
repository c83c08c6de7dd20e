"""Where a request comes from: the connection's address, or what the trusted proxies in front of us say."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(request: HttpRequest) -> str:
    """The asker's address: the connection's, or what the trusted proxies in front of us say.

    X-Forwarded-For is read from the right, for as long as trusted proxies wrote it; what stands further left
    anybody may have invented. A connection over a unix socket is trusted when TRUSTED_PROXIES holds `unix`.
    """
    networks, unix = _trusted(tuple(settings.TRUSTED_PROXIES))
    address = str(request.META.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    while hops and _is_trusted(address, networks, unix=unix):
        said = _normal(hops.pop())
        if said is None:
            break
        address = said
    return address


@functools.lru_cache(maxsize=4)
def _trusted(entries: tuple[str, ...]) -> tuple[Sequence[Network], bool]:
    networks = [ipaddress.ip_network(one, strict=False) for one in entries if one != "unix"]
    return networks, "unix" in entries


def _is_trusted(address: str, networks: Sequence[Network], *, unix: bool) -> bool:
    if not address:
        return unix
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _normal(hop: str) -> str | None:
    """An address out of `1.2.3.4`, `1.2.3.4:5678`, `2001:db8::1` or `[2001:db8::1]:5678`; None for anything else."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return None
