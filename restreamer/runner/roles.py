"""Which processes one machine runs, and how each shows that it serves."""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import django_rq
from django.conf import settings
from redis import RedisError
from rq import Worker

from restreamer import embedded_redis
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import connection
from restreamer.runner.address import Address
from restreamer.runner.child import Role
from streaming import dealing

_PROBE_TIMEOUT_S = 1.0


def redis() -> Role:
    """The embedded Redis."""
    return Role(
        name="redis",
        command=tuple(embedded_redis.command(settings.RESTREAMER_DATA, settings.REDIS_SOCKET)),
        answers=lambda: embedded_redis.answers(settings.REDIS_SOCKET),
        first_pause_s=0.0,
        foundation=True,
        # A hint about servers of many gigabytes, and two lines at each stop.
        hushed=("Memory overcommit must be enabled", "Received SIGTERM scheduling shutdown", "is now ready to exit"),
    )


def web(listeners: Sequence[socket.socket], address: Address) -> Role:
    """The pages: gunicorn on sockets that we keep open over its restarts; the first is the main one's."""
    handles = tuple(listener.fileno() for listener in listeners)
    return Role(
        name="web",
        command=(
            *(sys.executable, "-m", "gunicorn", "--config", "python:restreamer.gunicorn_conf"),
            *(word for handle in handles for word in ("--bind", f"fd://{handle}")),
            "restreamer.wsgi:application",
        ),
        answers=lambda: web_answers(address),
        first_pause_s=0.0,
        pass_fds=handles,
    )


def relays() -> list[Role]:
    """The data plane. Players wait for it, so its first restart is at once."""
    return [_relay(number) for number in dealing.numbers()]


def _relay(number: int) -> Role:
    several = settings.RELAYS > 1
    return Role(
        name=f"relay-{number}" if several else "relay",
        command=_manage("relay", *(("--number", str(number)) if several else ())),
        answers=lambda: socket_accepts(dealing.socket_of(number)),
        first_pause_s=0.0,
    )


def discovery() -> Role:
    """What lets players find our network tuners. Nothing waits for it."""
    return Role(name="discovery", command=_manage("discovery"), answers=None)


def workers() -> list[Role]:
    """The background jobs. The first worker does only small ones, which so never wait behind a long refresh."""
    small = Role(name="worker-1", command=_manage("worker", "default"), answers=lambda: _served("default", 1))
    return [small, *(_refresher(number) for number in range(2, settings.WORKERS + 1))]


def _refresher(number: int) -> Role:
    return Role(
        name=f"worker-{number}",
        command=_manage("worker", "refresh", "default"),
        answers=lambda: _served("refresh", number - 1),
    )


def scheduler() -> Role:
    """What starts jobs by the clock."""
    return Role(name="scheduler", command=_manage("scheduler"), answers=_scheduler_works)


def web_answers(address: Address) -> bool:
    """Does /healthz answer there?"""
    client = http.client.HTTPConnection(address.probe_host, address.port, timeout=_PROBE_TIMEOUT_S)
    try:
        client.request("GET", "/healthz", headers={"Host": _allowed_host()})
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def socket_accepts(path: Path) -> bool:
    """Does something listen on the unix socket?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def workers_on(queue: str) -> int:
    """How many workers serve the queue now. Raises redis.RedisError."""
    return int(Worker.count(queue=django_rq.get_queue(queue, connection=connection())))


def scheduler_works() -> bool:
    """Does a scheduler hold the lease? Raises redis.RedisError."""
    return bool(connection().exists(redis_keys.SCHEDULER_LEASE))


def _served(queue: str, times: int) -> bool:
    try:
        return workers_on(queue) >= times
    except RedisError:
        return False


def _scheduler_works() -> bool:
    try:
        return scheduler_works()
    except RedisError:
        return False


def _allowed_host() -> str:
    """A Host header that Django lets in whatever RESTREAMER_ALLOWED_HOSTS says."""
    named = [host.removeprefix(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return named[0] if named else "localhost"


def _manage(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments)
