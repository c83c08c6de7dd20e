"""Version numbers of what is stored, so that an answer made from it can be told to be still true without reading it.

Every connection to the database is listened to: a statement that writes to one of our tables raises the number of its
part when its transaction commits, whoever wrote it and however many rows. The numbers are in Redis, for all processes.
Where Redis cannot be told, the process remembers and tells it with the next write or question.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering, connection

#: Which part a table belongs to, by how its name begins; the first that fits counts.
_PARTS: tuple[tuple[str, str], ...] = (
    ("guide_guidematch", "live"),
    ("guide_", "guide"),
    ("channels_", "live"),
    # Switched off, its channels are gone, and its movies too.
    ("portals_portal", "live"),
    ("portals_genre", "live"),
    ("vod_", "vod"),
    # Who is logged in at these pages is no business of players.
    ("accounts_websession", ""),
    ("accounts_secondfactor", ""),
    ("accounts_externalidentity", ""),
    ("accounts_", "people"),
    ("streaming_tunerdevice", "people"),
)
PARTS = tuple(dict.fromkeys(part for _, part in _PARTS if part))

_WRITES = re.compile(
    r"\s*(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+[\"`]?(\w+)", re.IGNORECASE
)

_untold: set[str] = set()
_lock = threading.Lock()


def part_of(sql: str) -> str:
    """The part a statement writes to; "" when it writes to none."""
    match = _WRITES.match(sql)
    if match is None:
        return ""
    return next((part for start, part in _PARTS if match[1].startswith(start)), "")


def current(parts: Iterable[str]) -> str:
    """The numbers of these parts in one word. Raises RedisUnavailable."""
    client = connection()
    _tell(())
    keys = [redis_keys.version(part) for part in parts]
    with answering():
        values = client.mget(keys)
        if None in values:
            # A Redis that is new, or lost its memory, must not count through numbers that stood for something else.
            _begin(client, keys)
            values = client.mget(keys)
    return ".".join(str(int(value or 0)) for value in values)


def _begin(client: Redis, keys: list[str]) -> None:
    for key in keys:
        client.set(key, secrets.randbits(62), nx=True)


def listen() -> None:
    """Listen to every connection of this process from now on. May be called more than once."""
    connection_created.connect(_listen_to, dispatch_uid="restreamer.versions")


def _listen_to(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if _hear not in connection.execute_wrappers:
        connection.execute_wrappers.append(_hear)


def _hear(
    execute: Callable[[str, Any, bool, dict[str, Any]], Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    result = execute(sql, params, many, context)
    part = part_of(sql)
    if part:
        _after_commit(context["connection"], part)
    return result


def _after_commit(wrapper: BaseDatabaseWrapper, part: str) -> None:
    """Once for each part and transaction, however many statements it has."""
    waiting = {getattr(one[1], "version_part", "") for one in wrapper.run_on_commit}
    if part in waiting:
        return

    def tell() -> None:
        _tell((part,))

    tell.version_part = part  # type: ignore[attr-defined]
    transaction.on_commit(tell, using=wrapper.alias)


def _tell(parts: Iterable[str]) -> None:
    with _lock:
        _untold.update(parts)
        if not _untold:
            return
        client = connection()
        try:
            with answering():
                pipeline = client.pipeline(transaction=False)
                for part in sorted(_untold):
                    pipeline.set(redis_keys.version(part), secrets.randbits(62), nx=True)
                    pipeline.incr(redis_keys.version(part))
                pipeline.execute()
        except RedisUnavailable:
            # Told with the next write, or before the next answer of this process.
            return
        _untold.clear()
