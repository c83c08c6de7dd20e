"""Who works in the data folder: `up` alone, or any number of commands together."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class FolderLock:
    """An advisory lock on the data folder; the kernel releases it when its holder dies, however it dies.

    `own` (alone, by `up`) and `share` (by commands) never wait. Both are called inside `changing()`, which makes the
    step from one to the other a single one for everybody else: whoever finds the folder owned there knows that
    `up` owns it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "up.lock"
        self._mutex_path = folder / "up.lock.changing"
        self._file: int | None = None

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else changes the lock inside this block. Held for the moment of a start or stop only."""
        handle = _open(self._mutex_path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def own(self) -> bool:
        """Take the folder alone; False when somebody has it."""
        return self._take(fcntl.LOCK_EX)

    def share(self) -> bool:
        """Take the folder together with other commands; False when `up` has it."""
        return self._take(fcntl.LOCK_SH)

    def release(self) -> None:
        """Give it back; harmless when it was not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def write_owner(self, pid: int) -> None:
        """Say in the file who owns the folder."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{pid}\n".encode(), 0)

    def owner(self) -> int:
        """The process that owns or last owned the folder alone; 0 when unknown."""
        try:
            return int(self._path.read_text(encoding="ascii").strip() or 0)
        except (OSError, ValueError):
            return 0

    def _take(self, kind: int) -> bool:
        self.release()
        handle = _open(self._path)
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._file = handle
        return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
