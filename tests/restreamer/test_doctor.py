"""The doctor says what is wrong and what to type."""

from __future__ import annotations

import json
import shutil

import django_rq
import pytest
from django.core.management import call_command
from django.db.migrations.executor import MigrationExecutor

from restreamer.doctor import State, machine, processes, storage, visit
from restreamer.lib import redis_keys
from restreamer.worker import RestreamerWorker
from tests.restreamer.house import House, run


def by_subject(findings):
    return {finding["subject"]: finding for finding in findings}


@pytest.mark.slow
def test_a_running_house_is_well(tmp_path):
    with House(tmp_path / "data") as house:
        house.ready()
        seen = run(house.data, "doctor", "--json", RESTREAMER_BIND=f"127.0.0.1:{house.port}")
        findings = by_subject(json.loads(seen.stdout))
        states = {subject: finding["state"] for subject, finding in findings.items()}
        states.pop("clock")  # is the machine's
        assert set(states.values()) == {"ok"}, findings
        assert list(findings) == [
            *("python", "packages", "settings", "data folder", "secret key", "database", "redis", "workers"),
            *("scheduler", "relay", "port", "ffmpeg", "graphics", "disk", "open files", "clock"),
        ]


@pytest.mark.slow
def test_without_up_it_says_how_to_start_and_leaves_nothing_running(tmp_path):
    seen = run(tmp_path / "data", "doctor")
    assert seen.returncode == 0, seen.stdout
    assert "ok    redis        embedded, valkey" in seen.stdout
    assert "type: ./run manage migrate" in seen.stdout
    assert not (tmp_path / "data" / "run" / "redis.sock").exists()


@pytest.mark.slow
def test_what_is_broken_makes_the_exit_code_one(tmp_path):
    seen = run(tmp_path / "data", "doctor", "--json", FFMPEG="/no/such/ffmpeg")
    assert seen.returncode == 1
    assert by_subject(json.loads(seen.stdout))["ffmpeg"] == {
        "subject": "ffmpeg",
        "state": "fail",
        "text": "FFMPEG='/no/such/ffmpeg' cannot be run. Correct it or unset it.",
        "remedy": "apt install ffmpeg",
    }


def test_every_complaint_comes_with_something_to_type(monkeypatch, settings, tmp_path, redis):
    settings.RESTREAMER_DATA = tmp_path / "data"
    settings.RELAY_SOCKET = tmp_path / "none.sock"
    settings.RESTREAMER_BIND = "nonsense"
    findings = [
        *(processes.relay(running) for running in (True, False)),
        *(processes.workers(running) for running in (True, False)),
        *(processes.scheduler(running) for running in (True, False)),
        processes.port(True),
        storage.secret_key(),
    ]
    assert [finding.state for finding in findings] == [State.FAIL, State.WARN] * 3 + [State.FAIL, State.FAIL]
    assert all(finding.remedy for finding in findings)


def test_workers_are_counted_by_queue(redis):
    for queues in (["default"], ["refresh", "default"]):
        RestreamerWorker([django_rq.get_queue(name) for name in queues], connection=redis).register_birth()
    assert processes.workers(True).text == "2 on default, 1 on refresh"


def test_the_scheduler_shows_itself_by_its_lease(redis):
    redis.set(redis_keys.SCHEDULER_LEASE, "somebody")
    assert processes.scheduler(True).state == State.OK


def test_a_folder_open_to_others_is_a_warning(settings, tmp_path):
    settings.RESTREAMER_DATA = tmp_path
    tmp_path.chmod(0o755)
    assert storage.folder().remedy == f"chmod 700 {tmp_path}"


def test_a_secret_key_open_to_others_is_a_warning(settings, tmp_path):
    settings.RESTREAMER_DATA = tmp_path
    (tmp_path / "secret_key").write_text("x" * 50)
    (tmp_path / "secret_key").chmod(0o644)
    assert storage.secret_key().remedy == f"chmod 600 {tmp_path / 'secret_key'}"


def test_a_folder_that_cannot_be_is_all_there_is_to_say(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.RESTREAMER_DATA = tmp_path / "file" / "data"
    last = visit.examine()[-1]
    assert (last.subject, last.state) == ("data folder", State.FAIL)


@pytest.mark.django_db
def test_a_database_with_all_its_tables_is_well():
    assert storage.database().state == State.OK


@pytest.mark.django_db
def test_missing_migrations_are_said(monkeypatch):
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: [1, 2])
    finding = storage.database()
    assert "lacks 2 changes" in finding.text
    assert finding.remedy == "./run manage migrate"


@pytest.mark.parametrize(
    ("option", "value", "phrase"),
    [("appendonly", "no", "forgets waiting jobs"), ("maxmemory-policy", "allkeys-lru", "throws keys away")],
)
def test_a_redis_that_would_lose_something_is_a_warning(redis, option, value, phrase):
    before = redis.config_get(option)[option]
    redis.config_set("appendonly", "yes")
    redis.config_set(option, value)
    try:
        finding = storage.redis_server()
    finally:
        redis.config_set(option, before)
        redis.config_set("appendonly", "no")
    assert finding.state == State.WARN
    assert phrase in finding.text


def test_a_durable_redis_is_well(redis):
    redis.config_set("appendonly", "yes")
    try:
        assert storage.redis_server().state == State.OK
    finally:
        redis.config_set("appendonly", "no")


def test_a_silent_redis_is_said_without_its_password(settings):
    settings.REDIS_URL = settings.REDIS_URL_GIVEN = "redis://:hunter2@127.0.0.1:1/0"
    finding = storage.redis_server()
    assert finding.state == State.FAIL
    assert "hunter2" not in finding.text


def test_little_room_on_the_disk_is_said(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _usage(100 * 2**20))
    assert machine.disk().state == State.FAIL
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _usage(500 * 2**20))
    assert machine.disk().state == State.WARN
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _usage(50 * 2**30))
    assert machine.disk().state == State.OK


def test_a_package_of_another_version_is_said(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    (tmp_path / "requirements.txt").write_text("-r other.txt\n# comment\nDjango<2\nno-such-package>=1\nredis>=1\n")
    finding = machine.packages()
    assert finding.state == State.FAIL
    assert "Django is 5" in finding.text
    assert "no-such-package is missing" in finding.text
    assert "redis" not in finding.text


def test_an_ffmpeg_that_does_not_run_is_said(settings, tmp_path):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    settings.FFMPEG = str(broken)
    assert "does not run" in machine.ffmpeg().text


def test_the_colourless_report_is_plain_text(settings, tmp_path, capsys):
    (tmp_path / "file").touch()
    settings.RESTREAMER_DATA = tmp_path / "file" / "data"
    with pytest.raises(SystemExit):
        call_command("doctor", no_color=True)
    last = capsys.readouterr().out.splitlines()[-2:]
    assert last[0].startswith("fail  data folder  The data folder ")
    assert last[1].strip() == "type: RESTREAMER_DATA=/a/folder/of/yours ./run"


def _usage(free):
    return type("Usage", (), {"free": free})()


def test_without_a_card_transcodes_take_the_processor(monkeypatch):
    monkeypatch.setattr("streaming.ffmpeg.hardware.detect", lambda able: [])
    assert machine.graphics().text == "no card encodes here: transcodes take the processor"
