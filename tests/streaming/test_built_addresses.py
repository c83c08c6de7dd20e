"""Every address that is put together is answered with what it promises; for the owner and administrators only."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from accounts.roles import Role
from channels.models import Lineup
from portals.models import Subscription
from streaming.models import TunerDevice
from tests.accounts.people import as_, person
from tests.factories import (
    ChannelFactory,
    GroupFactory,
    LinkFactory,
    PortalFactory,
    StreamFactory,
    SubscriptionFactory,
    ViewerFactory,
)

pytestmark = pytest.mark.django_db

ROW = re.compile(r'<dt>([^<]*?) <span class="hint">.*?value="([^"]*)"', re.S)


@pytest.fixture
def owner():
    return person(Role.VIEWER, "owner")


@pytest.fixture
def viewer(owner):
    news, portal = GroupFactory(name="News & more"), PortalFactory(name="Sofa", slug="sofa")
    SubscriptionFactory(portal=portal, streams=5)
    for number, group in ((1, news), (2, None), (3, news)):
        channel = ChannelFactory(name=f"Channel {number}", number=number, group=group)
        LinkFactory(channel=channel, stream=StreamFactory(portal=portal if number < 3 else PortalFactory()))
    return ViewerFactory(name="sofa", owner=owner, connections=3)


def shown(user, viewer, **chosen):
    """What the page says, and the addresses by label."""
    page = as_(user).get(reverse("addresses", args=[viewer.pk]), chosen).content.decode()
    addresses = {label: value.replace("&amp;", "&") for label, value in ROW.findall(page)}
    return re.findall(r"<h2>(.*?)</h2>", page)[0], addresses


def asked(client, address):
    parts = urlsplit(address)
    answer = client.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 200, answer.content
    return b"".join(answer).decode(errors="replace")


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({}, 3), ({"format": "m3u", "group": "News & more"}, 2), ({"format": "hls", "portal": "sofa"}, 2),
        ({"format": "m3u", "portal": "sofa", "group": "News & more", "sort": "name"}, 1),
        ({"format": "groups"}, 3), ({"format": "m3u", "kind": "live,movies,series"}, 3),
    ],
)  # fmt: skip
def test_a_list_holds_what_the_page_says(client, viewer, chosen, count):
    says, addresses = shown(person(Role.ADMINISTRATOR), viewer, **chosen)
    assert says.startswith(f"It holds {count} channel")
    text = asked(client, next(iter(addresses.values())))
    assert text.startswith("#EXTM3U")
    assert text.count("#EXTINF") == (1 if chosen.get("format") == "groups" else count)
    assert ("/hls/" in text) == (chosen.get("format") == "hls")


def test_a_lineup(client, viewer, owner):
    Lineup.objects.create(name="Kids", slug="kids")
    says, addresses = shown(owner, viewer, format="m3u", lineup="kids")
    assert all("lineup=kids" in address for address in addresses.values())
    assert says.startswith("It holds")
    # Lineups hold channels only.
    says, addresses = shown(owner, viewer, format="m3u", lineup="kids", kind="movies")
    assert "lineup" not in addresses["Playlist (M3U)"]


def test_a_lineup_of_others_is_not_offered(viewer, owner):
    Lineup.objects.create(name="Theirs", slug="theirs")
    viewer.lineups.add(Lineup.objects.create(name="Mine", slug="mine"))
    says, addresses = shown(owner, viewer, format="m3u", lineup="theirs")
    assert (says, addresses) == ("That does not go together.", {})


def test_a_guide(client, viewer, owner):
    _, addresses = shown(owner, viewer, format="guide")
    assert "<tv" in asked(client, addresses["Guide (XMLTV)"])
    asked(client, addresses["The same, packed"])


def test_xtream(client, viewer, owner):
    _, addresses = shown(owner, viewer, format="xtream")
    answer = client.get(
        "/player_api.php", {"username": addresses["Name"], "password": addresses["Password"]}
    )  # fmt: skip
    assert answer.json()["user_info"]["auth"] == 1
    assert asked(client, addresses["Playlist of that scheme"]).count("#EXTINF") == 3
    asked(client, addresses["Guide of that scheme"])


def test_a_tuner_has_as_many_tuners_as_its_document_says(client, viewer, owner):
    for streams, connections, own in ((5, 3, 0), (2, 3, 0), (5, 0, 0), (5, 3, 7)):
        Subscription.objects.update(streams=streams)
        viewer.connections = connections
        viewer.save()
        TunerDevice.objects.update(tuners=own)
        says, addresses = shown(owner, viewer, format="tuner")
        document = json.loads(asked(client, addresses["What it says of itself"]))
        assert says.startswith(f"{document['TunerCount']} tuners")
        assert len(json.loads(asked(client, addresses["Its channels"]))) == 3


@pytest.mark.parametrize("word", ["channel 2", "2", "Channel 2"])
def test_one_channel_by_name_or_number(viewer, owner, word):
    says, addresses = shown(owner, viewer, format="channel", channel=word)
    assert says == "2 Channel 2"
    assert [re.sub(r"/\d+", "", urlsplit(one).path) for one in addresses.values()] == [
        "/stream.ts", "/hls/index.m3u8", "/player",
    ]  # fmt: skip


def test_a_channel_nobody_sees(viewer, owner):
    ChannelFactory(name="Hidden", enabled=False)
    assert shown(owner, viewer, format="channel", channel="Hidden") == (
        "sofa sees no channel that is called Hidden.",
        {},
    )
    assert shown(owner, viewer, format="channel") == ("Name a channel.", {})


def test_providers_are_named_to_administrators_only(viewer, owner):
    assert "Sofa" not in as_(owner).get(reverse("addresses", args=[viewer.pk])).content.decode()
    assert "Sofa" in as_(person(Role.ADMINISTRATOR)).get(reverse("addresses", args=[viewer.pk])).content.decode()


def test_nobody_elses_addresses_are_shown(client, viewer):
    address = reverse("addresses", args=[viewer.pk])
    for user in (person(Role.VIEWER, "other"), person(Role.CURATOR)):
        assert as_(user).get(address).status_code == 404
    assert client.get(address).status_code == 302
    assert User.objects.count() == 3


def test_pages_lead_there(viewer, owner):
    address = reverse("addresses", args=[viewer.pk])
    assert address in as_(owner).get(reverse("me")).content.decode()
    admin = as_(person(Role.ADMINISTRATOR))
    assert address in admin.get(reverse("admin:accounts_viewer_change", args=[viewer.pk])).content.decode()
