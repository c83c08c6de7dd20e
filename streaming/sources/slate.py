"""A slate as a source: short television over and over, in real time, from no provider."""

from __future__ import annotations

import socket
import threading
import time

from streaming.faults import Fault, UpstreamError
from streaming.mpegts.slate import Slate

_TICK_S = 0.1


class SlateSource:
    """Implements `sources.base.Source`. `data` is one that `Slate` takes."""

    def __init__(self, data: bytes) -> None:
        self.head = b""
        self._data = data
        self._slate: Slate | None = None
        self._closed = threading.Event()

    def open(self) -> None:
        """Its time begins now."""
        self._slate = Slate(self._data, time.monotonic())

    def direct_socket(self) -> socket.socket | None:
        """There is none."""
        return None

    def read(self) -> bytes:
        """What is due next; waits for it."""
        assert self._slate is not None
        while not self._closed.is_set():
            data = self._slate.read(time.monotonic())
            if data:
                return data
            self._closed.wait(_TICK_S)
        raise UpstreamError(Fault.ENDED, "The slate was closed.")

    def close(self) -> None:
        """Wakes a waiting `read`."""
        self._closed.set()
