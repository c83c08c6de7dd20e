"""The relay and the pages in processes of their own, on this test's Redis and database, and players with sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
from django.conf import settings as django_settings
from django.db import connection as database

from accounts.models import Viewer
from channels.models import Channel
from restreamer.parent_death import die_with_me
from streaming.handover import RelayUnreachable, ping
from tests.streaming.relay.rig import wait_for

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """A process of ours. `kill` is what the kernel does when memory runs out."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "DJANGO_SETTINGS_MODULE": "restreamer.settings",
            "RESTREAMER_DATA": str(data),
            "RESTREAMER_LINGER_S": "0.5",
            "REDIS_URL": django_settings.REDIS_URL,
            **share_database(data),
            **environment,
        }
        self.log = data / f"{type(self).__name__}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start it; returns when it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=ROOT, env=self.environment, stderr=log, preexec_fn=die_with_me()
            )
        assert wait_for(lambda: self.answers() or not self.alive, 90)
        assert self.alive, self.log.read_text()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Returns when nothing of the process is left."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """In order, if it still runs; else nothing of it is left either."""
        assert self.process is not None
        if self.alive:
            self.process.terminate()
            # One that a failed test left frozen hears nothing.
            if not wait_for(lambda: not self.alive, 15):
                self.kill()
            assert self.process.wait() == 0, self.log.read_text()


class RelayChild(Child):
    """`manage.py relay`."""

    def __init__(self, data: Path, number: int = 1, **environment: str) -> None:
        super().__init__(data, **environment)
        self.number = number
        self.log = data / f"relay-{number}.log"

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "relay", "--number", str(self.number)]

    def answers(self) -> bool:
        try:
            ping(self.number)
        except RelayUnreachable:
            return False
        return True


class WebChild(Child):
    """gunicorn as `up` starts it, with two workers."""

    def __init__(self, data: Path, **environment: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        super().__init__(data, RESTREAMER_WEB_WORKERS="2", **environment)

    def command(self) -> list[str]:
        bind = f"127.0.0.1:{self.port}"
        config = ["--config", "python:restreamer.gunicorn_conf", "--bind", bind]
        return [sys.executable, "-m", "gunicorn", *config, "restreamer.wsgi:application"]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0 and len(self.workers()) == 2

    def workers(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children()


class HttpPlayer:
    """One player of one viewer, over TCP."""

    def __init__(self, port: int, viewer: Viewer, agent: str = "TV") -> None:
        self.port = port
        self.viewer = viewer
        self.agent = agent
        self.status = 0
        self.said = b""
        self.sock: socket.socket | None = None

    def play(self, channel: Channel) -> HttpPlayer:
        """Ask for a channel; `status` 0 = the server went away before it answered."""
        self.close()
        self.status, self.said = 0, b""
        try:
            self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            path = f"/stream/{channel.pk}?token={self.viewer.token}"
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {self.agent}\r\nConnection: close\r\n\r\n"
            self.sock.sendall(head.encode())
            while b"\r\n\r\n" not in self.said:
                piece = self.sock.recv(65536)
                if not piece:
                    return self
                self.said += piece
        except OSError:
            return self
        self.status = int(self.said.split(b" ", 2)[1])
        return self

    def read(self, size: int) -> int:
        """So much of the picture, or what came before its end; returns how much."""
        assert self.sock is not None
        got = 0
        while got < size and (piece := self.sock.recv(65536)):
            got += len(piece)
        return got

    def close(self) -> None:
        if self.sock is not None:
            self.sock.close()
            self.sock = None


def share_database(data: Path) -> dict[str, str]:
    """What leads another process to the test's database."""
    row = database.settings_dict
    if database.vendor == "sqlite":
        link = data / "restreamer.sqlite3"
        if not link.is_symlink():
            link.symlink_to(row["NAME"])
        return {}
    address = urlsplit(os.environ["DATABASE_URL"])
    return {"DATABASE_URL": urlunsplit(address._replace(path=f"/{row['NAME']}"))}
