"""A running `manage.py up` as its owner meets it: what it says and answers, and what happens when its parts end."""

from __future__ import annotations

import http.cookiejar
import urllib.parse
import urllib.request

import pytest

from tests.restreamer.house import House, busy_worker, eventually, run, survivors

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One running house for all."""
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


def test_the_data_folder_is_for_its_owner_only(house):
    assert house.data.stat().st_mode & 0o777 == 0o700
    assert (house.data / "run" / "redis.sock").stat().st_mode & 0o777 == 0o700
    assert (house.data / "secret_key").stat().st_mode & 0o777 == 0o600


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
