"""Hears what is asked of a relay process at once, not at its next beat: a viewer who changes channel waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering
from streaming.relay.seams import Command
from streaming.session_book import command_from

#: One question to Redis waits so long for a command; well below the client's own time-out.
_WAIT_S = 1.0
#: Without Redis nobody can ask anything.
_REST_S = 1.0


class CommandEar:
    """A thread that hands on each command of one owner as it comes. What it misses, the book's beat fetches."""

    def __init__(self, client: Redis, owner: str, obey: Callable[[Command], None]) -> None:
        """`obey` is called in the thread and must not block."""
        self._client = client
        self._key = redis_keys.relay_commands(owner)
        self._obey = obey
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay-ear", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Hear nothing more; a question under way is left behind."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with answering():
                    heard: Any = self._client.blpop([self._key], timeout=_WAIT_S)
            except RedisUnavailable:
                self._over.wait(_REST_S)
                continue
            command = command_from(heard[1]) if heard else None
            if command is not None:
                self._obey(command)
