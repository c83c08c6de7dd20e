"""A house whose start, signals and end are the test's own business."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from tests import house
from tests.house import ROOT, free_port


class House(house.House):
    """`up` as a subprocess: entered when started, not when ready; left with nothing running, whatever happened."""

    def __init__(self, data: Path, **environment: str) -> None:
        # Debug spares each start the compression of the pages' files.
        super().__init__(data, RESTREAMER_DEBUG="1", **environment)

    def __enter__(self) -> House:
        self.process = self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        family = self.family()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for left in survivors(family, 5):
            left.kill()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def ready(self) -> House:
        self.wait_for("Restreamer is ready", 90)
        self.wait_for("Ctrl-C", 5)
        return self

    def find(self, pattern: str) -> str:
        """The first group of the pattern in what was printed so far."""
        found = re.search(pattern, self.text)
        assert found, f"nothing like {pattern!r} in:\n{self.text}"
        return found.group(1)

    def family(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def child(self, words: str) -> psutil.Process:
        """The one direct child whose command line holds the words."""
        found = [p for p in psutil.Process(self.process.pid).children() if words in _command(p)]
        assert len(found) == 1, f"{words}: {[_command(p) for p in found]}"
        return found[0]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages."""
        try:
            with urllib.request.urlopen(f"{self.base}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 20.0) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code


def run(data: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command of manage.py, run to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=House(data, **environment).environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def busy_worker(house: House) -> tuple[psutil.Process, psutil.Process]:
    """The worker that took a long job, and the process that does it."""
    run(house.data, "shell", "-c", "import django_rq, time; django_rq.enqueue(time.sleep, 300)")
    workers = [house.child("worker default"), house.child("worker refresh")]
    return eventually(lambda: next(((w, w.children()[0]) for w in workers if w.children()), None))


def eventually(condition, timeout_s: float = 15.0, message: str = ""):
    """The first true value of the condition."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, message or "did not come true"
        time.sleep(0.05)


def survivors(processes: list[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Those that still run after that time. Who waits to be buried by somebody does not run."""
    deadline = time.monotonic() + within_s
    while True:
        left = [process for process in processes if _runs(process)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


__all__ = ["House", "busy_worker", "eventually", "free_port", "run", "survivors"]
