"""`manage.py up` as its owner meets it: real processes, in a folder of their own."""

from __future__ import annotations

import http.cookiejar
import signal
import socket
import sqlite3
import urllib.parse
import urllib.request

import pytest

from tests.restreamer.house import House, eventually, run, survivors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One running house for the tests that leave it running."""
    with House(tmp_path_factory.mktemp("house") / "data") as house:
        yield house.ready()


def log_in(house, name, password):
    """Does the admin's login page let them in?"""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"{house.base}/admin/login/?next=/admin/"
    browser.open(address, timeout=5).read()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = urllib.parse.urlencode({"username": name, "password": password, "csrfmiddlewaretoken": token}).encode()
    return browser.open(address, form, timeout=5).geturl().endswith("/admin/")


def test_it_says_where_it_is(house):
    assert house.find(r"Address +(\S+)") == f"{house.base}/"


def test_the_printed_password_opens_the_admin(house):
    password = house.find(r"Password +(\S+)")
    assert log_in(house, "admin", password)
    assert house.text.count(password) == 1


def test_health_is_answered(house):
    assert house.get("/healthz") == (200, "ok\n")


@pytest.mark.parametrize(
    "words",
    ["redis.sock", "gunicorn", "manage.py relay", "worker refresh", "worker default", "scheduler"],
    ids=["redis", "web", "relay", "refresh worker", "default worker", "scheduler"],
)
def test_a_killed_process_comes_back(house, words):
    killed = house.child(words)
    killed.kill()
    eventually(lambda: not killed.is_running(), message="still there")
    eventually(lambda: _alive_again(house, words, killed.pid), message=house.text)
    eventually(lambda: _answers(house), message="the pages do not answer")


def test_a_killed_web_worker_is_replaced_without_the_others_noticing(house):
    web = house.child("gunicorn")
    before = eventually(lambda: len(web.children()) == 2 and web.children())
    before[0].kill()
    eventually(lambda: len({p.pid for p in web.children()} - {p.pid for p in before}) == 1)
    assert house.get("/healthz") == (200, "ok\n")
    assert house.child("gunicorn") == web


def test_nobody_is_refused_while_the_pages_start_again(house):
    web = house.child("gunicorn")
    served = [web, *web.children()]
    web.kill()
    assert survivors(served, 5) == []
    # Whoever asks now, while nobody serves, waits in the socket that `up` keeps open.
    assert [house.get("/healthz")[0] for _ in range(5)] == [200] * 5


def test_a_job_is_done_by_a_worker(house):
    done = run(house.data, "shell", "-c", "import django_rq; print(django_rq.enqueue(len, 'abc').id)")
    job = done.stdout.strip().splitlines()[-1]
    look = f"import django_rq; print(django_rq.get_queue().fetch_job({job!r}).return_value())"
    eventually(lambda: run(house.data, "shell", "-c", look).stdout.strip().endswith("3"))


def busy_worker(house):
    """The worker that took a long job, and the process that does it."""
    run(house.data, "shell", "-c", "import django_rq, time; django_rq.enqueue(time.sleep, 300)")
    workers = [house.child("worker default"), house.child("worker refresh")]
    return eventually(lambda: next(((w, w.children()[0]) for w in workers if w.children()), None))


def test_a_job_ends_with_its_killed_worker(house):
    worker, job = busy_worker(house)
    worker.kill()
    assert survivors([job], 5) == []


def test_a_second_one_on_the_same_folder_is_refused(house):
    refused = run(house.data, "up")
    assert refused.returncode == 1
    assert f"Restreamer already runs on {house.data} (process {house.process.pid})" in refused.stderr


def test_commands_use_the_running_redis(house):
    server = house.child("redis.sock")
    assert run(house.data, "portal", "list").returncode == 0
    assert house.child("redis.sock") == server


def test_a_restart_keeps_what_is_there_and_makes_no_second_administrator(tmp_path):
    with House(tmp_path / "data") as first:
        first.ready()
        assert first.stop() == 0
    with House(tmp_path / "data") as second:
        second.ready()
        assert "Password" not in second.text
        assert second.find(r"Administrator +(\S+)") == "admin"
        second.stop()
    with sqlite3.connect(tmp_path / "data" / "restreamer.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM auth_user").fetchone() == (1,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_data_folder_is_for_its_owner_only(house):
    assert house.data.stat().st_mode & 0o777 == 0o700
    assert (house.data / "run" / "redis.sock").stat().st_mode & 0o777 == 0o700
    assert (house.data / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_nothing_behind(tmp_path, number):
    with House(tmp_path / "data") as house:
        family = house.ready().family()
        assert len(family) >= 8  # redis, relay, web and its two, two workers, scheduler
        assert house.stop(number) == 0
        assert survivors(family, 0.5) == []
        assert house.lines[-1] == "[up] stopped"
        assert "killed" not in house.text
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", house.port), timeout=2)


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


@pytest.mark.parametrize("bind", ["8001", "nowhere:x", "127.0.0.1:70000"])
def test_an_address_that_is_none_ends_it_with_a_sentence(tmp_path, bind):
    refused = run(tmp_path / "data", "up", RESTREAMER_BIND=bind)
    assert refused.returncode == 1
    assert f"RESTREAMER_BIND={bind!r} is no address" in refused.stderr


def _alive_again(house, words, old_pid):
    try:
        return house.child(words).pid != old_pid
    except AssertionError:
        return False


def _answers(house):
    try:
        return house.get("/healthz")[0] == 200
    except OSError:
        return False
