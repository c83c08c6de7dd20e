"""The one way to Redis: shared, patient with a restart, impatient with silence, typed when it fails."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from restreamer.lib.redis_client import RedisUnavailable, answering, connection, connection_to


def test_the_processs_client_speaks_to_the_configured_server(redis: Redis) -> None:
    redis.set("rs:test", "here")
    assert connection().get("rs:test") == b"here"
    assert connection() is connection()


def test_a_connection_that_was_closed_meanwhile_is_made_anew(redis: Redis) -> None:
    client = connection()
    client.ping()
    redis.client_kill_filter(_type="normal", skipme=True)
    assert client.ping()


def test_threads_share_it(redis: Redis) -> None:
    client = connection()
    threads = [threading.Thread(target=lambda: [client.incr("rs:n") for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("rs:n") == b"400"


@pytest.mark.parametrize("url", ["unix:///nonexistent/redis.sock", "redis://127.0.0.1:1/0"])
def test_a_server_that_is_not_there_is_a_typed_error(url: str) -> None:
    with pytest.raises(RedisUnavailable) as error, answering():
        connection_to(url).ping()
    assert error.value.status == 503
    assert error.value.retry_after_s


def test_a_server_that_says_nothing_is_given_up_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(RedisUnavailable), answering():
            connection_to(f"redis://127.0.0.1:{silent.getsockname()[1]}/0").ping()
        assert time.monotonic() - began < 3


def test_an_answer_that_is_a_refusal_is_the_same_error(redis: Redis) -> None:
    redis.set("rs:text", "x")
    with pytest.raises(RedisUnavailable) as error, answering():
        connection().zcard("rs:text")
    assert isinstance(error.value.__cause__, ResponseError)
