"""A timer in the kernel that kills this process unless it is put off again: also one that is frozen or hangs (Linux).

A process that stands still (SIGSTOP, a debugger, a paused container, a deadlock) keeps its sockets open and cannot be
asked to close them. The kernel can: SIGKILL works on a stopped process, and closes everything it had.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys

logger = logging.getLogger(__name__)

#: Also counts while the machine sleeps: what others may take from us by then, they have taken when it wakes.
_CLOCK_BOOTTIME = 7
_SIGEV_SIGNAL = 0


class _SigEvent(ctypes.Structure):
    _fields_ = [
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * 48),
    ]


class _TimeSpec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _TimerSpec(ctypes.Structure):
    _fields_ = [("interval", _TimeSpec), ("value", _TimeSpec)]


class DeadMansTimer:
    """Kills this process with SIGKILL `seconds` after the last `put_off`. Does nothing before the first one.

    A child that is forked does not inherit it. Where the kernel has no such timer it does nothing, and says so once.
    """

    def __init__(self) -> None:
        self._libc = _libc()
        self._timer = ctypes.c_void_p()
        if self._libc is None:
            return
        event = _SigEvent(signo=signal.SIGKILL, notify=_SIGEV_SIGNAL)
        if self._libc.timer_create(_CLOCK_BOOTTIME, ctypes.byref(event), ctypes.byref(self._timer)) != 0:
            why = os.strerror(ctypes.get_errno())
            logger.warning("No timer guards this process; frozen, it would keep its connections: %s", why)
            self._libc = None

    def put_off(self, seconds: float) -> None:
        """It goes off so many seconds from now; at once when that is not positive."""
        self._set(max(seconds, 1e-6))

    def stop(self) -> None:
        """It goes off no more."""
        self._set(0.0)

    def _set(self, seconds: float) -> None:
        if self._libc is None:
            return
        whole = int(seconds)
        value = _TimeSpec(whole, int((seconds - whole) * 1e9))
        self._libc.timer_settime(self._timer, 0, ctypes.byref(_TimerSpec(_TimeSpec(0, 0), value)), None)


def _libc() -> ctypes.CDLL | None:
    """The C library, if it has these timers (glibc from 2.34 on, musl)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return libc if hasattr(libc, "timer_create") and hasattr(libc, "timer_settime") else None
