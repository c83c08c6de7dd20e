"""What every test stands on: an empty Redis of its own, a database of its own, no network of others."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator

import pytest
import redis as redis_client
from django.conf import settings

from restreamer import embedded_redis
from restreamer.lib import versions
from restreamer.parent_death import die_with_me
from tests import postgres
from tests.settings import REDIS_TEST_SOCKET, TEST_FOLDER, WITH_POSTGRES


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a real Valkey server that belongs to this test process alone."""
    command = embedded_redis.command(TEST_FOLDER / "redis-data", REDIS_TEST_SOCKET)
    # No need to survive anything: without its file each write is a little faster.
    process = subprocess.Popen(
        [*command, "--appendonly", "no"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_me(),
    )
    embedded_redis.wait_until_ready(REDIS_TEST_SOCKET, alive=lambda: process.poll() is None)
    yield settings.REDIS_URL
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="session")
def _redis_admin(redis_server: str) -> Iterator[redis_client.Redis]:
    with redis_client.Redis.from_url(redis_server) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty_redis(_redis_admin: redis_client.Redis) -> None:
    """Each test begins with an empty Redis."""
    _redis_admin.flushall()


@pytest.fixture(autouse=True)
def _answers_are_made_anew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test whose transaction never commits tells nobody what it wrote: no answer is kept for as long."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and not marker.kwargs.get("transaction") and "transactional_db" not in request.fixturenames:
        monkeypatch.setattr(versions, "current", lambda parts: secrets.token_hex(8))


@pytest.fixture
def redis(redis_server: str) -> Iterator[redis_client.Redis]:
    """A client of this test's empty Redis; answers are bytes."""
    with redis_client.Redis.from_url(redis_server) as client:
        yield client


@pytest.fixture(scope="session", autouse=WITH_POSTGRES)
def _postgres_server() -> Iterator[None]:
    with postgres.running():
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """With TEST_PG=1 the server runs before the test database is made."""
    if WITH_POSTGRES:
        request.getfixturevalue("_postgres_server")


#: They need rows, but what they ask is a provider, a relay or ffmpeg, never the database; what is written in the end is
#: asked of both engines by the tests of refreshes, catalogues and pages.
ENGINE_BLIND = (
    "tests/portals/providers/stalker/",
    "tests/portals/providers/test_xtream_",
    "tests/streaming/test_hls_upstreams.py",
    "tests/streaming/test_nodes.py",
    "tests/streaming/test_relay_crash.py",
    "tests/streaming/test_titles_crash.py",
    "tests/streaming/test_transcoding.py",
    "tests/guide/test_attacks.py::test_a_feed_built_to_fill_memory",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With TEST_PG=1 only what touches the database is repeated; the rest would say the same again."""
    if not WITH_POSTGRES:
        return
    touching = {"db", "transactional_db", "admin_client", "live_server"}
    kept = [
        item
        for item in items
        if (item.get_closest_marker("django_db") or touching & set(getattr(item, "fixturenames", ())))
        and not item.nodeid.startswith(ENGINE_BLIND)
    ]
    chosen = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = kept
