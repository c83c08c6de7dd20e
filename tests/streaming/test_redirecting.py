"""A player sent to the provider itself: only who may, under a slot of bounded life, and out of every log."""

from __future__ import annotations

import functools
import logging
import threading
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from redis import Redis

from channels.models import Channel
from portals.errors import ItemRefused, NoFreeSlot
from portals.leases import Ledger
from portals.models import Subscription
from portals.providers.records import PlayUrl
from restreamer.lib import redis_keys
from restreamer.lib.errors import RestreamerError
from streaming.dealing import relay_owner
from streaming.deliver import deliver
from streaming.delivery import Mode
from streaming.limits import Limits, Wish
from streaming.models import Delivery
from streaming.redirecting import Redirector
from streaming.redirects import redirect_owner
from streaming.relay.seams import Ticket
from streaming.room import Room
from streaming.sessions import Sessions
from streaming.views import away, live, passing
from tests.factories import GroupFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.streaming.openers import channel_on
from tests.streaming.titles import episode_on, movie_on

pytestmark = pytest.mark.django_db

SECRET = "http://media.example:8080/live/{item}.ts?mac={mac}&play_token=Xy12secret"


class Provider:
    """Gives addresses, or what `says` holds for an item."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.says: dict[str, str | RestreamerError] = {}

    def __call__(self, portal: object) -> Provider:
        return self

    def play_url(self, subscription: Subscription, provider_id: str, cmd: str, data: object) -> PlayUrl:
        self.asked.append((subscription.mac, provider_id))
        said = self.says.get(provider_id, SECRET.format(item=provider_id, mac=subscription.mac))
        if isinstance(said, RestreamerError):
            raise said
        return PlayUrl(said)


@dataclass
class World:
    """A portal whose channels are redirected, with one MAC that may one stream."""

    provider: Provider
    portal: Any
    mac: Any
    ledger: Ledger
    sessions: Sessions
    relayed: list[Ticket]

    def ask(self, viewer: Any, channel: Channel, agent: str = "VLC") -> Any:
        return Client(headers={"User-Agent": agent}).get(f"/stream/{channel.pk}?token={viewer.token}")


@pytest.fixture
def world(redis: Redis, monkeypatch, settings) -> World:
    settings.LEASE_LIFETIME_S = 6.0
    provider = Provider()
    monkeypatch.setattr(away, "Redirector", functools.partial(Redirector, providers=provider))
    relayed: list[Ticket] = []

    def hand_over(request: object, ticket: Ticket) -> Any:
        relayed.append(ticket)
        return HttpResponse(b"relayed")

    monkeypatch.setattr(live, "hand_over", hand_over)
    portal = PortalFactory()
    mac = SubscriptionFactory(portal=portal, streams=1)
    deliver([portal], Mode.REDIRECT)
    ledger = Ledger(redis, "tests")
    ledger.sweep(alone=True)
    return World(provider, portal, mac, ledger, Sessions(redis), relayed)


@pytest.fixture
def viewer(world):
    return ViewerFactory(may_redirect=True)


def test_who_may_goes_to_a_fresh_address_under_a_lease(world, viewer):
    channel = channel_on(world.portal)
    first, second = world.ask(viewer, channel), world.ask(viewer, channel)
    item = channel.links.get().stream.provider_id
    assert (first.status_code, first["Location"]) == (302, SECRET.format(item=item, mac=world.mac.mac))
    assert first["Cache-Control"] == "no-store"
    assert first["Referrer-Policy"] == "no-referrer"
    assert second.status_code == 302
    assert len(world.provider.asked) == 2
    (lease,) = world.ledger.usage()
    assert (lease.owner, lease.subscription_id) == (redirect_owner(), world.mac.pk)
    (row,) = world.sessions.sessions()
    assert row.facts.viewer_name == viewer.name


def test_who_may_not_is_relayed(world):
    assert world.ask(ViewerFactory(), channel_on(world.portal)).content == b"relayed"
    assert len(world.relayed) == 1
    assert world.provider.asked == []
    assert world.ledger.usage() == []


def test_a_head_request_opens_nothing(world, viewer):
    answer = Client().head(f"/stream/{channel_on(world.portal).pk}?token={viewer.token}")
    assert answer.status_code == 200
    assert world.provider.asked == []


def test_the_lease_and_the_viewing_last_as_long_as_the_setting_says(world, viewer, redis, settings):
    settings.REDIRECT_LEASE_S = 600.0
    world.ask(viewer, channel_on(world.portal))
    (lease,) = world.ledger.usage()
    now = redis.time()[0]
    assert 590 <= lease.expires_at - now <= 601
    (row,) = world.sessions.sessions()
    assert 590_000 <= redis.pttl(redis_keys.session(row.session_id)) <= 601_000


def test_a_second_viewer_is_refused_while_the_slot_counts(world, viewer):
    world.ask(viewer, channel_on(world.portal))
    answer = world.ask(ViewerFactory(may_redirect=True), channel_on(world.portal), "mpv")
    assert answer.status_code == 503
    assert len(world.ledger.usage()) == 1
    assert len(world.sessions.sessions()) == 1


@pytest.mark.parametrize("connections", [1, 0])
def test_a_zap_gives_the_earlier_slot_back(world, connections, monkeypatch):
    monkeypatch.setattr("streaming.sessions._SETTLED_S", 0.0)
    viewer = ViewerFactory(may_redirect=True, connections=connections)
    assert [world.ask(viewer, channel_on(world.portal)).status_code for _ in range(3)] == [302] * 3
    assert len(world.ledger.usage()) == 1
    assert len(world.sessions.sessions()) == 1


def test_another_subscription_is_taken_when_the_first_is_full(world, viewer):
    other = SubscriptionFactory(portal=world.portal, streams=1, rank=9)
    world.ask(viewer, channel_on(world.portal))
    assert world.ask(ViewerFactory(may_redirect=True), channel_on(world.portal), "mpv").status_code == 302
    assert {one.subscription_id for one in world.ledger.usage()} == {world.mac.pk, other.pk}


def test_a_stream_the_portal_refuses_gives_way_to_the_next(world, viewer):
    channel = channel_on(world.portal, world.portal)
    first, second = (link.stream.provider_id for link in channel.links.order_by("rank"))
    world.provider.says[first] = ItemRefused("no such item")
    assert f"/{second}.ts" in world.ask(viewer, channel)["Location"]
    assert len(world.ledger.usage()) == 1


@pytest.mark.parametrize(
    "address", ["rtsp://media.example/x", "file:///etc/passwd", "http://", "http://a/\r\nSet-Cookie: x=1", "http://[/"]
)
def test_an_address_no_player_can_be_sent_to_is_no_redirect(world, viewer, address):
    channel = channel_on(world.portal)
    world.provider.says[channel.links.get().stream.provider_id] = address
    assert world.ask(viewer, channel).status_code == 503
    assert world.ledger.usage() == []
    assert world.sessions.sessions() == []


def test_a_portal_behind_a_proxy_is_relayed(world, viewer):
    world.portal.proxy_url = "socks5h://127.0.0.1:9"
    world.portal.save()
    assert world.ask(viewer, channel_on(world.portal)).content == b"relayed"


def test_stopping_it_by_hand_frees_the_slot_at_once(world, viewer):
    world.ask(viewer, channel_on(world.portal))
    (row,) = world.sessions.sessions()
    assert world.sessions.stop(row.session_id)
    assert world.ledger.usage() == []
    assert world.sessions.sessions() == []


def test_a_relay_takes_the_slot_of_the_same_player_only(world, viewer, redis):
    made: list[bool] = []
    world.ask(viewer, channel_on(world.portal))
    relay = Ledger(redis, relay_owner())
    for who in (ViewerFactory(), viewer):
        wish = Wish(who.pk, who.name, 0, "channel:999", "x", "127.0.0.1", "VLC")
        session = Limits(redis, relay_owner(), clock=lambda: 4e9).admit(wish)
        ticket = Ticket(session, wish.key, who.pk, who.name, "x", "127.0.0.1", "VLC")
        lease = relay.want(world.mac, key=wish.key, viewer=who.name)
        try:
            relay.take(lease)
        except NoFreeSlot as full:
            made.append(Room(relay, world.sessions).make(lease, full, ticket, threading.Event()))
    assert made == [False, True]
    assert [one.owner for one in world.ledger.usage()] == [relay_owner()]


def test_no_log_holds_the_secrets(world, viewer, caplog):
    caplog.set_level(logging.DEBUG)
    world.ask(viewer, channel_on(world.portal))
    assert "is sent to http://media.example:8080/" in caplog.text
    for secret in ("Xy12secret", world.mac.mac[-8:]):
        assert secret not in caplog.text


def test_a_player_may_ask_for_the_provider_where_nobody_chose_otherwise(world, viewer):
    Delivery.objects.all().delete()
    channel = channel_on(world.portal)
    direct = f"/stream/{channel.pk}?token={{}}&direct=1"
    assert world.ask(viewer, channel).content == b"relayed"
    assert Client().get(direct.format(viewer.token)).status_code == 302
    assert Client().get(direct.format(ViewerFactory().token)).content == b"relayed", "who may not, never"
    deliver([channel], Mode.RELAY)
    assert Client().get(direct.format(viewer.token)).content == b"relayed", "an owner's choice counts"
    Delivery.objects.all().delete()
    world.portal.proxy_url = "http://127.0.0.1:3128"
    world.portal.save()
    assert Client().get(direct.format(viewer.token)).content == b"relayed", "past a proxy no player is sent"


@pytest.mark.parametrize("kind", ["movie", "episode"])
def test_a_title_is_fetched_from_the_provider_by_who_may_and_asks(world, viewer, kind, monkeypatch):
    monkeypatch.setattr(passing, "hand_over", lambda request, ticket: HttpResponse(b"passed through"))
    Delivery.objects.all().delete()
    title = movie_on(world.portal) if kind == "movie" else episode_on(world.portal)
    address = f"/vod/{kind}/{title.pk}?token={{}}"
    direct = f"{address}&direct=1"
    assert Client().get(address.format(viewer.token)).content == b"passed through"
    assert Client().get(direct.format(ViewerFactory().token)).content == b"passed through", "who may not, never"
    assert Client().head(direct.format(viewer.token)).status_code == 200
    assert world.provider.asked == []
    answer = Client().get(direct.format(viewer.token))
    assert (answer.status_code, answer["Location"]) == (302, SECRET.format(item="one", mac=world.mac.mac))
    assert [one.owner for one in world.ledger.usage()] == [redirect_owner()]
    deliver([world.portal], Mode.RELAY)
    assert Client().get(direct.format(viewer.token)).content == b"passed through", "an owner's choice counts"


def test_the_titles_of_a_portal_that_is_redirected_are_so_too(world, viewer):
    assert Client().get(f"/vod/movie/{movie_on(world.portal).pk}?token={viewer.token}").status_code == 302


def test_a_group_as_one_channel_is_redirected_as_the_group_is(world, viewer):
    Delivery.objects.all().delete()
    channel = channel_on(world.portal)
    channel.group = GroupFactory(name="News")
    channel.save()
    address = f"/chplay/{channel.group.pk}?token={viewer.token}"
    assert Client().get(address).content == b"relayed"
    deliver([channel.group], Mode.REDIRECT)
    assert Client().get(address).status_code == 302
