"""Starts children that cannot outlive this process, however it dies."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Sequence


class Spawner:
    """Starts all children from one thread that lives as long as the process.

    The kernel's "kill the child when its parent dies" (PR_SET_PDEATHSIG) watches the thread that forked, not the
    process: a child started by a short-lived thread would be killed as soon as that thread is done.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()

    def start(self, command: Sequence[str], stdin: int | None, extra: Sequence[int]) -> subprocess.Popen[bytes]:
        """A child in a session of its own; standard output and error are pipes, `extra` descriptors stay open in it.

        Raises OSError when the program cannot be started.
        """
        program = shutil.which(command[0])
        if program is None:
            raise FileNotFoundError(2, f"there is no program {command[0]!r}")
        order = _Order([*_DIE_WITH_PARENT, program, *command[1:]], stdin, tuple(extra))
        with self._lock:
            if self._pid != os.getpid():  # the first time, and once after a fork: threads do not survive it
                self._pid = os.getpid()
                self._orders = queue.SimpleQueue()
                threading.Thread(target=_work, args=(self._orders,), name="spawner", daemon=True).start()
        self._orders.put(order)
        order.done.wait()
        if order.process is None:
            raise order.error
        return order.process


class _Order:
    """One child to start."""

    def __init__(self, command: list[str], stdin: int | None, extra: tuple[int, ...]) -> None:
        self.command = command
        self.stdin = stdin
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None
        self.error = OSError("not started")
        self.done = threading.Event()


def _work(orders: queue.SimpleQueue[_Order]) -> None:
    while True:
        order = orders.get()
        try:
            order.process = subprocess.Popen(
                order.command,
                stdin=subprocess.DEVNULL if order.stdin is None else order.stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=order.extra,
                start_new_session=True,
            )
        except OSError as err:
            order.error = err
        except ValueError as err:  # a zero byte in an argument
            order.error = OSError(22, str(err))
        order.done.set()


def _die_with_parent() -> tuple[str, ...]:
    """util-linux's setpriv sets the death signal and then becomes the program: no Python runs after the fork."""
    found = shutil.which("setpriv")
    return (found, "--pdeathsig", "KILL", "--") if found else ()


_DIE_WITH_PARENT = _die_with_parent()
SPAWNER = Spawner()
