"""Movies over real sockets, through processes that are killed: the limit holds, and what they held comes back."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from portals.leases import Ledger
from portals.models import PortalKind, Subscription
from streaming.sessions import Sessions
from tests.factories import PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes.file_origin import Act, File, FileOrigin, content
from tests.streaming.children import RelayChild, WebChild
from tests.streaming.passthrough.rig import wait_for
from vod.models import Movie, MovieOffer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MOVIE = content(12_000_000)


@pytest.fixture
def files() -> Iterator[FileOrigin]:
    origin = FileOrigin()
    origin.files["one"] = File(MOVIE)
    origin.limits["mac"] = 1
    yield origin
    origin.close()
    assert origin.violations == []


@pytest.fixture
def relay(tmp_path: Path, settings) -> Iterator[RelayChild]:
    settings.RELAY_SOCKET = tmp_path / "run" / "relay.sock"
    one = RelayChild(tmp_path)
    one.start()
    yield one
    if one.alive:
        one.stop()


@pytest.fixture
def web(tmp_path: Path, relay: RelayChild) -> Iterator[WebChild]:
    one = WebChild(tmp_path)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def address(web: WebChild, files: FileOrigin) -> str:
    """A movie of a playlist whose provider allows one connection, and means it."""
    portal = PortalFactory(kind=PortalKind.M3U, address="http://127.0.0.1:9/list.m3u")
    one: Subscription = SubscriptionFactory(portal=portal, mac="", streams=1)
    assert one.streams == 1
    movie = Movie.objects.create(name="Heat", enabled=True)
    MovieOffer.objects.create(
        portal=portal, movie=movie, provider_id="one", name="Heat", cmd=files.url("one", "mac"), container="mkv"
    )
    return f"http://127.0.0.1:{web.port}/vod/movie/{movie.pk}.mkv?token={ViewerFactory(connections=1).token}"


def asked(address: str, byte_range: str = "") -> urllib.request.Request:
    return urllib.request.Request(address, headers={"Range": byte_range} if byte_range else {})


def test_a_movie_goes_on_over_killed_pages_and_ends_with_a_killed_relay(
    relay: RelayChild, web: WebChild, files: FileOrigin, address: str, redis: Redis
) -> None:
    ledger, sessions = Ledger(redis, "tests"), Sessions(redis)
    files.script("one", Act(cut_after=5_000_000))
    files.rate = 8_000_000
    with urllib.request.urlopen(asked(address), timeout=20) as answer:
        data = answer.read(1_000_000)
        for worker in web.workers():
            worker.kill()
        data += answer.read()
    # Over the killed pages and over a break of the provider.
    assert data == MOVIE
    assert wait_for(lambda: len(web.workers()) == 2)
    with urllib.request.urlopen(asked(address, "bytes=1000000-"), timeout=20) as answer:
        answer.read(100_000)
        relay.kill()
        assert wait_for(lambda: not files.open())
        relay.start()
    with urllib.request.urlopen(asked(address, "bytes=11000000-"), timeout=20) as answer:
        assert answer.read() == MOVIE[11_000_000:]
    assert files.peak["mac"] == 1
    assert wait_for(lambda: not files.open() and not ledger.usage() and not sessions.sessions())
