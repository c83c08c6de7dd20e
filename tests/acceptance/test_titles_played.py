"""Movies and catch-up through the real providers: from a player's address to the fake's files, and back to rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client
from redis import Redis

from portals import refreshing, runs
from portals.models import PortalKind, RunKind
from portals.providers.registry import provider_for
from restreamer.lib.redis_client import connection
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes import leftovers
from tests.fakes.file_origin import Act, File, FileOrigin, content
from tests.fakes.portal import FakePortal
from tests.fakes.portal_titles import titles
from tests.fakes.xtream_panel import Line, XtreamPanel
from tests.streaming.titles import TitleHouse
from vod.models import Movie

pytestmark = pytest.mark.django_db(transaction=True)

MOVIE = content(1_500_000)


class StalkerWithFiles(FakePortal):
    """A portal whose links lead to a file server and are good for one connection."""

    files: FileOrigin

    def vod_link(self, mac: str, name: str, number: str) -> str:
        self.vod_links.append((name, number))
        return f"ffmpeg {self.files.url('one', mac, f'link{len(self.vod_links)}')}"


@pytest.fixture
def origin(redis: Redis) -> Iterator[FileOrigin]:
    connections.close_all()
    connection().connection_pool.disconnect()
    server = FileOrigin()
    server.files["one"] = File(MOVIE)
    server.links_good_once = True
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def house(origin: FileOrigin, tmp_path: Path, settings) -> Iterator[TitleHouse]:
    with leftovers.none_expected():
        one = TitleHouse(origin, tmp_path, provider_for)
        settings.RELAY_SOCKET = one.path
        yield one
        one.stop()
        assert one.at_rest()
        connection().connection_pool.disconnect()
        connections.close_all()


def test_a_stalker_portals_movie_plays_over_links_that_are_good_once(origin: FileOrigin, tmp_path: Path, settings):
    fake = StalkerWithFiles("stock")
    fake.files, fake.titles = origin, titles(movies=3)
    with fake:
        mac = next(iter(fake.accounts))
        origin.limits[mac] = 1
        portal = PortalFactory(address=fake.address, slug="home")
        SubscriptionFactory(portal=portal, mac=mac)
        refreshing.perform(runs.begin(portal, RunKind.VOD, "test"))
        movie = Movie.objects.filter(offers__provider_id="1").get()
        Movie.objects.filter(pk=movie.pk).update(enabled=True)
        path = f"/vod/movie/{movie.pk}.mkv?token={ViewerFactory().token}"
        house = TitleHouse(origin, tmp_path, provider_for)
        settings.RELAY_SOCKET = house.path
        origin.script("one", Act(cut_after=600_000))
        response = Client().get(path)
        assert (response.status_code, response["Content-Length"]) == (200, "1500000")
        assert mac.lower() not in str(response.headers).lower()
        assert response.getvalue() == MOVIE
        response.close()
        assert Client().get(path, headers={"Range": "bytes=-7"}).getvalue() == MOVIE[-7:]
        house.stop()
        assert house.at_rest()
        # One link for the beginning, one where it broke off, one for the end of the file: none is used twice.
        assert len(fake.vod_links) == 3
        assert origin.peak[mac] == 1


def test_a_panels_archive_plays_in_the_panels_own_zone(house: TitleHouse):
    with XtreamPanel(Line("anna", "secret", max_connections="1"), zone="Europe/Berlin") as panel:
        portal = PortalFactory(kind=PortalKind.XTREAM, address=panel.url)
        SubscriptionFactory(portal=portal, mac="", login="anna", password="secret")
        row = next(one for one in panel.offer.channels if one["tv_archive"])
        key = str(row["stream_id"])
        data = {"zone": "Europe/Berlin", "extension": "ts"}
        channel = LinkFactory(
            stream__portal=portal,
            stream__provider_id=key,
            stream__cmd=f"live/{key}",
            stream__archive_hours=72,
            stream__provider_data=data,
        ).channel
        start = (panel.now - timedelta(hours=5)).replace(second=0, microsecond=0)
        token = ViewerFactory().token
        response = Client().get(f"/stream/{channel.pk}?token={token}&utc={int(start.timestamp())}&duration=30")
        assert (response.status_code, response["Content-Type"]) == (200, "video/mp2t")
        assert next(iter(response))[:1] == b"G"
        response.close()
        assert panel.archived == [(row["stream_id"], start, 30)]
