"""Connections that end when their request's time is up: what requests alone cannot promise."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from restreamer.lib.dialling import DiallingAdapter


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
    def watching(self) -> Iterator[None]:
        """Connections made or reused by this thread inside the block end with this deadline."""
        _watched.deadline = self
        try:
            yield
        finally:
            _watched.deadline = None

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


_watched = _Watched()


class WatchedAdapter(DiallingAdapter):
    """An adapter whose connections report themselves to the deadline of the request that uses them."""

    def taught(self, kind: Any) -> Any:
        """Connections watched, new and used again."""

        def _new_conn(connection: Any) -> socket.socket:
            sock: socket.socket = kind._new_conn(connection)
            if _watched.deadline is not None:
                _watched.deadline.adopt(sock)
            return sock

        def request(connection: Any, *args: Any, **kwargs: Any) -> Any:
            if _watched.deadline is not None and connection.sock is not None:
                _watched.deadline.adopt(connection.sock)
            return kind.request(connection, *args, **kwargs)

        return type(kind.__name__, (kind,), {"_new_conn": _new_conn, "request": request})


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
