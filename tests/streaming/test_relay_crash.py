"""Processes that are killed or frozen at random moments: the limit holds, and what they held comes back."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from channels.models import Channel
from portals.errors import NoFreeSlot
from portals.leases import Lease, Ledger
from portals.models import PortalKind, Subscription
from streaming.sessions import Sessions
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes.upstream import TsOrigin
from tests.streaming.children import HttpPlayer, RelayChild, WebChild
from tests.streaming.relay.rig import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(240)]

#: As short as the settings allow, so that a frozen relay is waited for no longer than needed.
LIFETIME_S = 3.0


@pytest.fixture
def provider() -> Iterator[TsOrigin]:
    origin = TsOrigin()
    origin.pace = 3.0
    yield origin
    origin.close()
    assert origin.violations == []


@pytest.fixture
def relay(tmp_path: Path, settings) -> Iterator[RelayChild]:
    settings.RELAY_SOCKET = tmp_path / "run" / "relay.sock"
    settings.LEASE_LIFETIME_S = LIFETIME_S
    one = RelayChild(tmp_path, RESTREAMER_LEASE_LIFETIME_S=str(LIFETIME_S))
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


def channels_on_one_slot(origin: TsOrigin, count: int) -> tuple[Subscription, list[Channel]]:
    """Channels of a playlist whose provider allows one connection, and means it."""
    portal = PortalFactory(kind=PortalKind.M3U, address="http://127.0.0.1:9/list.m3u")
    subscription: Subscription = SubscriptionFactory(portal=portal, mac="", streams=1)
    origin.limits["one"] = 1
    return subscription, [
        LinkFactory(stream__portal=portal, stream__provider_id=f"c{n}", stream__cmd=origin.url(f"c{n}", "one")).channel
        for n in range(count)
    ]


def test_processes_killed_at_random_never_cost_the_limit_and_leave_nothing(
    relay: RelayChild, web: WebChild, provider: TsOrigin, redis: Redis
) -> None:
    _, channels = channels_on_one_slot(provider, 3)
    viewer, chance = ViewerFactory(connections=1), random.Random(5)
    ledger, sessions = Ledger(redis, "tests"), Sessions(redis)
    for victim in ("relay", "worker", "relay", "both", "worker", "relay"):
        player = HttpPlayer(web.port, viewer)
        asking = threading.Thread(target=player.play, args=(chance.choice(channels),))
        asking.start()
        time.sleep(chance.uniform(0.0, 0.4))
        if victim in ("worker", "both"):
            for worker in web.workers():
                worker.kill()
        if victim in ("relay", "both"):
            relay.kill()
            relay.start()
        asking.join(40)
        assert wait_for(lambda: len(web.workers()) == 2)
        back = HttpPlayer(web.port, viewer).play(chance.choice(channels))
        assert (victim, back.status) == (victim, 200), back.said
        assert back.read(50_000) >= 50_000
        player.close()
        back.close()
    assert provider.peak["one"] == 1
    assert wait_for(lambda: not provider.open() and not ledger.usage() and not sessions.sessions())


def test_a_picture_goes_on_while_the_pages_are_killed(relay: RelayChild, web: WebChild, provider: TsOrigin) -> None:
    _, channels = channels_on_one_slot(provider, 1)
    player = HttpPlayer(web.port, ViewerFactory()).play(channels[0])
    assert player.read(10_000) >= 10_000
    for worker in web.workers():
        worker.kill()
    assert player.read(300_000) >= 300_000
    assert provider.opened["one"] == 1
    player.close()


def test_a_frozen_relay_is_dead_before_anybody_else_may_have_its_slot(
    relay: RelayChild, web: WebChild, provider: TsOrigin, redis: Redis
) -> None:
    subscription, channels = channels_on_one_slot(provider, 1)
    player = HttpPlayer(web.port, ViewerFactory()).play(channels[0])
    assert player.read(10_000) >= 10_000
    assert relay.process is not None
    os.kill(relay.process.pid, signal.SIGSTOP)
    elsewhere = Ledger(redis, "node2:relay")
    lease = elsewhere.want(subscription, key="channel:2", viewer="bert")
    assert wait_for(lambda: _taken(elsewhere, lease))
    # At this very moment another machine may connect.
    assert provider.open(key="one") == 0
    assert wait_for(lambda: not relay.alive)
    player.close()
    elsewhere.release(lease.id)


def _taken(ledger: Ledger, lease: Lease) -> bool:
    try:
        ledger.take(lease)
    except NoFreeSlot:
        return False
    return True
