"""One running child: its outputs always drained, its end always waited for."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from restreamer.lib import redact
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.pipes import InputPipe, close, enlarge
from streaming.ffmpeg.progress import Progress, ProgressReader
from streaming.ffmpeg.reasons import reason
from streaming.ffmpeg.spawner import SPAWNER

_READ_BYTES = 256 * 1024
_KEPT_LINES = 60
_LONGEST_LINE = 2000
#: Between TERM and KILL. ffmpeg ends at once unless it hangs in a driver or on a full pipe.
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class Pipes:
    """What the child calls the pipes between us, for its command line."""

    inputs: tuple[str, ...]
    progress: str


class ChildProcess:
    """A program that writes to its standard output, in a process group of its own.

    `command` is called with the pipes' names once they exist; `inputs` pipes are filled by `write`. Reading, writing
    and stopping may happen in three threads. Whoever made one must call `stop`.
    """

    def __init__(self, command: Callable[[Pipes], Sequence[str]], *, inputs: int = 0, progress: bool = False) -> None:
        self._progress = ProgressReader()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._stopping = threading.Event()
        self._reading = threading.Lock()
        self._reaping = threading.Lock()
        pairs = [os.pipe() for _ in range(inputs)]
        theirs = [child_end for child_end, _ in pairs]
        report_read, report_write = os.pipe() if progress else (-1, -1)
        names = Pipes(
            inputs=tuple(f"pipe:{fd if n else 0}" for n, fd in enumerate(theirs)),
            progress=f"pipe:{report_write}" if progress else "",
        )
        useless = [our_end for _, our_end in pairs] + [report_read]
        try:
            extra = [*theirs[1:], *([report_write] if progress else [])]
            self._process = SPAWNER.start(command(names), theirs[0] if theirs else None, extra)
            useless = []
        except OSError as err:
            raise UpstreamError(Fault.ENDED, f"ffmpeg cannot be started: {err.strerror or err}.") from err
        finally:
            for fd in (*theirs, report_write, *useless):
                close(fd)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._output = self._process.stdout.fileno()
        enlarge(self._output)
        self._wake_read, self._wake_write = os.pipe()
        self._inputs = [InputPipe(our_end) for _, our_end in pairs]
        errors = self._process.stderr.fileno()
        self._drain = threading.Thread(target=self._drain_outputs, args=(errors, report_read), name="ffmpeg-says")
        self._drain.daemon = True
        self._drain.start()

    @property
    def pid(self) -> int:
        """Of the child and of its process group."""
        return self._process.pid

    @property
    def progress(self) -> Progress:
        """The child's newest report."""
        return self._progress.latest

    @property
    def last_lines(self) -> list[str]:
        """What the child said last, redacted, oldest first."""
        return list(self._lines)

    @property
    def failed(self) -> bool:
        """It ended, and not as one that has done its work."""
        return self._process.returncode not in (None, 0)

    def write(self, data: bytes, pipe: int = 0) -> bool:
        """Give the child input; waits while it has too much already. False when it takes no more."""
        return self._inputs[pipe].put(data)

    def end_input(self, pipe: int = 0) -> None:
        """No more input on this pipe: the child writes what it has and ends."""
        self._inputs[pipe].end()

    def read(self, timeout_s: float) -> bytes:
        """The next output; b"" when there will be none. Raises TimeoutError."""
        with self._reading:
            if self._stopping.is_set():
                return b""
            poll = select.poll()
            poll.register(self._output, select.POLLIN)
            poll.register(self._wake_read, select.POLLIN)
            ready = dict(poll.poll(max(timeout_s, 0) * 1000))
            if not ready:
                raise TimeoutError
            return b"" if self._wake_read in ready else os.read(self._output, _READ_BYTES)

    def reason(self) -> UpstreamError:
        """Why the output ended. Ends the child: without output it is of no use."""
        if self._stopping.is_set():
            return UpstreamError(Fault.ENDED, "The stream was closed.")
        if self._exits_within(_GRACE_S):
            self._drain.join(_GRACE_S)
        self.stop()
        return reason(self.last_lines, self._process.returncode)

    def stop(self) -> None:
        """End the child and all in its group, and wait until they are gone. Safe to call twice and from any thread."""
        with self._reaping:
            if not self._stopping.is_set():
                self._stopping.set()
                os.write(self._wake_write, b"x")
            # First of all its output: a child that is just writing notices at once.
            with self._reading:
                assert self._process.stdout is not None
                self._process.stdout.close()
            if self._process.returncode is None:
                self._end_group()
        for pipe in self._inputs:
            pipe.abort()
        self._drain.join()
        with self._reading:
            if self._wake_read >= 0:
                self._release()

    def _end_group(self) -> None:
        """TERM, a moment, KILL. The group is killed before the child is reaped: until then its number is ours."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        self._exits_within(_GRACE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _exits_within(self, seconds: float) -> bool:
        """The child has ended, or does so in time; it is not reaped."""
        deadline = time.monotonic() + seconds
        while self._process.returncode is None:
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            with contextlib.suppress(ChildProcessError):
                if os.waitid(os.P_PID, self._process.pid, options) is not None:
                    return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _release(self) -> None:
        close(self._wake_read)
        close(self._wake_write)
        self._wake_read = self._wake_write = -1
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _drain_outputs(self, errors: int, report: int) -> None:
        """Read what the child says until it closed both, or we stop: a full pipe would stop the picture."""
        takers: dict[int, Callable[[bytes], None]] = {errors: LineKeeper(self._lines).feed}
        if report >= 0:
            takers[report] = self._progress.feed
        poll = select.poll()
        for fd in (*takers, self._wake_read):
            poll.register(fd, select.POLLIN)
        while takers:
            ready = [fd for fd, _ in poll.poll()]
            if self._wake_read in ready:
                break
            for fd in ready:
                said = os.read(fd, 65536)
                if said:
                    takers[fd](said)
                else:
                    poll.unregister(fd)
                    del takers[fd]
        close(report)


class LineKeeper:
    """Keeps whole lines, redacted; a line may be cut anywhere and may never end."""

    def __init__(self, lines: deque[str]) -> None:
        self._lines = lines
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *whole, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        for line in whole:
            text = line[:_LONGEST_LINE].decode("utf-8", "replace").strip()
            if text:
                self._lines.append(redact.text(text))
