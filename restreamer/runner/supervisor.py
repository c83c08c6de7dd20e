"""Keeps children running until told to stop; then none is left."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from types import FrameType

from restreamer.parent_death import adopt_orphans
from restreamer.runner.child import Child, Role
from restreamer.runner.output import Output

STOP_TIMEOUT_S = 12.0
_KILL_TIMEOUT_S = 5.0


class Supervisor:
    """One thread, one loop: output, deaths, restarts, signals.

    Start everything from the main thread: the kernel ends our children when the thread that made them ends.
    """

    def __init__(
        self,
        output: Output,
        *,
        environment: Mapping[str, str],
        folder: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._output = output
        self._environment = environment
        self._folder = folder
        self._clock = clock
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        #: Children this process had before it became a supervisor.
        self._not_ours: set[int] = set()
        #: How often somebody asked us to stop; from the second time on without patience.
        self.stop_requests = 0
        #: While set, a request to stop interrupts whatever runs (preparations); else the loop notices it.
        self.interruptible = True

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGTERM, SIGINT, SIGHUP and the deaths of children for the length of the block."""
        adopt_orphans(True)
        self._not_ours = set(_children_of_this_process())
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        before = {number: signal.getsignal(number) for number in _HANDLED}
        # Started with nohup: the terminal may go, we stay.
        handled = [number for number in _HANDLED if number != signal.SIGHUP or before[number] != signal.SIG_IGN]
        old_wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, None)
        for number in handled:
            signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number in handled:
                signal.signal(number, before[number])
            signal.set_wakeup_fd(old_wakeup)
            adopt_orphans(False)
            self._selector.unregister(reader)
            reader.close()
            writer.close()

    def start(self, role: Role) -> Child:
        """Start a role and keep it running from now on."""
        child = Child(role, self._output, self._clock, self._environment, self._folder)
        self._children.append(child)
        interruptible, self.interruptible = self.interruptible, False
        self._start(child)
        self.interruptible = interruptible
        if interruptible and self.stop_requests:
            raise KeyboardInterrupt
        return child

    def turn(self, timeout_s: float) -> None:
        """One turn: pass on output, bury the dead, start what is due. Waits at most `timeout_s` for news."""
        self.listen(timeout_s)
        for child in self._children:
            how = self._bury(child)
            if how:
                pause = child.plan_restart()
                when = f"in {pause:.0f} s" if pause else "now"
                self._output.line(
                    "up", f"{child.role.name} {how} after {child.ran_s():.0f} s; starting it again {when}", "ERROR"
                )
        _reap_orphans(self._not_ours.union(child.pid for child in self._children if child.pid))
        now = self._clock()
        for child in self._children:
            if child.start_at is not None and child.start_at <= now:
                self._start(child)

    def run_until(self, done: Callable[[], bool], *, timeout_s: float, every_s: float = 0.1) -> bool:
        """Keep turning until `done` or a request to stop; False when the time is over."""
        deadline = self._clock() + timeout_s
        while not done():
            if self.stop_requests or self._clock() >= deadline:
                return False
            self.turn(every_s)
        return True

    def run(self) -> None:
        """Keep turning until somebody asks to stop."""
        self.interruptible = False
        while not self.stop_requests:
            self.turn(self._next_start_s())

    def stop(self) -> None:
        """End all children in the reverse order of their start, what the others stand on (Redis) after them."""
        self.interruptible = False
        backwards = list(reversed(self._children))
        self._stop_group([child for child in backwards if not child.role.foundation], patient_for=1)
        self._stop_group([child for child in backwards if child.role.foundation], patient_for=2)
        self._kill_adopted()

    def _stop_group(self, children: list[Child], *, patient_for: int) -> None:
        """`patient_for`: this many requests to stop are met with patience."""
        deadline = self._clock() + STOP_TIMEOUT_S
        for child in children:
            child.terminate()
        while any(child.running for child in children):
            if self._clock() >= deadline or self.stop_requests > patient_for:
                break
            self.listen(0.1)
            for child in children:
                self._bury(child)
        left = [child for child in children if child.running]
        for child in left:
            self._output.line("up", f"{child.role.name} does not end by itself; killed", "WARNING")
            child.kill()
        deadline = self._clock() + _KILL_TIMEOUT_S
        while any(child.running for child in left) and self._clock() < deadline:
            self.listen(0.05)
            for child in left:
                self._bury(child)

    def _kill_adopted(self) -> None:
        """End what our children left behind in sessions of their own and we adopted."""
        deadline = time.monotonic() + _KILL_TIMEOUT_S
        while time.monotonic() < deadline:
            left = set(_children_of_this_process()) - self._not_ours
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            _reap_orphans(self._not_ours)
            time.sleep(0.02)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except (OSError, subprocess.SubprocessError) as err:
            pause = child.plan_restart()
            told = f"{child.role.name} cannot be started ({err}); tried again in {pause:.0f} s"
            self._output.line("up", told, "ERROR")
            return
        self._selector.register(child.fileno(), selectors.EVENT_READ, child)

    def _bury(self, child: Child) -> str:
        if not child.running:
            return ""
        handle = child.fileno()
        how = child.bury()
        if how:
            # KeyError: its output had ended before, see listen.
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(handle)
        return how

    def listen(self, timeout_s: float) -> None:
        """Pass on what the children have to say; waits at most `timeout_s` for it."""
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, Child):
                if not key.data.read():
                    self._selector.unregister(key.fd)
            else:
                with contextlib.suppress(BlockingIOError):
                    os.read(key.fd, 4096)

    def _next_start_s(self) -> float:
        waiting = [child.start_at for child in self._children if child.start_at is not None]
        # An hour, not for ever: adopted orphans are buried now and then.
        return max(0.0, min(waiting) - self._clock()) if waiting else 3600.0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            return
        self.stop_requests += 1
        if self.interruptible:
            self.interruptible = False
            raise KeyboardInterrupt


_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def _reap_orphans(known: Container[int]) -> None:
    """Bury adopted grandchildren; the known are left to those who started them."""
    while True:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if dead is None or dead.si_pid in known:
            return
        os.waitpid(dead.si_pid, 0)


def _children_of_this_process() -> list[int]:
    """Empty where there is no /proc: nothing is adopted there either."""
    try:
        return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    except OSError:
        return []
