"""Alive, and ready."""

from __future__ import annotations

import socket

import django_rq
import pytest
from django.db import DatabaseError, connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def relay(settings, tmp_path):
    settings.RELAY_SOCKET = tmp_path / "relay.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(settings.RELAY_SOCKET))
        listener.listen()
        yield listener


def test_alive_needs_nothing_else(client, settings, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1"
    monkeypatch.setattr(connection, "cursor", lambda: pytest.fail("asked the database"))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]


def test_ready_when_everything_answers(client, relay):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": True, "redis": True, "relay": True}


def test_not_ready_without_a_relay(client, settings, tmp_path):
    settings.RELAY_SOCKET = tmp_path / "none.sock"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["relay"]) == (503, False)


def test_not_ready_without_redis(client, relay, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["redis"]) == (503, False)


def test_not_ready_without_a_database(client, relay, monkeypatch):
    def refuse():
        raise DatabaseError("gone")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["database"]) == (503, False)


def test_the_front_door_leads_to_the_admin(client):
    assert client.get("/")["Location"] == "/admin/"


@pytest.mark.parametrize(
    "page", ["", "queues/0/", "queues/0/failed/", "queues/0/finished/", "workers/0/", "queues/0/{job}/", "stats.json"]
)
def test_the_pages_of_background_jobs_open_for_the_owner_only(admin_client, client, page, redis):
    job = django_rq.get_queue("default", commit_mode="auto").enqueue(len, "abc")
    address = f"/admin/django_rq/dashboard/{page.format(job=job.id)}"
    assert admin_client.get(address, follow=True).status_code == 200
    stranger = client.get(address)
    assert stranger.status_code in {302, 401, 403, 404}
