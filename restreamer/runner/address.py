"""Where we listen, and what to type into a browser to get there."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from restreamer.addresses import lan_address
from restreamer.lib.errors import ConfigurationError

_EVERYWHERE = {"0.0.0.0", "::"}
_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """A host and port to listen on."""

    host: str
    port: int

    @property
    def everywhere(self) -> bool:
        """Bound to all addresses of the machine?"""
        return self.host in _EVERYWHERE

    @property
    def probe_host(self) -> str:
        """The host at which this machine reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    def urls(self) -> list[str]:
        """What to open: the address in the home network first when there is one, then this machine's own."""
        if not self.everywhere:
            return [_url(self.host, self.port)]
        in_the_house = lan_address()
        hosts = ["localhost"] if in_the_house.startswith("127.") else [in_the_house, "localhost"]
        return [_url(host, self.port) for host in hosts]


def parse(bind: str) -> Address:
    """`0.0.0.0:8001`, `[::1]:8001` or `:8001` as an address. Raises ConfigurationError."""
    host, colon, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "0.0.0.0"
    if not colon or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65536:
        raise ConfigurationError(f"RESTREAMER_BIND={bind!r} is no address; use host:port, like 0.0.0.0:8001.")
    return Address(host, int(port))


def listen(address: Address) -> socket.socket:
    """A listening socket. Raises ConfigurationError with what to do when that is impossible.

    It stays open while web restarts, so that nobody is refused in between.
    """
    try:
        family, kind, proto, _, where = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as err:
        raise ConfigurationError(f"RESTREAMER_BIND names an unknown host, {address.host!r}.") from err
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(_BACKLOG)
    except OSError as err:
        listener.close()
        raise ConfigurationError(_refusal(address, err)) from err
    return listener


def _refusal(address: Address, err: OSError) -> str:
    other = f"RESTREAMER_BIND={address.host}:{address.port + 1 if address.port < 65535 else 8001}"
    if err.errno == errno.EADDRINUSE:
        return f"Port {address.port} is taken by another program. Stop that one, or choose another port: {other}"
    if err.errno == errno.EACCES:
        return f"Port {address.port} is reserved for the system. Choose one above 1023: RESTREAMER_BIND=0.0.0.0:8001"
    if err.errno == errno.EADDRNOTAVAIL:
        return (
            f"{address.host} is no address of this machine. Use RESTREAMER_BIND=0.0.0.0:{address.port} for all of them."
        )
    return f"{address.host}:{address.port} cannot be listened on: {err.strerror}."


def _url(host: str, port: int) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"
