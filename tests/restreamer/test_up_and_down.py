"""`manage.py up` begins and ends: what stops it leaves nothing behind, what it cannot do it says in a sentence."""

from __future__ import annotations

import signal
import socket
import sqlite3

import pytest

from tests.restreamer.house import House, busy_worker, run, survivors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def ends(house, number):
    """A request to stop ends everything in order, and leaves nothing behind."""
    family = house.ready().family()
    assert len(family) >= 8  # redis, relay, web and its two, two workers, scheduler
    assert house.stop(number) == 0
    assert survivors(family, 0.5) == []
    assert house.lines[-1] == "[up] stopped"
    assert "killed" not in house.text
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", house.port), timeout=2)


def test_a_stop_leaves_nothing_behind_and_a_restart_finds_what_was_there(tmp_path):
    with House(tmp_path / "data") as first:
        ends(first, signal.SIGTERM)
    with House(tmp_path / "data") as second:
        ends(second, signal.SIGINT)
        assert "Password" in first.text
        assert "Password" not in second.text
        assert second.find(r"Administrator +(\S+)") == "admin"
    with sqlite3.connect(tmp_path / "data" / "restreamer.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM auth_user").fetchone() == (1,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_second_request_to_stop_does_not_wait_for_a_long_job(tmp_path):
    with House(tmp_path / "data") as house:
        house.ready()
        worker, job = busy_worker(house)
        family = house.family()
        house.process.send_signal(signal.SIGINT)
        house.wait_for("[up] stopping", 5)
        assert house.stop(signal.SIGINT, timeout_s=8) == 0
        assert survivors([*family, worker, job], 1) == []


def test_killed_itself_it_takes_everything_along(tmp_path):
    with House(tmp_path / "data") as house:
        family = house.ready().family()
        house.process.kill()
        assert survivors(family, 5) == []


def test_stopped_while_it_starts_it_ends_too(tmp_path):
    with House(tmp_path / "data") as house:
        house.wait_for("preparing the database", 30)
        family = house.family()
        assert house.stop() == 0
        assert survivors(family, 0.5) == []


def test_a_taken_port_ends_it_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(tmp_path / "data", "up", RESTREAMER_BIND=f"127.0.0.1:{port}")
    assert refused.returncode == 1
    assert f"Port {port} is taken by another program." in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_that_cannot_be_made_ends_it_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused = run(tmp_path / "file" / "data", "up")
    assert refused.returncode == 1
    assert "cannot be made: Not a directory. Set RESTREAMER_DATA" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_redis_that_does_not_start_ends_it_at_once(tmp_path):
    broken = tmp_path / "data" / "redis" / "appendonlydir"
    broken.mkdir(parents=True)
    (broken / "appendonly.aof.manifest").write_text("this is no manifest\n")
    refused = run(tmp_path / "data", "up")
    assert refused.returncode == 1
    assert "The embedded Redis ended while starting." in refused.stderr
    assert "[redis]" in refused.stdout
    assert "Traceback" not in refused.stderr


def test_a_database_that_does_not_answer_ends_it_with_a_sentence(tmp_path):
    refused = run(tmp_path / "data", "up", DATABASE_URL="postgres://me:hunter2@127.0.0.1:1/tv")
    assert refused.returncode == 1
    assert "The database of DATABASE_URL cannot be reached" in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "address", ["nonsense", "mysql://me:hunter2@host/tv", "postgres://me:hunter2@host:port/tv", "sqlite:////tmp/tv"]
)
def test_a_database_address_that_is_none_ends_it_with_a_sentence(tmp_path, address):
    refused = run(tmp_path / "data", "up", DATABASE_URL=address)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: DATABASE_URL ")
    assert "hunter2" not in refused.stderr


def test_a_given_redis_that_does_not_answer_ends_it_with_a_sentence(tmp_path):
    refused = run(tmp_path / "data", "up", REDIS_URL="redis://:hunter2@127.0.0.1:1/0")
    assert refused.returncode == 1
    assert "Redis at redis://127.0.0.1:1/0 does not answer" in refused.stderr
    assert "hunter2" not in refused.stderr


def test_an_address_that_is_none_ends_it_with_a_sentence(tmp_path):
    refused = run(tmp_path / "data", "up", RESTREAMER_BIND="127.0.0.1:70000")
    assert refused.returncode == 1
    assert "RESTREAMER_BIND='127.0.0.1:70000' is no address" in refused.stderr
