"""The embedded Redis: ours alone, durable, there for as long as somebody needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

import django_rq
import pytest
import redis as redis_client

from restreamer import embedded_redis
from restreamer.embedded_redis import EmbeddedRedisFailed, answers, running_redis
from restreamer.folder_lock import FolderLock
from restreamer.lib import redis_keys
from restreamer.lib.data_folder import run_folder
from restreamer.worker import RestreamerWorker
from tests.restreamer.house import eventually
from tests.settings import REDIS_TEST_SOCKET


@pytest.fixture
def folder(tmp_path, settings):
    """A data folder without `up`, its name as awkward as names get."""
    settings.RESTREAMER_DATA = tmp_path / 'My "TV" #1 100%'
    settings.REDIS_SOCKET = tmp_path / "r un" / "redis.sock"
    settings.REDIS_URL_GIVEN = ""
    yield settings.RESTREAMER_DATA
    if answers(settings.REDIS_SOCKET):
        embedded_redis.shut_down(settings.REDIS_SOCKET)


@pytest.fixture
def client(folder, settings):
    with redis_client.Redis(unix_socket_path=str(settings.REDIS_SOCKET)) as client:
        yield client


def test_it_runs_for_the_length_of_a_command(folder, settings):
    with running_redis():
        assert answers(settings.REDIS_SOCKET)
    assert not answers(settings.REDIS_SOCKET)


def test_what_was_written_is_there_the_next_time(client):
    with running_redis():
        client.set("key", "value")
    with running_redis():
        assert client.get("key") == b"value"


def test_it_is_set_up_to_lose_nothing(client):
    with running_redis():
        settings = {name: client.config_get(name)[name] for name in ("appendonly", "maxmemory-policy", "port", "save")}
    assert settings == {"appendonly": "yes", "maxmemory-policy": "noeviction", "port": "0", "save": ""}


def test_only_its_owner_reaches_it(folder, settings):
    with running_redis():
        assert settings.REDIS_SOCKET.stat().st_mode & 0o777 == 0o700
        assert (folder / "redis").stat().st_mode & 0o777 == 0o700
        assert (folder / "redis" / "server.conf").stat().st_mode & 0o777 == 0o600


def test_commands_at_the_same_time_share_one_and_the_last_one_ends_it(client, settings):
    first = running_redis()
    first.__enter__()
    with running_redis():
        first.__exit__(None, None, None)
        assert client.ping()
    assert not answers(settings.REDIS_SOCKET)


def test_many_commands_at_once_never_miss_it(folder, settings):
    missed = []

    def command():
        for _ in range(3):
            with running_redis():
                if not answers(settings.REDIS_SOCKET):
                    missed.append(1)

    threads = [threading.Thread(target=command) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert missed == []
    assert not answers(settings.REDIS_SOCKET)


def test_a_failing_command_ends_it_too(folder, settings):
    with contextlib.suppress(KeyError), running_redis():
        raise KeyError
    assert not answers(settings.REDIS_SOCKET)


def test_while_up_owns_the_folder_its_server_is_waited_for_and_left_alone(folder, settings):
    folder.mkdir(parents=True)
    up = FolderLock(folder)
    assert up.own()
    process = subprocess.Popen(embedded_redis.command(folder, settings.REDIS_SOCKET), stdout=subprocess.DEVNULL)
    try:
        with running_redis():
            assert answers(settings.REDIS_SOCKET)
        assert answers(settings.REDIS_SOCKET)
    finally:
        process.kill()
        process.wait()
        up.release()


def test_a_server_whose_command_was_killed_serves_the_next_one_and_ends_with_it(folder, settings):
    code = """
import os
from restreamer.embedded_redis import running_redis
with running_redis():
    os.kill(os.getpid(), 9)
"""
    environment = {**os.environ, "RESTREAMER_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "restreamer.settings"}
    del environment["REDIS_URL"]
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False, timeout=30)
    assert killed.returncode == -signal.SIGKILL
    settings.REDIS_SOCKET = run_folder(folder) / "redis.sock"
    assert answers(settings.REDIS_SOCKET)
    with running_redis():
        assert answers(settings.REDIS_SOCKET)
    eventually(lambda: not answers(settings.REDIS_SOCKET))


def test_with_a_given_address_nothing_is_started(folder, settings):
    settings.REDIS_URL_GIVEN = "redis://127.0.0.1:1"
    with running_redis():
        assert not answers(settings.REDIS_SOCKET)


def test_a_broken_file_is_said_with_where_to_look(folder):
    broken = folder / "redis" / "appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("this is no manifest\n")
    with pytest.raises(EmbeddedRedisFailed, match=r"ended while starting\. See .*server\.log"), running_redis():
        pass


def test_a_server_that_never_answers_is_given_up(tmp_path):
    with pytest.raises(EmbeddedRedisFailed, match="did not answer within"):
        embedded_redis.wait_until_ready(tmp_path / "none.sock", alive=lambda: True, timeout_s=0.1)


def test_what_the_dead_left_is_forgotten(redis, settings):
    redis.set("rq:scheduler-lock:default", "the dead")
    redis.set(redis_keys.SCHEDULER_LEASE, "the dead")
    worker = RestreamerWorker([django_rq.get_queue()], connection=redis)
    worker.register_birth()
    assert RestreamerWorker.count(connection=redis) == 1
    embedded_redis.forget_the_dead(REDIS_TEST_SOCKET)
    assert not redis.exists("rq:scheduler-lock:default", redis_keys.SCHEDULER_LEASE)
    assert RestreamerWorker.count(connection=redis) == 0


@pytest.mark.parametrize(
    ("reply", "there"),
    [
        (b"+PONG\r\n", True),
        (b"-MISCONF Errors writing to the AOF file: No space left on device\r\n", True),
        (b"-LOADING Redis is loading the dataset in memory\r\n", False),
    ],
    ids=["well", "disk full", "loading"],
)
def test_a_server_without_disk_space_is_there(reply, there):
    """Commands would start another and wait a minute for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    while caller.recv(4096):
                        caller.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        assert embedded_redis.url_answers(f"redis://127.0.0.1:{server.getsockname()[1]}/0?protocol=2") is there
