"""Channels dealt to several relay processes of one machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from channels.models import Channel
from portals.leases import Ledger
from streaming import dealing
from streaming.candidates import channel_key
from streaming.sessions import Sessions
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes.upstream import TsOrigin
from tests.streaming.children import HttpPlayer, RelayChild, WebChild
from tests.streaming.relay.rig import wait_for


def test_one_relay_keeps_its_plain_name(settings, tmp_path: Path) -> None:
    settings.RELAY_SOCKET = tmp_path / "relay.sock"
    assert dealing.sockets() == [tmp_path / "relay.sock"]
    assert dealing.owner_of("channel:7") == "node1:relay"


def test_several_have_numbers_and_about_the_same_share(settings, tmp_path: Path) -> None:
    settings.RELAYS, settings.RELAY_SOCKET = 4, tmp_path / "relay.sock"
    assert [path.name for path in dealing.sockets()] == ["relay-1.sock", "relay-2.sock", "relay-3.sock", "relay-4.sock"]
    shares = Counter(dealing.owner_of(f"channel:{number}") for number in range(2000))
    assert len(shares) == 4
    assert min(shares.values()) > 400


def test_the_same_key_is_dealt_to_the_same_relay_for_ever(settings) -> None:
    settings.RELAYS = 3
    assert [dealing.number_of(f"channel:{number}") for number in range(1, 7)] == [3, 3, 2, 1, 1, 3]


@pytest.fixture
def origin() -> Iterator[TsOrigin]:
    """A strict provider; what the tests' own connections leave is not looked at here."""
    server = TsOrigin()
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def relays(tmp_path: Path, settings) -> Iterator[list[RelayChild]]:
    settings.RELAYS, settings.RELAY_SOCKET = 2, tmp_path / "run" / "relay.sock"
    both = [RelayChild(tmp_path, number, RESTREAMER_RELAYS="2") for number in (1, 2)]
    # Until every relay of a new Redis could have reported in, no slot is given out; `up` does this at its start.
    Ledger(Redis.from_url(settings.REDIS_URL), "tests").sweep(alone=True)
    for one in both:
        one.start()
    yield both
    for one in both:
        one.stop()


@pytest.fixture
def web(tmp_path: Path, relays: list[RelayChild]) -> Iterator[WebChild]:
    one = WebChild(tmp_path, RESTREAMER_RELAYS="2")
    one.start()
    yield one
    one.stop()


def channels_at_both(origin: TsOrigin) -> tuple[Channel, Channel]:
    """One of each relay, on one provider connection together."""
    portal = PortalFactory(kind="m3u", address="http://127.0.0.1:9/list.m3u")
    SubscriptionFactory(portal=portal, mac="", streams=1)
    origin.limits["one"] = 1
    found: dict[int, Channel] = {}
    while len(found) < 2:
        name = f"c{len(found)}"
        url = origin.url(name, "one")
        link = LinkFactory(stream__portal=portal, stream__cmd=url)
        found.setdefault(dealing.number_of(channel_key(link.channel.pk)), link.channel)
    return found[1], found[2]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_viewer_changes_between_channels_of_two_relays_on_one_connection(
    relays: list[RelayChild], web: WebChild, origin: TsOrigin, redis: Redis
) -> None:
    origin.pace = 3.0
    first, second = channels_at_both(origin)
    viewer, sessions = ViewerFactory(connections=1), Sessions(redis)
    player = HttpPlayer(web.port, viewer)
    for channel in (first, second, first, second):
        following = HttpPlayer(web.port, viewer).play(channel)
        assert following.status == 200, following.said
        assert following.read(20_000) >= 20_000
        player.close()
        player = following
    assert origin.peak["one"] == 1
    (row,) = sessions.sessions()
    assert row.owner == "node1:relay-2"
    assert wait_for(lambda: [owner for facts, owner in sessions.relays() if facts.viewers] == ["node1:relay-2"])
    assert sessions.stop(row.session_id)
    assert wait_for(lambda: not sessions.sessions())
    assert wait_for(lambda: not origin.open() and not Ledger(redis, "tests").usage())
    player.close()
