"""One process that is kept running: start, output, end, start again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from restreamer.parent_death import die_with_me
from restreamer.runner.output import Lines, Output

#: Running this long is running well: the next failure is a first one again.
RAN_WELL_S = 30.0
LONGEST_PAUSE_S = 30.0
#: Blocks read after the end; somebody who ran away with the pipe may fill it for ever.
_LAST_BLOCKS = 64


@dataclass(frozen=True, slots=True)
class Role:
    """What a process is for and how it is started. `answers` says, without waiting long, whether it serves."""

    name: str
    command: tuple[str, ...]
    answers: Callable[[], bool] | None = None
    #: The pause before the first restart after it ran well.
    first_pause_s: float = 1.0
    pass_fds: tuple[int, ...] = ()
    #: The others stand on it: it starts first and ends last.
    foundation: bool = False
    #: Lines with one of these phrases help nobody and are not passed on.
    hushed: tuple[str, ...] = ()


def pause_s(failures: int, first_pause_s: float) -> float:
    """How long to wait before the restart that follows the `failures`-th failure in a row: 1, 2, 4 … 30 s."""
    if failures <= 1:
        return first_pause_s
    return min(LONGEST_PAUSE_S, 2.0 ** min(failures - 2, 10))


class Child:
    """A role and its present process."""

    def __init__(
        self, role: Role, output: Output, clock: Callable[[], float], environment: Mapping[str, str], folder: str
    ) -> None:
        self.role = role
        self._output = output
        self._clock = clock
        self._environment = environment
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._lines = Lines()
        self._started_at = 0.0
        self._failures = 0
        #: When to start it (again); None while it runs or must stay down.
        self.start_at: float | None = None

    @property
    def pid(self) -> int | None:
        """The running process, if any."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Does its process still run?"""
        return self._process is not None and not _has_ended(self._process.pid)

    @property
    def running(self) -> bool:
        """Has it a process that has not been buried yet?"""
        return self._process is not None

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches only us and its family has one name."""
        self.start_at = None
        self._started_at = self._clock()
        self._process = subprocess.Popen(
            self.role.command,
            cwd=self._folder,
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self.role.pass_fds,
            preexec_fn=die_with_me(),
        )
        os.set_blocking(self.fileno(), False)

    def fileno(self) -> int:
        """The reading end of its output."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def read(self) -> bool:
        """Pass on what it printed. False at the end of its output."""
        return self._read() != b""

    def bury(self) -> str:
        """When the process has ended: clear its family away and say how it ended. Else an empty text."""
        process = self._process
        if process is None or self.alive:
            return ""
        # Whatever it left in its process group holds sockets and files of the next one. Its number is not free
        # for others before `wait`, so nobody else is hit.
        self.kill()
        code = process.wait()
        for _ in range(_LAST_BLOCKS):
            if not self._read():
                break
        self._pass_on(self._lines.end())
        assert process.stdout is not None
        process.stdout.close()
        self._process = None
        return _how(code)

    def _read(self) -> bytes | None:
        """A block of output; None when there is none now, b"" at its end."""
        try:
            block = os.read(self.fileno(), 65536)
        except BlockingIOError:
            return None
        self._pass_on(self._lines.feed(block))
        return block

    def _pass_on(self, lines: list[str]) -> None:
        for line in lines:
            if not any(phrase in line for phrase in self.role.hushed):
                self._output.line(self.role.name, line)

    def plan_restart(self) -> float:
        """Set when it starts again; returns the pause in seconds."""
        now = self._clock()
        self._failures = 1 if now - self._started_at >= RAN_WELL_S else self._failures + 1
        pause = pause_s(self._failures, self.role.first_pause_s)
        self.start_at = now + pause
        return pause

    def ran_s(self) -> float:
        """Seconds since the last start."""
        return self._clock() - self._started_at

    def terminate(self) -> None:
        """Ask the process to end; it ends its own family."""
        self.start_at = None
        if self._process is not None:
            # Not Popen.send_signal: that one buries a process that has ended, and `bury` is where that is done.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the process and its family at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
