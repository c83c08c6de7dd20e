"""Children that do not outlive their parent, even when it is killed with -9 (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

# prctl(2)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# Loaded once, here: between fork and exec nothing may be imported or opened.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that forked it ends. Harmless where there is no prctl."""
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        # The parent died before the line above: nobody is left to send the signal.
        os._exit(1)


def die_with_me() -> Callable[[], None]:
    """For `preexec_fn`: the child dies with the process that calls this now.

    Start such a child from the main thread only: the kernel watches the thread, not the process.
    """
    parent = os.getpid()
    return lambda: die_with(parent)


def adopt_orphans(wanted: bool) -> None:
    """Become the parent of grandchildren whose parent dies, so that none escapes at the end; or stop doing so."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)
