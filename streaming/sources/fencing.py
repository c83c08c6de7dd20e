"""Where a stream may lead: what a provider on the internet names is not asked for inside the house."""

from __future__ import annotations

from urllib.parse import urlsplit

from portals.providers.records import PlayUrl
from restreamer.lib.http_errors import FencedOff
from streaming.faults import Fault, UpstreamError

#: With these the name goes to the server as well, or must match its certificate: it stays in the address.
_NAMED = ("http", "https", "rtsps", "rtmps")


def fenced_off(err: FencedOff) -> UpstreamError:
    """The fault of a stream that leads where it must not."""
    return UpstreamError(
        Fault.REFUSED,
        f"The stream leads to {err.host}, in a private network. If it should, name the network in "
        "RESTREAMER_PROVIDER_NETWORKS.",
    )


def judged(play: PlayUrl) -> str:
    """The address of a stream for a program that connects by itself: its name looked up and judged here.

    The program gets what was judged, so that it need not look again; of http, https, rtsps and rtmps it gets the name.
    Raises UpstreamError.
    """
    if play.fence is None:
        return play.url
    try:
        parts = urlsplit(play.url)
        host, port = parts.hostname or "", parts.port
    except ValueError as err:
        raise UpstreamError(Fault.PORTAL, "The portal gave an address that cannot be used.") from err
    by_name = parts.scheme.lower() in _NAMED
    try:
        if play.proxy_url and by_name:
            if not play.fence.holds_written(host):
                raise FencedOff(host)
            return play.url
        address = play.fence.addresses_of(host, port)[0]
    except FencedOff as err:
        raise fenced_off(err) from err
    except OSError as err:
        raise UpstreamError(Fault.REFUSED, f"There is no host named {host}.") from err
    if by_name:
        return play.url
    user, at, _ = parts.netloc.rpartition("@")
    written = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{user}{at}{written}" + (f":{port}" if port is not None else "")).geturl()
