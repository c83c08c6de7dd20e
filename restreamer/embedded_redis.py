"""The embedded Redis: a real Valkey server with our own configuration, in the data folder."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import redis
from django.conf import settings
from rq import Worker
from rq.scheduler import RQScheduler

from restreamer import binaries
from restreamer.folder_lock import FolderLock
from restreamer.lib import data_folder, redis_keys
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection_to

#: A large append-only file takes its time; a server that answers "loading" is waited for.
START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.02


class EmbeddedRedisFailed(RestreamerError):
    """The embedded Redis did not start, or went away."""

    permanent = True


def command(data: Path, socket: Path) -> list[str]:
    """The command line of the server; writes its configuration first.

    `socket` is where it listens, and the only place: there is no port.
    """
    folder = data_folder.make_private(data_folder.make_private(data) / "redis")
    data_folder.make_private(socket.parent)
    config = folder / "server.conf"
    lines = [
        "# Written by Restreamer at each start; changes here are lost.",
        "port 0",
        f"unixsocket {_quoted(socket)}",
        "unixsocketperm 700",
        f"dir {_quoted(folder)}",
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "maxmemory-policy noeviction",
        "loglevel warning",
        'logfile ""',
        "daemonize no",
    ]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    config.chmod(0o600)
    return [str(binaries.redis_server()), str(config)]


def url_answers(url: str) -> bool:
    """Does a server answer PING at the address now? One that takes no writes, its disk being full, does."""
    try:
        return bool(connection_to(url).ping())
    except redis.ResponseError as err:
        return str(err).startswith("MISCONF")
    except redis.RedisError:
        return False


def answers(socket: Path) -> bool:
    """Does a server answer PING on the unix socket now?"""
    return url_answers(_url(socket))


def wait_until_ready(socket: Path, alive: Callable[[], bool], timeout_s: float = START_TIMEOUT_S) -> None:
    """Return when the server answers PING. Raises EmbeddedRedisFailed when it ends or the time is over."""
    deadline = time.monotonic() + timeout_s
    while not answers(socket):
        if not alive():
            raise EmbeddedRedisFailed("The embedded Redis ended while starting.")
        if time.monotonic() > deadline:
            raise EmbeddedRedisFailed(f"The embedded Redis did not answer within {timeout_s:.0f} s.")
        time.sleep(_POLL_S)


def forget_the_dead(socket: Path) -> None:
    """Drop what processes of before left in Redis: they cannot live, because the server itself is new.

    RQ's scheduler locks would hold timed jobs back for minutes, and workers would look alive that are not.
    """
    client = connection_to(_url(socket))
    client.delete(redis_keys.SCHEDULER_LEASE, *(RQScheduler.get_locking_key(queue) for queue in settings.RQ_QUEUES))
    for worker in Worker.all(connection=client):
        worker.register_death()


def shut_down(socket: Path) -> None:
    """End the server behind the socket, whoever started it, and wait until it is gone."""
    # The connection breaks before an answer comes: that is the answer.
    with contextlib.suppress(redis.RedisError):
        connection_to(_url(socket)).shutdown()
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while answers(socket) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


@contextlib.contextmanager
def running_redis() -> Iterator[None]:
    """For command-line commands: Redis answers inside the `with`, whether `up` runs or not.

    With `REDIS_URL`, or while `up` runs, nothing is started. Else the embedded server runs for as long as commands
    need it: several may share it, the last one out ends it. `up` waits for them before it starts its own.
    """
    if settings.REDIS_URL_GIVEN:
        yield
        return
    data_folder.make_private(settings.RESTREAMER_DATA)
    lock = FolderLock(settings.RESTREAMER_DATA)
    socket: Path = settings.REDIS_SOCKET
    shared = False
    started: subprocess.Popen[bytes] | None = None
    try:
        with lock.changing():
            shared = lock.share()
            if shared and not answers(socket):
                started = _start_detached(socket)
        if not shared:
            # `up` owns the folder: its server answers already or is about to.
            wait_until_ready(socket, alive=lambda: True)
        yield
    finally:
        with lock.changing():
            lock.release()
            if shared and lock.own():
                shut_down(socket)
                lock.release()
                if started is not None:
                    started.wait()


def _start_detached(socket: Path) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own: it may outlive this command when another one shares it."""
    log = settings.RESTREAMER_DATA / "redis" / "server.log"
    arguments = command(settings.RESTREAMER_DATA, socket)
    with log.open("ab") as file:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True, close_fds=True
        )
    try:
        wait_until_ready(socket, alive=lambda: process.poll() is None)
    except EmbeddedRedisFailed as err:
        process.kill()
        process.wait()
        raise EmbeddedRedisFailed(f"{err.message} See {log}.") from err
    forget_the_dead(socket)
    return process


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"


def _quoted(path: Path) -> str:
    """A path as the configuration file wants it: spaces and quotes are allowed in folder names."""
    text = os.fspath(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
