"""Connections that end when their request's time is up, and hold to a fence: what requests alone cannot promise."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter

from restreamer.lib.fence import Fence
from restreamer.lib.http_errors import FencedOff


class Deadline:
    """Ends a request when its time is up, whatever it is doing: a timer shuts the connection down under it."""

    def __init__(self, total_s: float) -> None:
        self.passed = False
        self.total_s = total_s
        self._lock = threading.Lock()
        self._spares: list[socket.socket] = []
        self._timer = threading.Timer(total_s, self._fire)
        self._timer.daemon = True
        self._timer.start()

    @property
    def exceeded_s(self) -> float | None:
        """The time that was given, when it is up."""
        return self.total_s if self.passed else None

    @contextlib.contextmanager
    def watching(self, fence: Fence | None = None) -> Iterator[None]:
        """Connections made or reused by this thread inside the block end with this deadline, and hold to the fence."""
        _watched.deadline, _watched.fence = self, fence
        try:
            yield
        finally:
            _watched.deadline, _watched.fence = None, None

    def adopt(self, sock: socket.socket) -> None:
        """Keep a second handle on the connection: the first may be wrapped in TLS or handed on by then."""
        try:
            spare = socket.socket(fileno=os.dup(sock.fileno()))
        except OSError:  # closed already: nothing left to end
            return
        with self._lock:
            self._spares.append(spare)
            if self.passed:
                _shut(spare)

    def close(self) -> None:
        """The request is over."""
        self._timer.cancel()
        with self._lock:
            for spare in self._spares:
                spare.close()
            self._spares.clear()

    def _fire(self) -> None:
        with self._lock:
            self.passed = True
            for spare in self._spares:
                _shut(spare)


class _Watched(threading.local):
    """The deadline of the request this thread is sending."""

    deadline: Deadline | None = None
    #: A name may mean another address by now than when it was judged.
    fence: Fence | None = None


_watched = _Watched()


class WatchedAdapter(HTTPAdapter):
    """An adapter whose connections report themselves to the deadline of the request that uses them."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        _watch_pools(manager)
        return manager


def _watch_pools(manager: Any) -> None:
    """Let all pools of an urllib3 manager (plain, proxy or SOCKS) make watched connections."""
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _watched_pool(pool) for scheme, pool in pools.items()}


@functools.cache
def _watched_pool(pool: Any) -> Any:
    connection = pool.ConnectionCls

    def _new_conn(self: Any) -> socket.socket:
        sock: socket.socket = connection._new_conn(self)
        if _watched.fence is not None:
            _must_hold(sock, self.host, _watched.fence)
        if _watched.deadline is not None:
            _watched.deadline.adopt(sock)
        return sock

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _watched.deadline is not None and self.sock is not None:
            _watched.deadline.adopt(self.sock)
        return connection.request(self, *args, **kwargs)

    watched = type(
        connection.__name__,
        (connection,),
        {"_new_conn": _new_conn, "request": request},
    )
    return type(pool.__name__, (pool,), {"ConnectionCls": watched})


def _must_hold(sock: socket.socket, host: str, fence: Fence) -> None:
    """Nothing was sent yet. Raises FencedOff."""
    if not fence.holds_peer(str(sock.getpeername()[0])):
        sock.close()
        raise FencedOff(host)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
