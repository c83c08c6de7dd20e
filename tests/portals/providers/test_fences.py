"""Whatever address a provider gives, of a channel, a movie or an archive, says how far it may lead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from portals.providers import registry
from portals.providers.vod_records import ArchiveWindow
from restreamer.lib.fence import Fence, networks_of
from tests.factories import PortalFactory, SubscriptionFactory

WINDOW = ArchiveWindow(datetime(2026, 1, 1, tzinfo=UTC), 3600)


def plays(kind: str, address: str):
    """Addresses of each kind, none of which needs a question to the provider."""
    portal = PortalFactory(kind=kind, address=address)
    subscription = SubscriptionFactory(portal=portal, login="me", password="secret")
    provider: Any = registry.provider_for(portal)
    if kind == "stalker":
        yield provider._play_url(subscription, "http://media.example/1.ts")
        return
    yield provider.play_url(subscription, "1", "http://media.example/1.ts", {})
    told = {"mode": "append", "source": "?utc={utc}"}
    archive = {"archive": told, "catchup": told}
    cmd = "http://media.example/1.ts"
    if kind == "xtream":
        provider._panel.server = lambda: address
        yield provider.play_url(subscription, "1", "movie/1.mkv", {})
    else:
        archive = {"catchup": told}
    yield from provider.archive_urls(subscription, "1", cmd, archive, WINDOW)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["stalker", "xtream", "m3u"])
def test_what_a_provider_on_the_internet_gives_leads_no_further_than_there(kind, settings):
    found = list(plays(kind, "http://portal.example/list"))
    assert {one.fence for one in found} == {Fence()}
    settings.PROVIDER_NETWORKS = ["192.168.1.0/24"]
    assert {one.fence for one in plays(kind, "http://portal.example/list")} == {Fence(networks_of(["192.168.1.0/24"]))}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["stalker", "xtream", "m3u"])
def test_one_in_the_house_may_name_its_neighbours(kind):
    assert {one.fence for one in plays(kind, "http://192.168.1.5:8000/list")} == {None}
