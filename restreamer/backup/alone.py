"""A restore is alone: nothing of Restreamer runs on this data, and afterwards nothing remembers what was."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator

from django.conf import settings
from rq import Worker

from restreamer import embedded_redis
from restreamer.folder_lock import FolderLock
from restreamer.lib import data_folder, redis_keys
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import answering, connection

#: RQ's jobs hold ids of rows that mean something else then.
_OURS = (f"{redis_keys.PREFIX}*", "rq:*")


class StillRunning(RestreamerError):
    """Something works with what is to be replaced."""

    permanent = True


@contextlib.contextmanager
def alone() -> Iterator[Callable[[], None]]:
    """Nobody else starts meanwhile. Gives what makes Redis forget; to be called once the new state is in place.

    Raises StillRunning, RedisUnavailable.
    """
    lock = FolderLock(data_folder.make_private(settings.RESTREAMER_DATA))
    with lock.changing():
        if not lock.own():
            raise StillRunning(f"Restreamer, or a command, works in {settings.RESTREAMER_DATA}. Stop it first.")
    try:
        if settings.REDIS_URL_GIVEN:
            _must_be_quiet()
            yield _forget_given
        else:
            if embedded_redis.answers(settings.REDIS_SOCKET):
                embedded_redis.shut_down(settings.REDIS_SOCKET)
            yield _forget_embedded
    finally:
        lock.release()


def _must_be_quiet() -> None:
    """With a Redis of one's own, other machines may work on the same database."""
    with answering():
        client = connection()
        busy = int(Worker.count(connection=client)) or client.exists(redis_keys.SCHEDULER_LEASE)
    if busy:
        raise StillRunning("Restreamer still runs, here or on another machine with the same Redis. Stop it first.")


def _forget_given() -> None:
    with answering():
        client = connection()
        for pattern in _OURS:
            for key in client.scan_iter(pattern, count=1000):
                client.delete(key)


def _forget_embedded() -> None:
    shutil.rmtree(settings.RESTREAMER_DATA / "redis", ignore_errors=True)
