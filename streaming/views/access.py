"""Who asks, and from where."""

from __future__ import annotations

import functools
import ipaddress
import secrets
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Viewer
from streaming.errors import TokenMissing, ViewerNotAllowed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Compared with when nobody has the token, so that both answers take the same path.
_NOBODY = secrets.token_urlsafe(24)
_LONGEST_TOKEN = 64


def admitted_viewer(request: HttpRequest, token: str = "") -> Viewer:
    """The viewer whose token stands in the path or in `?token=`.

    Raises TokenMissing (the same for none and for a wrong one), ViewerNotAllowed.
    """
    # No token of ours is longer, or holds a NUL, which PostgreSQL would stumble over.
    given = (token or request.GET.get("token", ""))[: _LONGEST_TOKEN + 1].replace("\0", " ")
    viewer = Viewer.objects.filter(token=given).first()
    known = viewer.token if viewer is not None else _NOBODY
    if not secrets.compare_digest(known.encode(), given.encode(errors="replace")) or viewer is None:
        raise TokenMissing("No viewer has the token of this request.")
    if not viewer.enabled:
        raise ViewerNotAllowed(f"{viewer.name} is switched off.", public="This login is switched off.")
    if viewer.expired:
        raise ViewerNotAllowed(f"{viewer.name} has expired.", public="This login has expired.")
    return viewer


def client_address(request: HttpRequest) -> str:
    """The player's address: the connection's, or what the trusted proxies in front of us say.

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
