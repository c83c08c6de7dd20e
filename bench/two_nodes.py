"""Two whole nodes on one machine (two data folders, one Redis, one PostgreSQL), one provider connection; one dies.

python -m bench.two_nodes [--viewers 10] [--lifetime 12]

Starts `up` twice, watches one channel on both, counts the provider's connections, kills the relay that owns it
with SIGKILL (its `up` stands still meanwhile), and prints how long the viewers of the other node saw nothing new.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import django

from restreamer import embedded_redis
from tests import postgres
from tests.fakes.upstream import TsOrigin
from tests.house import House, free_port
from tests.settings import POSTGRES_SOCKET_FOLDER

_NOW = ("--refresh", "--enable-all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=10)
    parser.add_argument("--lifetime", type=float, default=12.0, help="of leases and claims, in seconds")
    given = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nodes-")))
        stack.enter_context(postgres.running())
        redis_socket = folder / "redis.sock"
        command = embedded_redis.command(folder / "redis", redis_socket)
        redis = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        stack.callback(_end, redis)
        embedded_redis.wait_until_ready(redis_socket, alive=lambda: redis.poll() is None)
        origin = TsOrigin()
        stack.callback(origin.close)
        origin.limits["one"] = 1
        houses = []
        for name in ("node-a", "node-b"):
            house = House(
                folder / name,
                RESTREAMER_NODE=name,
                RESTREAMER_INTERNAL_BIND=f"127.0.0.1:{free_port()}",
                RESTREAMER_SECRET_KEY="the same on both nodes of this measurement",
                RESTREAMER_LEASE_LIFETIME_S=str(given.lifetime),
                RESTREAMER_WEB_WORKERS="1",
                DATABASE_URL=f"postgres://postgres@/postgres?host={POSTGRES_SOCKET_FOLDER}",
                REDIS_URL=f"unix://{redis_socket}?db=0",
            )
            houses.append(stack.enter_context(house))
            print(f"{name} is ready", flush=True)
        owner, other = houses
        playlist = folder / "node-a" / "playlists" / "one.m3u"
        playlist.parent.mkdir(exist_ok=True)
        playlist.write_text(f"#EXTM3U\n#EXTINF:-1,News\n{origin.url('c', 'one')}\n")
        owner.manage("portal", "add", "One", str(playlist), "--kind", "m3u", "--streams", "1", *_NOW)
        path = _stream_path(owner.manage("viewer", "add", "anna", "--connections", "0")["playlist"])
        here = [stack.enter_context(Watcher(owner.port, path)) for _ in range(given.viewers)]
        _wait(lambda: all(one.bytes for one in here), "the owner's viewers")
        there = [stack.enter_context(Watcher(other.port, path)) for _ in range(given.viewers)]
        _wait(lambda: all(one.bytes for one in there), "the other node's viewers")
        time.sleep(3)
        print(f"{2 * given.viewers} viewers on two nodes, provider connections ever: {origin.opened['one']}")
        pids = owner.processes("manage.py relay")
        killed_at = time.monotonic()
        # First its parent stands still, so that nobody starts it again.
        os.kill(_parent(pids[0]), signal.SIGSTOP)
        os.kill(pids[0], signal.SIGKILL)
        try:
            _wait(lambda: origin.opened["one"] == 2, "the take-over")
            print(f"taken over after {time.monotonic() - killed_at:.1f} s (claims live {given.lifetime:.0f} s)")
            had = [one.bytes for one in there]
            _wait(lambda: all(one.bytes > was + 300_000 for one, was in zip(there, had, strict=True)), "pictures")
        finally:
            os.kill(_parent(pids[0]), signal.SIGCONT)
        print(f"viewers of the other node still on their connections: {sum(not one.ended for one in there)}")
        print(f"longest time without a byte there: {max(one.gap_s for one in there):.1f} s (null packets count)")
        counts = f"at most {origin.peak['one']} at once, {origin.opened['one']} ever"
        print(f"provider: {counts}, {origin.violations or 'no violation'}")


class Watcher:
    """One viewer who reads all he gets; a context manager."""

    def __init__(self, port: int, path: str) -> None:
        self.bytes = 0
        self.gap_s = 0.0
        self.ended = False
        self._closing = False
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n\r\n".encode())
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._sock.close()

    def _read(self) -> None:
        last = time.monotonic()
        try:
            while piece := self._sock.recv(1 << 18):
                now = time.monotonic()
                if self.bytes:
                    self.gap_s = max(self.gap_s, now - last)
                last = now
                self.bytes += len(piece)
        except OSError:
            pass
        self.ended = not self._closing


def _stream_path(playlist: str) -> str:
    """The path of the first channel in the viewer's playlist."""
    with urllib.request.urlopen(playlist, timeout=20) as answer:
        lines: list[str] = answer.read().decode().splitlines()
    parts = urlsplit(next(line for line in lines if line.startswith("http")))
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _wait(condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} never came")
        time.sleep(0.02)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


if __name__ == "__main__":
    main()
