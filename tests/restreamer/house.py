"""A real `manage.py up` in a folder of its own, for tests."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
from django.conf import settings

READY_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(data: Path, port: int = 0, **more: str) -> dict[str, str]:
    """As on a fresh machine; RESTREAMER_DEBUG spares each test the compression of the pages' files."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RESTREAMER_") and name not in {"REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    }
    return {
        **kept,
        "RESTREAMER_DATA": str(data),
        "RESTREAMER_BIND": f"127.0.0.1:{port}",
        "RESTREAMER_DEBUG": "1",
        **more,
    }


def manage(*arguments: str, data: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """One command of manage.py, run to its end."""
    return subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
        env=environment(data, **{"port": free_port(), **more}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class House:
    """`up` as a subprocess, its output, its family."""

    def __init__(self, data: Path, **more: str) -> None:
        self.data = data
        self.port = free_port()
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "up"],
            env=environment(data, self.port, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        family = self.family()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            process.kill()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, timeout_s: float = READY_S) -> re.Match[str]:
        """The first line that matches, waited for."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                left = deadline - time.monotonic()
                assert left > 0, f"no line {pattern!r} within {timeout_s} s:\n{self.text}"
                assert self._reader.is_alive(), f"up ended without a line {pattern!r}:\n{self.text}"
                self._news.wait(left)

    def ready(self) -> House:
        self.wait_for("Restreamer is ready")
        self.wait_for("Ctrl-C")
        return self

    def family(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def child(self, *words: str) -> psutil.Process:
        """The direct child whose command line holds all the words."""
        found = [p for p in psutil.Process(self.process.pid).children() if all(w in _command(p) for w in words)]
        assert len(found) == 1, f"{words}: {[_command(p) for p in found]}"
        return found[0]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 20.0) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code


def eventually(condition, timeout_s: float = 15.0, message: str = ""):
    """The first true value of the condition."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, message or "did not come true"
        time.sleep(0.05)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
