"""The players as programs: started on an address, asked what they show, ended. Each driver fills a `Showing`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tests.clients.showing import Showing
from tests.house import free_port

HERE = Path(__file__).parent
FRAMES_PER_S = 25
#: Where npm put mpegts.js and playwright-core.
NODE_MODULES = "TEST_NODE_MODULES"


def node_modules() -> Path | None:
    """The folder with what the browser needs, if it is all there."""
    folder = Path(os.environ.get(NODE_MODULES, ""))
    wanted = ("mpegts.js/dist/mpegts.js", "hls.js/dist/hls.js", "playwright-core/package.json")
    return folder if folder.is_absolute() and all((folder / one).exists() for one in wanted) else None


def missing(client: str) -> str:
    """What this machine lacks to run the player, in words; empty when nothing."""
    program = {"vlc": "cvlc", "hls.js": "chromium", "ffmpeg-hls": "ffmpeg"}.get(client, client)
    if not shutil.which(program):
        return f"{program} is not installed"
    if program == "chromium":
        if not shutil.which("node"):
            return "node is not installed"
        if node_modules() is None:
            return f"{NODE_MODULES} names no folder with mpegts.js, hls.js and playwright-core (npm install them)"
    return ""


class Program:
    """One running player. A context manager: leaving it ends the player and all it started."""

    def __init__(self, client: str, command: list[str], *, as_nobody: bool = False, **environment: str) -> None:
        self.showing = Showing(client)
        self._home = tempfile.TemporaryDirectory(prefix="player-")
        whose: dict[str, object] = {}
        if as_nobody and os.geteuid() == 0:
            os.chown(self._home.name, 65534, 65534)
            whose = {"user": 65534, "group": 65534, "extra_groups": []}
        self.process = subprocess.Popen(  # type: ignore[call-overload]
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": self._home.name, **environment},
            **whose,
        )
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, args=(self.process.stdout, self.line), daemon=True),
            threading.Thread(target=self._listen, args=(self.process.stderr, self.error_line), daemon=True),
            threading.Thread(target=self._ask, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, number)
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    continue
        # A browser's children may outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for thread in self._threads:
            thread.join(5)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        self._home.cleanup()

    def _listen(self, stream: object, take: Callable[[str], None]) -> None:
        for line in stream:  # type: ignore[attr-defined]
            # What they say while they are being ended is of no interest.
            if not self._ended.is_set():
                take(line)

    def _ask(self) -> None:
        while not self._ended.wait(0.25):
            self.ask()

    def line(self, line: str) -> None:
        """A line of its output."""

    def error_line(self, line: str) -> None:
        """A line of its errors."""
        if line.strip():
            self.showing.complain(line)

    def ask(self) -> None:
        """Asked four times a second."""

    def open(self) -> None:
        """Begin, for those that wait for it."""


class Ffmpeg(Program):
    """Decodes as fast as bytes come: shows the gaps of the delivery itself."""

    def __init__(self, address: str) -> None:
        quiet = ["ffmpeg", "-nostdin", "-hide_banner", "-v", "warning", "-stats_period", "0.2", "-progress", "pipe:1"]
        super().__init__("ffmpeg", [*quiet, "-i", address, "-map", "0:v", "-map", "0:a", "-f", "null", "-"])

    def line(self, line: str) -> None:
        name, _, value = line.strip().partition("=")
        if name == "frame":
            self.showing.see(int(value) / FRAMES_PER_S)


class Mpv(Program):
    """Plays by its clock; a script of ours reports its position."""

    def __init__(self, address: str) -> None:
        quiet = ["mpv", "--no-config", "--vo=null", "--ao=null", "--no-terminal", "--msg-level=all=warn"]
        super().__init__("mpv", [*quiet, "--terminal=yes", f"--script={HERE / 'report.lua'}", address])

    def line(self, line: str) -> None:
        found = re.match(r"SHOWN ([0-9.]+) (\d+)", line)
        if found:
            self.showing.see(float(found[1]), int(found[2]))
        elif line.strip():
            self.showing.complain(line)


class Vlc(Program):
    """Plays by its clock into nothing; asked for its statistics over its control port."""

    def __init__(self, address: str) -> None:
        self._port = free_port()
        self._control: socket.socket | None = None
        self._discontinuities = 0
        control = ["--intf", "rc", "--rc-host", f"127.0.0.1:{self._port}"]
        quiet = ["--no-video-title-show", "--vout", "dummy", "--aout", "dummy", "--no-dbus"]
        super().__init__("vlc", ["cvlc", *control, *quiet, address], as_nobody=True)

    def ask(self) -> None:
        try:
            if self._control is None:
                self._control = socket.create_connection(("127.0.0.1", self._port), 1)
                self._control.settimeout(1)
            self._control.sendall(b"stats\n")
            time.sleep(0.05)
            answer = self._control.recv(65536).decode(errors="replace")
        except OSError:
            return
        found = re.findall(r"frames displayed\s*:\s*(\d+)", answer)
        if found and int(found[-1]):
            self.showing.see(int(found[-1]) / FRAMES_PER_S)

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        if self._control is not None:
            self._control.close()


class Chromium(Program):
    """mpegts.js in a browser, the strictest judge of joins, or hls.js. `page` serves the pages and the scripts."""

    def __init__(self, address: str, page: str, name: str = "player.html") -> None:
        program = shutil.which("chromium") or ""
        where = f"{page}/{name}?address={quote(address, safe='')}"
        modules = {NODE_MODULES: os.environ[NODE_MODULES]}
        self._ready = threading.Event()
        super().__init__("chromium", ["node", str(HERE / "chromium.mjs"), where, program], **modules)

    def started(self) -> Chromium:
        """Wait until the browser is there; it opens the page when told."""
        assert self._ready.wait(60), self.showing.complaints
        return self

    def open(self) -> None:
        self.showing.began_at = time.monotonic()
        assert self.process.stdin is not None
        self.process.stdin.write("open\n")
        self.process.stdin.flush()

    def line(self, line: str) -> None:
        look = json.loads(line)
        if "ready" in look:
            self._ready.set()
        elif "complaint" in look:
            self.showing.complain(look["complaint"])
        elif look["frames"]:
            self.showing.see(look["frames"] / FRAMES_PER_S, look["width"])
