"""Who is watching what, as relays write it and everybody reads it."""

from __future__ import annotations

import json

import pytest
from redis import Redis

from portals.leases import Ledger
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import connection_to
from streaming.limits import Limits, Wish
from streaming.relay.seams import Command, RelayFacts, SessionFacts
from streaming.session_book import SessionBook
from streaming.sessions import Sessions
from tests.portals.test_leases import subscription, taken

OWNER = "node1:relay"


def relay(key: str = "channel:1", viewers: int = 1) -> RelayFacts:
    return RelayFacts(key, "News", "running", "1/1", "Portal A", viewers, 10, 20, 1000.0, 1, 1)


def session(session_id: str = "s1", key: str = "channel:1", viewer_id: int = 1) -> SessionFacts:
    return SessionFacts(session_id, key, viewer_id, "anna", "News", "192.0.2.1", "VLC", 1000.0, 42, 1.5)


@pytest.fixture
def book(redis: Redis) -> SessionBook:
    return SessionBook(redis, OWNER)


@pytest.fixture
def sessions(redis: Redis) -> Sessions:
    return Sessions(redis)


def test_what_runs_can_be_listed(book: SessionBook, sessions: Sessions) -> None:
    book.beat([relay()], [session()])
    assert sessions.relays() == [(relay(), OWNER)]
    (row,) = sessions.sessions()
    assert (row.facts, row.owner) == (session(), OWNER)
    assert [one.session_id for one in sessions.watching("channel:1")] == ["s1"]


def test_an_ended_session_is_gone_at_once(book: SessionBook, sessions: Sessions, redis: Redis) -> None:
    book.beat([], [session()])
    book.ended(session(), "the viewer left")
    assert sessions.sessions() == []
    assert redis.zcard(redis_keys.viewer_sessions(1)) == 0


def test_a_beat_that_was_under_way_does_not_bring_an_ended_session_back(book: SessionBook, sessions: Sessions) -> None:
    book.ended(session(), "the viewer left")
    book.beat([], [session()])
    assert sessions.sessions() == []


def test_a_relay_that_ended_is_gone_at_the_next_beat(book: SessionBook, sessions: Sessions) -> None:
    book.beat([relay("channel:1"), relay("channel:2")], [])
    book.beat([relay("channel:2")], [])
    assert [facts.key for facts, _ in sessions.relays()] == ["channel:2"]


def test_facts_expire_when_no_beat_comes(book: SessionBook, redis: Redis) -> None:
    book.beat([relay()], [session()])
    assert 0 < redis.pttl(redis_keys.relay_facts(f"channel:1@{OWNER}")) <= 15_000
    assert 0 < redis.pttl(redis_keys.session("s1")) <= 15_000
    assert redis.zscore(redis_keys.ALL_SESSIONS, "s1") == pytest.approx(redis.time()[0] + 15, abs=1.5)


def test_commands_are_fetched_once_by_the_relay_they_are_for(
    book: SessionBook, sessions: Sessions, redis: Redis
) -> None:
    book.beat([relay()], [session()])
    assert sessions.stop("s1", "enough")
    assert sessions.switch("channel:1")
    assert SessionBook(redis, "node2:relay").beat([], []) == []
    assert book.beat([], []) == [
        Command("stop", {"session_id": "s1", "reason": "enough"}),
        Command("switch", {"key": "channel:1"}),
    ]
    assert book.beat([], []) == []


def test_what_does_not_run_cannot_be_commanded(sessions: Sessions) -> None:
    assert not sessions.stop("s1")
    assert not sessions.switch("channel:1")


def test_a_preference_is_kept_and_a_running_relay_switches_to_it(book: SessionBook, sessions: Sessions) -> None:
    assert not sessions.prefer("channel:1", 7)
    assert sessions.preferred("channel:1") == 7
    book.beat([relay()], [])
    assert sessions.prefer("channel:1", 8)
    assert book.beat([relay()], []) == [Command("switch", {"key": "channel:1"})]


def test_a_preference_for_what_plays_already_disturbs_nobody(book: SessionBook, sessions: Sessions) -> None:
    book.beat([relay()], [])
    assert sessions.prefer("channel:1", 1)
    assert book.beat([relay()], []) == []


def test_a_preference_can_be_taken_back(sessions: Sessions) -> None:
    sessions.prefer("channel:1", 7)
    sessions.prefer("channel:1", 0)
    assert sessions.preferred("channel:1") == 0


def test_a_restarted_relay_forgets_its_predecessors_viewers_and_nobody_elses(
    book: SessionBook, sessions: Sessions, redis: Redis
) -> None:
    book.beat([relay("channel:1")], [session("s1")])
    SessionBook(redis, "node2:relay").beat([relay("channel:2")], [session("s2", "channel:2")])
    sessions.switch("channel:1")
    again = SessionBook(redis, OWNER)
    assert again.boot() == 1
    assert [row.session_id for row in sessions.sessions()] == ["s2"]
    assert [facts.key for facts, _ in sessions.relays()] == ["channel:2"]
    assert again.beat([], []) == []


def test_a_restarted_relay_forgets_viewings_its_predecessor_had_not_written_of(
    redis: Redis, sessions: Sessions
) -> None:
    Limits(redis, OWNER).admit(Wish(1, "anna", 1, "channel:1", "News", "192.0.2.1", "TV"))
    assert SessionBook(redis, OWNER).boot() == 1
    assert sessions.sessions() == []
    assert sessions.watching("channel:1") == []


def test_an_unreadable_command_is_dropped(book: SessionBook, redis: Redis) -> None:
    key = redis_keys.relay_commands(OWNER)
    redis.rpush(key, b"\xff", "[]", "{}", json.dumps({"name": "stop", "arguments": {"session_id": "x"}}))
    assert book.beat([], []) == [Command("stop", {"session_id": "x"})]


def test_unwatched_relays_mark_their_leases(redis: Redis) -> None:
    ledger = Ledger(redis, OWNER)
    ledger.sweep(alone=True)
    taken(ledger, subscription(), key="channel:1")
    book = SessionBook(redis, OWNER, ledger=ledger)
    book.beat([relay(viewers=0)], [])
    assert [row.lingering_since is not None for row in ledger.usage()] == [True]
    book.beat([relay(viewers=1)], [])
    assert [row.lingering_since for row in ledger.usage()] == [None]


def test_without_redis_a_relay_goes_on() -> None:
    book = SessionBook(connection_to("unix:///nonexistent/redis.sock"), OWNER)
    assert book.beat([relay()], [session()]) == []
    book.ended(session(), "the viewer left")


def test_many_viewers_are_written_in_turns_and_none_is_forgotten(redis: Redis, sessions: Sessions) -> None:
    now = 0.0
    book = SessionBook(redis, OWNER, clock=lambda: now)
    many = [session(f"s{n}", viewer_id=n) for n in range(1000)]
    book.beat([], many)
    assert len(sessions.sessions()) == 1000
    written: set[str] = set()
    for _ in range(5):
        now += 1
        book.beat([], many)
        written |= {one for one, at in book._written_at.items() if at == now}
    assert len(written) == 1000
    assert min(book._written_at.values()) >= now - 5
