"""The one way to reach Redis: a shared client with time-outs, and one typed error for when it does not answer."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import redis
from django.conf import settings
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from restreamer.lib.errors import RestreamerError

#: Longer than any script of ours runs by far; short enough that nobody's picture waits for a dead Redis.
_ANSWER_TIMEOUT_S = 2.0
_CONNECT_TIMEOUT_S = 1.0
#: A connection idle this long is asked for a sign of life before it is used.
_HEALTH_CHECK_S = 30


class RedisUnavailable(RestreamerError):
    """Redis does not answer, or answers that it cannot: nobody knows now which slots are free."""

    status = 503
    retry_after_s = 5.0
    public = "Restreamer is starting up or under repair. Try again in a moment."


def connection() -> redis.Redis:
    """The process's client; answers are bytes. Safe to share between threads and to inherit over a fork.

    A call that meets a closed connection is sent once more on a fresh one, so every script of ours must bear
    being run twice.
    """
    return connection_to(settings.REDIS_URL)


@functools.lru_cache(maxsize=8)
def connection_to(url: str) -> redis.Redis:
    """A client for `redis://`, `rediss://` or `unix://` with our time-outs."""
    return redis.Redis.from_url(
        url,
        socket_timeout=_ANSWER_TIMEOUT_S,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        health_check_interval=_HEALTH_CHECK_S,
        # Only what was closed meanwhile is worth asking again: a silent server would cost the time-outs twice over.
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries=1, supported_errors=(redis.ConnectionError,)),
    )


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turn whatever Redis may throw at us into RedisUnavailable.

    Raises RedisUnavailable.
    """
    try:
        yield
    except redis.RedisError as err:
        raise RedisUnavailable(f"Redis does not answer as it should: {err}") from err
