"""From the address to the picture: views, limits, slots and a whole relay, against a provider that counts."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from redis import Redis

from accounts.models import Viewer
from channels.models import Channel
from portals.leases import Ledger
from portals.models import Subscription
from restreamer.lib.redis_client import connection
from streaming.dealing import relay_owner
from streaming.opening import PortalOpener
from streaming.relay.process import RelayProcess
from streaming.relay.surroundings import RelayLimits
from streaming.session_book import SessionBook
from streaming.sessions import Sessions
from streaming.sources.choose import source_for
from tests.factories import PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes import leftovers
from tests.fakes.upstream import Script, TsOrigin
from tests.mpegts.analyser import Limits, analyse
from tests.streaming.openers import FakeProvider, channel_on, in_threads, names
from tests.streaming.relay.rig import GivenSlates, begins_cleanly, continuity_errors, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

LINGER_S = 0.5


@pytest.fixture
def nothing_left(redis: Redis) -> Iterator[None]:
    """Descriptors and threads are back to the start; connections to Redis and the database are closed before."""
    connections.close_all()
    connection().connection_pool.disconnect()
    with leftovers.none_expected():
        yield
        connection().connection_pool.disconnect()
        connections.close_all()


class House:
    """A relay process in a thread, and what tests ask about it."""

    def __init__(self, origin: TsOrigin, folder: Path, linger_s: float = LINGER_S) -> None:
        self.origin = origin
        self.provider = FakeProvider(origin)
        self.path = folder / "relay.sock"
        client = connection()
        opener = PortalOpener(client, source_for=source_for, providers=self.provider)
        book = SessionBook(client, opener.owner, ledger=opener.ledger)
        limits = RelayLimits(linger_s=linger_s, silence_s=2.0, start_timeout_s=8.0, join_behind_s=1.0, flush_s=0.5)
        limits = replace(limits, slate_after_s=0.5)
        self.process = RelayProcess(opener, book, self.path, limits, slates=GivenSlates(), hls_folder=folder / "hls")
        opener.ask_first(self.process.registry.give_up)
        opener.boot()
        book.boot()
        self.ledger = Ledger(client, "tests")
        self.sessions = Sessions(client)
        self._thread = threading.Thread(target=self.process.run, name="relay-under-test", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.process.stop()
        self._thread.join(8)
        assert not self._thread.is_alive()

    def at_rest(self) -> bool:
        """No upstream, no lease, no viewing."""
        return not self.origin.open() and not self.ledger.usage() and not self.sessions.sessions()


@pytest.fixture
def house(origin: TsOrigin, tmp_path: Path, settings) -> Iterator[House]:
    origin.pace = 5.0
    one = House(origin, tmp_path)
    settings.RELAY_SOCKET = one.path
    yield one
    assert wait_for(one.at_rest, LINGER_S + 4)
    one.stop()


class Player:
    """One player of one viewer."""

    def __init__(self, viewer: Viewer, agent: str = "") -> None:
        self.viewer = viewer
        self.client = Client(headers={"User-Agent": agent or f"Player of {viewer.name}"})
        self.response: Any = None
        self.status = 0
        self.said = b""

    def play(self, channel: Channel) -> Player:
        """Ask for a channel; returns when the answer's head is here."""
        response = self.client.get(f"/stream/{channel.pk}?token={self.viewer.token}")
        self.status = response.status_code
        if response.streaming and self.status == 200:
            self.response = response
            self._pieces = iter(response)
        else:
            self.said = response.getvalue()
            response.close()
        return self

    def read(self, size: int) -> bytes:
        """At least so much of the picture."""
        data = b""
        while len(data) < size:
            data += next(self._pieces)
        return data

    def close(self) -> None:
        if self.response is not None:
            self.response.close()
            self.response = None


@pytest.fixture
def macs(origin: TsOrigin) -> list[Subscription]:
    portal = PortalFactory()
    both: list[Subscription] = [SubscriptionFactory(portal=portal, rank=rank) for rank in (1, 2)]
    for one in both:
        origin.limits[one.mac] = 1
    return both


def test_fifty_viewers_share_one_upstream_and_leave_nothing(house: House, macs: list[Subscription]) -> None:
    channel = channel_on(macs[0].portal)
    players = [Player(ViewerFactory()) for _ in range(50)]
    in_threads([lambda p=p: p.play(channel) for p in players])
    assert {player.status for player in players} == {200}
    assert house.origin.opened["all"] == 1
    assert len(house.provider.asked) == 1
    assert begins_cleanly(players[0].read(200_000))
    for player in players:
        player.close()
    assert wait_for(house.at_rest, LINGER_S + 3)


def test_three_channels_on_two_connections_two_play_and_the_third_is_told_why(
    house: House, macs: list[Subscription]
) -> None:
    viewer = ViewerFactory(connections=3)
    players = [Player(viewer, agent="curl") for _ in range(3)]
    channels = [channel_on(macs[0].portal) for _ in range(3)]
    answers = in_threads([lambda p=p, c=c: p.play(c) for p, c in zip(players, channels, strict=True)])
    assert len(answers) == 3
    assert sorted(player.status for player in players) == [200, 200, 503]
    (refused,) = [player for player in players if player.status == 503]
    assert b"in use" in refused.said
    for player in players:
        player.close()


def test_a_mac_blocked_in_mid_stream_is_left_on_the_same_connection(house: House, macs: list[Subscription]) -> None:
    player = Player(ViewerFactory()).play(channel_on(macs[0].portal))
    player.read(50_000)
    house.origin.blocked[macs[0].mac] = 403
    house.origin.drop(macs[0].mac)
    assert wait_for(lambda: house.origin.open(key=macs[1].mac) == 1)
    assert player.read(300_000)
    player.close()


def test_when_every_source_fails_a_slate_is_shown_until_one_is_back(
    house: House, macs: list[Subscription], caplog: pytest.LogCaptureFixture
) -> None:
    channel = channel_on(macs[0].portal)
    (name,) = names(channel)
    player = Player(ViewerFactory()).play(channel)
    data = player.read(50_000)
    house.origin.always(name, Script(status=500))
    asked = len(house.origin.requests)
    with caplog.at_level(logging.INFO, "streaming.session_book"):
        house.origin.drop()
        until = time.monotonic() + 3.5
        while time.monotonic() < until:
            data += player.read(1)
    # Each once, then again after half a second, one, two: never in a tight loop.
    assert 3 <= len(house.origin.requests) - asked <= 6
    assert "viewers see the slate" in caplog.text
    house.origin.always(name, Script())
    data += player.read(300_000)
    player.close()
    assert analyse(data[: len(data) // 188 * 188], Limits(video_gap_s=0.2, audio_gap_s=0.3)).problems == []


@pytest.mark.parametrize("how", ["closes first", "opens first"])
def test_zaps_on_one_connection_are_never_refused_and_disturb_nobody(house: House, origin: TsOrigin, how: str) -> None:
    portal, other = PortalFactory(), PortalFactory()
    mac: Subscription = SubscriptionFactory(portal=portal)
    SubscriptionFactory(portal=other)
    origin.limits[mac.mac] = 1
    quiet = Player(ViewerFactory()).play(channel_on(other))
    watched: list[bytes] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            watched.append(quiet.read(1))

    thread = threading.Thread(target=watch)
    thread.start()
    channels = [channel_on(portal) for _ in range(4)]
    viewer, chance = ViewerFactory(connections=1), random.Random(11)
    player, channel = Player(viewer, "TV"), None
    slowest = 0.0
    for _ in range(25):
        channel = chance.choice([one for one in channels if one is not channel])
        following = Player(viewer, "TV")
        if how == "closes first":
            player.close()
        began = time.monotonic()
        following.play(channel)
        slowest = max(slowest, time.monotonic() - began)
        assert (following.status, following.said) == (200, b"")
        player.close()
        player = following
        time.sleep(chance.uniform(0, 0.15))
    player.close()
    over.set()
    thread.join(5)
    quiet.close()
    assert origin.peak[mac.mac] == 1
    assert continuity_errors(b"".join(watched)) == 0
    assert slowest < 2.5


def test_a_viewers_slot_is_free_as_soon_as_the_player_has_left(house: House, macs: list[Subscription]) -> None:
    viewer = ViewerFactory(connections=1)
    first = Player(viewer, "TV").play(channel_on(macs[0].portal))
    first.close()
    began = time.monotonic()
    second = Player(viewer, "Phone").play(channel_on(macs[0].portal))
    assert second.status == 200
    assert time.monotonic() - began < 2
    second.close()


def test_a_person_can_end_a_viewing_and_switch_a_channel(house: House, macs: list[Subscription]) -> None:
    channel = channel_on(macs[0].portal)
    player = Player(ViewerFactory()).play(channel)
    player.read(10_000)
    assert wait_for(lambda: [row for row in house.sessions.relays() if row[0].subscription_id == macs[0].pk])
    assert house.sessions.switch(f"channel:{channel.pk}")
    assert wait_for(lambda: house.origin.open(key=macs[1].mac) == 1)
    (row,) = house.sessions.sessions()
    assert house.sessions.stop(row.session_id)
    with pytest.raises(StopIteration):
        player.read(100_000_000)
    player.close()


def test_the_owner_name_is_the_same_for_view_and_relay(house: House, macs: list[Subscription]) -> None:
    player = Player(ViewerFactory()).play(channel_on(macs[0].portal))
    assert {row.owner for row in house.sessions.sessions()} == {relay_owner()}
    player.close()
