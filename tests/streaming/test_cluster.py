"""Several nodes, one provider connection: who owns a channel feeds the others, and is succeeded without a cut."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from streaming.claims import Claims
from streaming.cluster import ClusterOpener
from streaming.internal import Caller
from streaming.relay.nodedoor import NodeDoor
from streaming.relay.seams import Command, Opener, Ticket
from streaming.sources.http import Patience
from streaming.sources.peer import PeerSource
from tests.fakes.upstream import Script, TsOrigin
from tests.mpegts.analyser import Limits, analyse
from tests.streaming.relay.rig import Player, Rig, begins_cleanly, continuity_errors, wait_for

SECRET = b"what the nodes share"
KEY = "channel:1"


class Node:
    """A relay process of a node, in a thread, with the door for others."""

    def __init__(self, name: str, folder: Path, redis: Redis, origin: TsOrigin, lifetime_s: float) -> None:
        folder.mkdir()
        self.door = NodeDoor(("127.0.0.1", 0), lambda key, headers: self.cluster.judge(key, headers), self._take)
        self.claims = Claims(redis, f"{name}:relay", f"127.0.0.1:{self.door.port}", lifetime_s=lifetime_s)
        self.rig = Rig(folder, wrap=self._wrap, leave_to=lambda heirs: self.cluster.leave_to(heirs))
        self.rig.opener.urls[KEY] = [origin.url("one", "m1")]
        self.stopped = False
        self.callers = 0
        self.rig.__enter__()
        self.door.start()

    def _wrap(self, inner: Opener) -> Opener:
        self.cluster = ClusterOpener(inner, self.claims, f"127.0.0.1:{self.door.port}", SECRET)
        return self.cluster

    def _take(self, ticket: Ticket, sock: socket.socket) -> None:
        self.callers += 1
        self.rig.process.take_node(ticket, sock)

    def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.rig.stop()
            self.door.close()
            assert self.rig.opener.held == set()


Nodes = Callable[..., Node]


@pytest.fixture
def nodes(origin: TsOrigin, tmp_path: Path, redis: Redis) -> Iterator[Nodes]:
    """Makes nodes; the provider allows one connection for all of them together."""
    origin.pace, origin.limits["m1"] = 5.0, 1
    made: list[Node] = []

    def make(name: str, lifetime_s: float = 30.0) -> Node:
        made.append(Node(name, tmp_path / name, redis, origin, lifetime_s))
        return made[-1]

    yield make
    for one in made:
        one.stop()
    redis.connection_pool.disconnect()


@contextlib.contextmanager
def watching(*order: Node) -> Iterator[list[Player]]:
    """A viewer at each node; the first one's node owns the channel. Viewers are numbered from 1."""
    with contextlib.ExitStack() as stack:
        players = []
        for number, node in enumerate(order, 1):
            players.append(stack.enter_context(node.rig.watch(viewer_id=number)))
            assert len(players[-1].body(20_000)) >= 20_000
        yield players


def runs(node: Node, state: str = "running") -> bool:
    return any(facts.state == state for facts in node.rig.book.relays)


def whole(player: Player) -> bytes:
    """What it has been given until now, in packets, with no flaw that a player would show."""
    body = player.body(0)
    body = body[: len(body) // 188 * 188]
    assert continuity_errors(body) == 0
    return body


def test_viewers_of_three_nodes_share_one_provider_connection(nodes: Nodes, origin: TsOrigin) -> None:
    first, others = nodes("a"), [nodes("b"), nodes("c")]
    with watching(first, *others) as (_, second, third):
        for one in (second, third):
            assert begins_cleanly(one.body(200_000))
            whole(one)
        assert origin.opened["all"] == 1
        assert wait_for(lambda: [(f.viewers, f.nodes) for f in first.rig.book.relays] == [(1, 2)])
        assert wait_for(lambda: [f.fed_by for f in others[0].rig.book.relays] == ["a:relay"])
        # Each viewer is counted once, by the relay that serves it.
        assert [len(one.rig.book.sessions) for one in (first, *others)] == [1, 1, 1]
    assert wait_for(lambda: not any(one.rig.book.relays for one in (first, *others)))
    assert len(first.rig.book.over) == 1
    assert first.claims.take(KEY).owner == "a:relay"


def test_who_asks_for_a_channel_that_is_still_starting_elsewhere_waits_for_it(nodes: Nodes, origin: TsOrigin) -> None:
    origin.script("one", Script(before_head_s=0.6))
    first, second = nodes("a"), nodes("b")
    with first.rig.watch() as player:
        assert wait_for(lambda: first.claims.held(KEY))
        with second.rig.watch() as other:
            assert other.status() == player.status() == 200
            assert begins_cleanly(other.body(100_000))
    assert origin.opened["all"] == 1


def test_a_node_that_is_told_to_end_leaves_its_channel_to_one_it_feeds(nodes: Nodes, origin: TsOrigin) -> None:
    first, second, third = nodes("a"), nodes("b"), nodes("c")
    with watching(first, second, third) as (mine, player, other):
        # Nobody connects before that connection is gone.
        first.rig.opener.closing_s = 0.4
        first.stop()
        # Its own viewers get a clean end, those of the others go on.
        assert len(mine.rest()) % 188 == 0
        got = [len(player.body(0)), len(other.body(0))]
        assert len(player.body(got[0] + 600_000)) > got[0] + 500_000
        assert len(other.body(got[1] + 600_000)) > got[1] + 500_000
        owners = {one.claims.held(KEY) is not None for one in (second, third)}
        assert owners == {True, False}
        for one in (player, other):
            assert analyse(whole(one), Limits(video_gap_s=1.5, audio_gap_s=1.5)).problems == []
    assert (origin.opened["all"], origin.peak["all"]) == (2, 1)


def test_a_channel_whose_owner_vanished_is_taken_over_after_the_claims_lifetime(
    nodes: Nodes, origin: TsOrigin, redis: Redis
) -> None:
    first, second = nodes("a", 1.0), nodes("b", 1.0)
    with watching(first, second) as (_mine, player):
        # As a kill would do it: nothing is left of its sockets, and what it wrote stays.
        claim = redis.get("rs:claim:channel:1")
        first.stop()
        redis.set("rs:claim:channel:1", claim or b"", px=1000)
        got = len(player.body(0))
        assert len(player.body(got + 500_000)) >= got + 500_000
        assert second.claims.held(KEY)
        whole(player)
    assert origin.peak["all"] == 1


def test_who_loses_the_claim_closes_the_provider_and_is_fed_by_the_new_owner(
    nodes: Nodes, origin: TsOrigin, redis: Redis
) -> None:
    first, second = nodes("a"), nodes("b")
    with watching(first, second) as (mine, player):
        first.claims.leave_to(KEY, "b:relay", second.cluster._address)
        first.claims._held[KEY] = (second.claims.take(KEY), float("inf"))
        assert wait_for(lambda: [f.fed_by for f in first.rig.book.relays] == ["b:relay"])
        assert wait_for(lambda: [(f.fed_by, f.nodes) for f in second.rig.book.relays] == [("", 1)])
        got = len(mine.body(0))
        assert len(mine.body(got + 200_000)) >= got + 200_000
        whole(mine)
        whole(player)
    assert origin.peak["all"] == 1


def test_viewers_of_a_fed_node_are_told_what_the_owner_was_told(nodes: Nodes, origin: TsOrigin) -> None:
    first, second = nodes("a"), nodes("b")
    first.rig.opener.urls[KEY] = []
    first.rig.opener.gate.clear()
    with first.rig.watch() as mine:
        assert wait_for(lambda: first.claims.held(KEY))
        with second.rig.watch() as other:
            assert wait_for(lambda: [f.nodes for f in first.rig.book.relays] == [1])
            first.rig.opener.gate.set()
            said = [other.head(), mine.head()]
            assert said[0] == said[1]
            assert "503" in said[0]
            assert other.rest() == mine.rest() == b"Nothing left to try.\n"


def test_a_slot_that_another_channel_needs_is_given_up_though_nodes_are_fed(nodes: Nodes, origin: TsOrigin) -> None:
    first, second = nodes("a"), nodes("b")
    with watching(first, second) as (mine, player):
        ask = Command("stop_lingering", {"subscription_id": 1, "viewer_id": 2, "lease_id": "lease1", "key": KEY})
        first.rig.process.obey(ask)
        assert mine.body(len(mine.body(0)) + 50_000)
        # Somebody watches here; and when nobody does any more, the viewer who zaps elsewhere may have it.
        assert runs(first)
        mine.close()
        assert wait_for(lambda: [f.viewers for f in first.rig.book.relays] == [0])
        second.rig.process.obey(Command("leave", {"key": KEY, "viewer_id": 2}))
        first.rig.process.obey(ask)
        assert wait_for(lambda: not first.rig.book.relays and not second.rig.book.relays)
        assert len(player.rest()) % 188 == 0
    assert origin.opened["all"] == 1


def test_a_stranger_gets_nothing_and_a_fed_node_feeds_nobody(nodes: Nodes, origin: TsOrigin) -> None:
    first, second = nodes("a"), nodes("b")
    with watching(first, second) as (_mine, _player):
        claim = first.claims.held(KEY)
        assert claim is not None
        right = Caller(KEY, claim.id, "c:relay", "127.0.0.1:1")
        assert asked(first, {}) == 403
        assert asked(first, right.headers(b"another installation's")) == 403
        # A proof is for one key, one claim and one caller.
        assert asked(first, right.headers(SECRET), key="channel:2") == 403
        assert asked(first, right.headers(SECRET) | {"X-Restreamer-Owner": "d%3Arelay"}) == 403
        assert asked(first, Caller(KEY, "old", "c:relay", "").headers(SECRET)) == 409
        assert asked(second, right.headers(SECRET)) == 409
        assert asked(first, right.headers(SECRET), path="/admin/") == 404
        assert asked(first, right.headers(SECRET)) == 200


def asked(node: Node, headers: dict[str, str], key: str = KEY, path: str = "/peer/") -> int:
    """The status a caller at the node's door gets."""
    lines = [f"GET {path}{key.replace(':', '%3A')} HTTP/1.1", "Host: node", *(f"{n}: {v}" for n, v in headers.items())]
    with socket.create_connection(("127.0.0.1", node.door.port), timeout=5) as sock:
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(sock.recv(65536).split(b" ", 2)[1])


def test_a_relay_that_is_fed_turns_away_even_one_with_a_ticket(nodes: Nodes) -> None:
    first, second = nodes("a"), nodes("b")
    with watching(first, second) as (_mine, _player):
        ours, theirs = socket.socketpair()
        ours.settimeout(5)
        second._take(Ticket("node-x", KEY, 0, "c:relay", "One", node="c:relay"), theirs)
        assert b" 409 " in ours.recv(1000)
        ours.close()


def test_a_lost_source_is_bridged_by_the_owner_and_the_nodes_stay(
    nodes: Nodes, origin: TsOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PeerSource, "quiet_s", 1.7)
    first, second = nodes("a"), nodes("b")
    with watching(first, second) as (_mine, player):
        # The fed relay would bear neither so long a silence nor a clock that stands still for so long.
        first.rig.opener.patience = Patience(answer_s=5)
        origin.script("one", Script(before_head_s=3.2))
        origin.drop()
        assert wait_for(lambda: runs(first, "switching"))
        assert wait_for(lambda: runs(first))
        got = len(player.body(0))
        assert len(player.body(got + 300_000)) >= got + 300_000
        whole(player)
        assert second.rig.opener.opens == 0
        # It has not even hung up and come again.
        assert first.callers == 1
