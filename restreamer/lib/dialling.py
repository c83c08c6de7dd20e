"""Where connections really go: a name is looked up once, all it means is judged, and just that is connected to."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import urllib3
from requests.utils import select_proxy

from restreamer.lib.fence import Fence
from restreamer.lib.http_errors import FencedOff
from restreamer.lib.trust import SharedTrustAdapter

#: Proxies that look names up themselves; to socks5 and socks4 we name an address.
_LOOKING_UP = ("socks5h:", "socks4a:")


class DiallingAdapter(SharedTrustAdapter):
    """An adapter of requests all of whose connections (plain, TLS, proxied) hold to a fence, at every redirect anew.

    Host, SNI and certificate are those of the name. Without a fence it connects as requests does. A proxy's own address
    is the owner's word; of a host that a proxy looks up only what is written can be judged.
    """

    def __init__(self, fence: Fence | None, **pools: Any) -> None:
        # Before the pools are made, which the constructor does.
        self._fence = fence
        super().__init__(max_retries=0, **pools)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Pools for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self._teach(self.poolmanager, dials=True)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Pools for connections through a proxy, HTTP or SOCKS."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            kind = proxy.lower()
            self._teach(manager, dials=kind.startswith("socks") and not kind.startswith(_LOOKING_UP))
        return manager

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Raises FencedOff, besides what requests raises."""
        if self._fence is not None and select_proxy(request.url, kwargs.get("proxies")):
            # Read as the library reads it that writes the request.
            host = urllib3.util.parse_url(request.url).host or ""
            if not self._fence.holds_written(host):
                raise FencedOff(host)
        return super().send(request, *args, **kwargs)

    def taught(self, kind: Any) -> Any:
        """A connection class of urllib3 with what a subclass adds."""
        return kind

    def _teach(self, manager: Any, *, dials: bool) -> None:
        fence = self._fence if dials else None
        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": self.taught(_dialling(pool.ConnectionCls, fence))})
            for scheme, pool in pools.items()
        }


def _dialling(kind: Any, fence: Fence | None) -> Any:
    """The connection class, holding to the fence."""
    if fence is None:
        return kind

    def _new_conn(connection: Any) -> socket.socket:
        return _dialled(connection, kind._new_conn, fence)

    return type(kind.__name__, (kind,), {"_new_conn": _new_conn})


def _dialled(connection: Any, really: Callable[[Any], socket.socket], fence: Fence) -> socket.socket:
    """Connect to the first of the host's addresses that takes us. Raises FencedOff before anything is sent."""
    name = connection.host
    try:
        addresses = fence.addresses_of(name, connection.port)
    except OSError as err:
        raise urllib3.exceptions.NameResolutionError(name, connection, err) from err  # type: ignore[arg-type]
    last: Exception = urllib3.exceptions.NewConnectionError(connection, f"{name} has no address")
    try:
        for address in addresses:
            # What is connected to is the host just now, and again the name for all that follows.
            connection.host = address
            try:
                return really(connection)
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as err:
                last = err
    finally:
        connection.host = name
    raise last
