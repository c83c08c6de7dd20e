"""A whole Restreamer on a free port, as a person starts it: for the tests that use it as a person does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """`manage.py up` with a data folder of its own; a context manager."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DJANGO_", "RESTREAMER_", "REDIS_", "DATABASE_", "PYTEST_"))
        }
        self.environment = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "restreamer.settings",
            "RESTREAMER_DATA": str(data),
            "RESTREAMER_BIND": f"127.0.0.1:{self.port}",
            "RESTREAMER_BASE_URL": self.base,
            # Several houses stand on one machine in tests; there is one port 65001.
            "RESTREAMER_TUNER_DISCOVERY": "0",
            **environment,
        }
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> House:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.wait_for("Restreamer is ready", 180)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip())

    def wait_for(self, text: str, timeout_s: float) -> str:
        """The first log line that holds the text."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if text in line:
                    return line
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"{text!r} never came:\n" + "\n".join(self.lines[-40:]))

    def manage(self, *words: str) -> Any:
        """The JSON answer of one of our commands. Raises CalledProcessError with its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words, "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise AssertionError(
                f"manage.py {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}"
            )
        return json.loads(done.stdout)

    def processes(self, role: str) -> list[int]:
        """Process ids of one role, by its command line, youngest last."""
        assert self._process is not None
        found = []
        for pid in sorted(descendants(self._process.pid)):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            except OSError:
                continue
            if role in words:
                found.append(pid)
        return found


def descendants(pid: int) -> list[int]:
    """All living children, grandchildren and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found
