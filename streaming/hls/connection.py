"""One open connection at most, for everything requests does: counted, replaced in order, ended from any thread."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from restreamer.lib.dialling import DiallingAdapter
from restreamer.lib.fence import Fence


class OneConnection:
    """Knows the one open connection: closes it before another is opened, and from any thread for good."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.opened = 0
        self._connection: Any = None
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()

    def connect(self, connection: Any, really: Callable[[Any], socket.socket]) -> socket.socket:
        """Open `connection` in place of the one before. Raises ConnectionAbortedError after `close`."""
        if self._connection is not connection:
            self.hang_up()
        self._release()
        if self.closed.is_set():
            raise ConnectionAbortedError("closed")
        sock = really(connection)
        with self._lock:
            if self.closed.is_set():
                sock.close()
                raise ConnectionAbortedError("closed")
            # A second handle: TLS and http.client take the first one over.
            self._handle = socket.socket(fileno=os.dup(sock.fileno()))
            self._connection = connection
            self.opened += 1
        return sock

    def close(self) -> None:
        """No connection from now on, and the end of the one there is: whoever reads from it wakes up."""
        with self._lock:
            self.closed.set()
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)

    def hang_up(self) -> None:
        """Close what is open now. For the thread that uses it, or when none does."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._release()

    def _release(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None


class OneConnectionAdapter(DiallingAdapter):
    """An adapter all of whose connections (plain, TLS, proxied) go through one `OneConnection`."""

    def __init__(self, one: OneConnection, fence: Fence | None) -> None:
        self._one = one
        super().__init__(fence, pool_connections=1, pool_maxsize=1)

    def taught(self, kind: Any) -> Any:
        """Connections guarded."""
        one = self._one

        def _new_conn(connection: Any) -> socket.socket:
            return one.connect(connection, kind._new_conn)

        return type(kind.__name__, (kind,), {"_new_conn": _new_conn})
