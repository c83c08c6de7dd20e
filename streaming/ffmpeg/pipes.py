"""The pipes between us and a child: filled without ever stopping us, closed exactly once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections import deque

_PIPE_BYTES = 1024 * 1024
#: What an input may hold back for a child that does not read yet.
_WAITING_BYTES = 32 * 1024 * 1024
_JOIN_S = 1.0


class InputPipe:
    """Fills one pipe in a thread of its own: a child that opens its inputs one after the other must not stop us."""

    def __init__(self, fd: int) -> None:
        enlarge(fd)
        self._fd = fd
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._ended = False
        self._broken = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._fill, name="ffmpeg-feed", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> bool:
        """Queue input; waits while too much is waiting. False when nobody will read it."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._broken or self._waiting_bytes < _WAITING_BYTES)
            if self._ended or self._broken:
                return False
            self._waiting.append(data)
            self._waiting_bytes += len(data)
            self._changed.notify_all()
            return True

    def end(self) -> None:
        """Close the pipe behind what is waiting."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abort(self) -> None:
        """Close the pipe now. Call it when the child is gone: only then has a blocked write ended."""
        with self._changed:
            self._ended = self._broken = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(_JOIN_S)

    def _fill(self) -> None:
        while (data := self._take()) is not None:
            try:
                _write_all(self._fd, data)
            except OSError:
                with self._changed:
                    self._broken = True
                    self._changed.notify_all()
                break
        close(self._fd)

    def _take(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended or self._broken)
            if self._broken or not self._waiting:
                return None
            data = self._waiting.popleft()
            self._waiting_bytes -= len(data)
            self._changed.notify_all()
            return data


def enlarge(fd: int) -> None:
    """Make a pipe hold a second of television instead of 64 KiB; a limit of the machine is no reason to fail."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def close(fd: int) -> None:
    """Close a descriptor that may be none (-1)."""
    if fd >= 0:
        with contextlib.suppress(OSError):
            os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
