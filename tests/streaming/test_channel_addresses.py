"""“Copy link”: the addresses of one channel, for viewers whose token the person may know, where they would play."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AdultView, Viewer
from accounts.roles import Role
from channels.models import Channel, Lineup
from tests.accounts.people import as_, person
from tests.factories import LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Channel:
    return LinkFactory(channel__name="News").channel


def told(client: Client, channel: Channel, viewer: Viewer | None = None) -> str:
    answer = client.get(reverse("watch_channel_addresses", args=[channel.pk]), {"viewer": viewer.pk} if viewer else {})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    return answer.content.decode()


def links(text: str) -> list[str]:
    return re.findall(r'value="(http[^"]+)"', text)


def test_an_administrator_gets_the_addresses_of_any_viewer_own_ones_first(
    admin_client: Client, admin_user, channel: Channel
) -> None:
    other, own = ViewerFactory(name="anna"), ViewerFactory(name="zoe", owner=admin_user)
    base = "http://testserver"
    assert links(told(admin_client, channel)) == [
        f"{base}/stream/{channel.pk}?token={own.token}",
        f"{base}/hls/{channel.pk}/index.m3u8?token={own.token}",
        f"{base}/player/{channel.pk}?token={own.token}",
    ]
    asked = told(admin_client, channel, other)
    assert other.token in asked
    assert own.token not in asked
    assert 'aria-label="Copy the link of News"' in admin_client.get("/admin/channels/channel/").content.decode()


def test_the_address_of_the_page_plays(admin_client: Client, channel: Channel) -> None:
    ViewerFactory()
    page = links(told(admin_client, channel))[2]
    assert Client().get(page.removeprefix("http://testserver")).status_code == 200


def test_a_curator_sees_the_token_of_no_viewer_but_their_own(channel: Channel) -> None:
    clara = person(Role.CURATOR, "clara")
    stranger = ViewerFactory()
    text = told(as_(clara), channel, stranger)
    assert stranger.token not in text
    assert stranger.name not in text
    assert "No viewer belongs to you" in text
    own = ViewerFactory(owner=clara)
    text = told(as_(clara), channel, stranger)
    assert stranger.token not in text
    assert own.token in text


def test_nobody_else_opens_it(channel: Channel) -> None:
    ViewerFactory()
    address = reverse("watch_channel_addresses", args=[channel.pk])
    assert Client().get(address).status_code == 302
    assert as_(person(name="anna")).get(address).status_code == 302


def test_no_list_and_no_page_of_a_channel_holds_a_token(admin_client: Client, channel: Channel) -> None:
    viewer = ViewerFactory()
    for address in ("/admin/channels/channel/", f"/admin/channels/channel/{channel.pk}/change/"):
        assert viewer.token not in admin_client.get(address).content.decode()


def test_what_would_not_play_is_no_address_but_a_reason(admin_client: Client, channel: Channel) -> None:
    viewer = ViewerFactory(name="anna")
    viewer.lineups.add(Lineup.objects.create(name="Sports", slug="sports", only_picks=True))
    text = told(admin_client, channel)
    assert not links(text)
    assert "none of the lineups of anna" in text
    viewer.lineups.clear()
    Channel.objects.update(adult=True)
    assert "hidden from anna" in told(admin_client, channel)
    Viewer.objects.update(adult=AdultView.PIN)
    text = told(admin_client, channel)
    assert links(text)
    assert "&amp;pin=" in text or "&pin=" in text
    Channel.objects.update(enabled=False)
    text = told(admin_client, channel)
    assert not links(text)
    assert "hidden from viewers" in text


def test_a_viewer_that_may_not_watch_is_not_offered(admin_client: Client, channel: Channel) -> None:
    off = ViewerFactory(name="anna", enabled=False)
    text = told(admin_client, channel, off)
    assert off.token not in text
    assert "There is no viewer yet" not in text
    assert "no viewer that may watch" in text
