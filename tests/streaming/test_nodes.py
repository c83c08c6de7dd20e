"""The relays of two nodes in processes of their own: one is killed, the viewers of the other go on."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from portals.leases import Ledger
from streaming.candidates import channel_key
from streaming.relay.seams import Ticket
from streaming.sessions import Sessions
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory
from tests.fakes.upstream import TsOrigin
from tests.house import free_port
from tests.streaming.children import RelayChild
from tests.streaming.relay.rig import Player, continuity_errors, tcp_pair, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

#: As short as the settings allow.
LIFETIME_S = 3.0
VIEWERS = 10


@dataclass
class Node:
    relay: RelayChild
    path: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def watch(self, key: str) -> Player:
        """A viewer, as a view hands him over."""
        number = next(self.numbers)
        ours, theirs = tcp_pair()
        ours.settimeout(20)
        ticket = Ticket(f"{self.path.parent.parent.name}{number}", key, number, f"viewer {number}", "News")
        with theirs, socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.path))
            socket.send_fds(control, [ticket.to_json() + b"\n"], [theirs.fileno()])
            assert json.loads(control.recv(65536))["ok"]
        return Player(ours, ticket)


@pytest.fixture
def origin() -> Iterator[TsOrigin]:
    """A strict provider; what the tests' own connections leave is not looked at here."""
    server = TsOrigin()
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def nodes(origin: TsOrigin, tmp_path: Path, settings) -> Iterator[list[Node]]:
    Ledger(Redis.from_url(settings.REDIS_URL), "tests").sweep(alone=True)
    both = []
    for name in ("a", "b"):
        data = tmp_path / name
        data.mkdir()
        settings.RELAY_SOCKET = data / "run" / "relay.sock"
        relay = RelayChild(
            data,
            RESTREAMER_NODE=name,
            RESTREAMER_INTERNAL_BIND=f"127.0.0.1:{free_port()}",
            RESTREAMER_SECRET_KEY="the same on both",
            RESTREAMER_LEASE_LIFETIME_S=str(LIFETIME_S),
        )
        relay.start()
        both.append(Node(relay, settings.RELAY_SOCKET))
    yield both
    for node in both:
        if node.relay.alive:
            node.relay.stop()


def test_the_viewers_of_a_killed_nodes_neighbour_go_on_on_their_connections(
    nodes: list[Node], origin: TsOrigin, redis: Redis, settings
) -> None:
    portal = PortalFactory(kind="m3u", address="http://127.0.0.1:9/list.m3u")
    SubscriptionFactory(portal=portal, mac="", streams=1)
    origin.pace, origin.limits["one"] = 3.0, 1
    key = channel_key(LinkFactory(stream__portal=portal, stream__cmd=origin.url("c", "one")).channel.pk)
    owner, other = nodes
    theirs = [owner.watch(key) for _ in range(VIEWERS)]
    assert len(theirs[0].body(30_000)) >= 30_000
    ours = [other.watch(key) for _ in range(VIEWERS)]
    for player in [*theirs, *ours]:
        assert len(player.body(30_000)) >= 30_000
    assert origin.opened["one"] == 1
    sessions = Sessions(redis)
    assert wait_for(lambda: sorted((f.viewers, f.nodes) for f, _ in sessions.relays()) == [(10, 0), (10, 1)])
    assert len(sessions.sessions()) == 2 * VIEWERS
    owner.relay.kill()
    assert wait_for(lambda: origin.opened["one"] == 2, 4 * LIFETIME_S)
    for player in ours:
        # Who has only now read what was sent before goes on with what the new connection gives.
        body = player.body(700_000)
        assert len(body) >= 700_000
        assert continuity_errors(body[: len(body) // 188 * 188]) == 0
    assert (origin.opened["one"], origin.peak["one"]) == (2, 1)
    # The dead one comes back: it is fed by the new owner.
    settings.RELAY_SOCKET = owner.path
    owner.relay.start()
    with owner.watch(key) as back:
        assert len(back.body(30_000)) >= 30_000
    assert origin.opened["one"] == 2
    for player in [*theirs, *ours]:
        player.close()
    assert wait_for(lambda: not origin.open() and not Ledger(redis, "tests").usage() and not sessions.sessions(), 15)
