"""What one viewer may watch at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, connection_to
from streaming.errors import LimitReached
from streaming.limits import GRACE_S, Limits, Wish
from streaming.relay.seams import Command, SessionFacts
from streaming.session_book import SessionBook
from streaming.sessions import Sessions

OWNER = "node1:relay"
TV, PHONE = ("192.0.2.1", "TV"), ("192.0.2.2", "Phone")


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.on_pause: list[Callable[[], object]] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds
        for one in self.on_pause:
            one()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(redis: Redis, clock: Clock) -> Limits:
    return Limits(redis, OWNER, clock=clock, pause=clock.pause)


@pytest.fixture
def sessions(redis: Redis) -> Sessions:
    return Sessions(redis)


def wish(channel: int = 1, player: tuple[str, str] = TV, connections: int = 1, viewer: int = 1) -> Wish:
    return Wish(viewer, "anna", connections, f"channel:{channel}", "News", *player)


@pytest.fixture
def ended(redis: Redis, clock: Clock) -> list[str]:
    """A relay that ends what it is asked to end, a moment later: the sessions, in order."""
    book, done = SessionBook(redis, OWNER), []

    def obey() -> None:
        for command in book.beat([], []):
            for row in Sessions(redis).facts_of([command.arguments["session_id"]]):
                done.append(row.session_id)
                book.ended(row.facts, command.arguments["reason"])

    clock.on_pause.append(obey)
    return done


def stopped(redis: Redis) -> list[Command]:
    return SessionBook(redis, OWNER).beat([], [])


def test_a_viewing_is_admitted_and_known(limits: Limits, sessions: Sessions) -> None:
    session_id = limits.admit(wish())
    (row,) = sessions.sessions()
    assert (row.session_id, row.facts.viewer_name, row.facts.key, row.connections) == (
        session_id,
        "anna",
        "channel:1",
        1,
    )


def test_zero_connections_are_unlimited(limits: Limits, sessions: Sessions) -> None:
    for channel in range(10):
        limits.admit(wish(channel, connections=0))
    assert len(sessions.sessions()) == 10


def test_the_connections_a_player_opens_to_one_channel_count_once(
    limits: Limits, sessions: Sessions, redis: Redis
) -> None:
    for _ in range(3):
        limits.admit(wish())
    assert len(sessions.sessions()) == 3
    assert stopped(redis) == []


def test_another_players_viewing_of_the_same_channel_counts(limits: Limits) -> None:
    limits.admit(wish(player=TV))
    with pytest.raises(LimitReached):
        limits.admit(wish(player=PHONE))


def test_a_viewer_at_the_limit_is_refused_after_the_grace(limits: Limits, clock: Clock) -> None:
    limits.admit(wish(1, TV))
    began = clock.now
    with pytest.raises(LimitReached) as refusal:
        limits.admit(wish(2, PHONE))
    assert clock.now - began == pytest.approx(GRACE_S, abs=0.1)
    assert refusal.value.status == 503
    assert refusal.value.retry_after_s


def test_a_refused_viewing_leaves_nothing_behind(limits: Limits, sessions: Sessions) -> None:
    limits.admit(wish(1, TV))
    with pytest.raises(LimitReached):
        limits.admit(wish(2, PHONE))
    assert len(sessions.sessions()) == 1


def test_an_old_connection_that_closes_within_the_grace_makes_room(
    limits: Limits, clock: Clock, sessions: Sessions
) -> None:
    first = limits.admit(wish(1, TV))
    clock.on_pause.append(lambda: limits.give_back(first))
    limits.admit(wish(2, PHONE))
    assert [row.facts.key for row in sessions.sessions()] == ["channel:2"]


def test_a_player_that_changes_channel_is_admitted_at_once_and_its_old_viewing_ended(
    limits: Limits, clock: Clock, ended: list[str], sessions: Sessions
) -> None:
    first = limits.admit(wish(1, TV))
    clock.now += 10
    began = clock.now
    second = limits.admit(wish(2, TV))
    assert clock.now - began < 0.05
    assert ended == [first]
    assert [row.session_id for row in sessions.sessions()] == [second]


def test_a_quick_change_of_channel_is_one_where_only_one_is_allowed(
    limits: Limits, clock: Clock, ended: list[str]
) -> None:
    began = clock.now
    first = limits.admit(wish(1, TV))
    limits.admit(wish(2, TV))
    assert clock.now - began < 0.05
    assert ended == [first]


def test_a_relay_that_does_not_end_what_it_should_holds_nobody_up_for_long(
    limits: Limits, clock: Clock, redis: Redis
) -> None:
    first = limits.admit(wish(1, TV))
    began = clock.now
    limits.admit(wish(2, TV))
    assert clock.now - began == pytest.approx(2.0, abs=0.1)
    assert [command.arguments["session_id"] for command in stopped(redis)] == [first]


def test_what_is_asked_to_end_counts_until_it_has(limits: Limits, clock: Clock, redis: Redis, ended: list[str]) -> None:
    seen = []
    limits.admit(wish(1, TV))
    clock.on_pause.insert(0, lambda: seen.append(len(Sessions(redis).of_viewer(1))))
    limits.admit(wish(2, TV))
    assert seen == [1]


def test_a_player_that_comes_by_again_stays_as_old_as_it_is(redis: Redis, clock: Clock, ended: list[str]) -> None:
    limits = Limits(redis, OWNER, policy="end_oldest", clock=clock, pause=clock.pause)
    first = limits.admit(wish(1, TV, connections=2), "one-1")
    clock.now += 5
    limits.admit(wish(2, PHONE, connections=2))
    clock.now += 5
    limits.admit(wish(1, TV, connections=2), "one-1")
    limits.admit(wish(3, ("192.0.2.3", "Tablet"), connections=2))
    assert ended == [first]


def test_who_was_first_is_told_by_one_clock_on_all_machines(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for hours, channel in ((0, 1), (-5, 2), (5, 3)):
        monkeypatch.setattr("time.time", lambda now=1_000_000.0 + hours * 3600: now)
        Limits(redis, OWNER).admit(wish(channel, (f"192.0.2.{channel}", "TV"), connections=3))
    assert [row.facts.key for row in Sessions(redis).of_viewer(1)] == ["channel:1", "channel:2", "channel:3"]


def test_viewings_that_one_player_begins_together_are_no_change_of_channel(limits: Limits) -> None:
    for channel in (1, 2):
        limits.admit(wish(channel, TV, connections=2))
    with pytest.raises(LimitReached):
        limits.admit(wish(3, TV, connections=2))


def test_below_the_limit_nothing_is_ended(limits: Limits, clock: Clock, redis: Redis) -> None:
    limits.admit(wish(1, TV, connections=2))
    clock.now += 10
    limits.admit(wish(2, TV, connections=2))
    assert stopped(redis) == []


def test_the_policy_may_end_the_oldest_instead(redis: Redis, clock: Clock) -> None:
    limits = Limits(redis, OWNER, policy="end_oldest", clock=clock, pause=clock.pause)
    oldest = limits.admit(wish(1, TV, connections=2))
    clock.now += 5
    limits.admit(wish(2, PHONE, connections=2))
    limits.admit(wish(3, ("192.0.2.3", "Tablet"), connections=2))
    assert [command.arguments["session_id"] for command in stopped(redis)] == [oldest]


def test_viewers_do_not_share_their_limits(limits: Limits) -> None:
    limits.admit(wish(1, viewer=1))
    limits.admit(wish(2, viewer=2))


def test_the_relays_beat_keeps_the_slot_and_its_end_frees_it(limits: Limits, redis: Redis, clock: Clock) -> None:
    book = SessionBook(redis, OWNER)
    session_id = limits.admit(wish(1, TV))
    facts = SessionFacts(session_id, "channel:1", 1, "anna", "News", *TV, clock.now, 0, 0.0)
    book.beat([], [facts])
    with pytest.raises(LimitReached):
        limits.admit(wish(2, PHONE))
    book.ended(facts, "the viewer left")
    limits.admit(wish(2, PHONE))


def test_a_slot_nobody_came_for_is_free_as_soon_as_that_of_a_dead_relay(limits: Limits, redis: Redis) -> None:
    session_id = limits.admit(wish(1, TV))
    assert redis.zscore(redis_keys.viewer_sessions(1), session_id) == pytest.approx(redis.time()[0] + 15, abs=1.5)


def test_who_waits_for_a_picture_keeps_the_slot(limits: Limits, redis: Redis, clock: Clock) -> None:
    session_id = limits.admit(wish(1, TV))
    waiting = SessionFacts(session_id, "channel:1", 1, "anna", "News", *TV, clock.now, 0, 0.0)
    redis.zadd(redis_keys.viewer_sessions(1), {session_id: redis.time()[0] + 1})
    SessionBook(redis, OWNER).beat([], [waiting])
    assert redis.zscore(redis_keys.viewer_sessions(1), session_id) == pytest.approx(redis.time()[0] + 15, abs=1.5)


def test_hostile_names_do_no_harm(limits: Limits, sessions: Sessions) -> None:
    strange = Wish(1, "anna", 1, "channel:1", 'News "\n\x00 ❤', "::1", "Ag\xffent\r\n-" * 50)
    session_id = limits.admit(strange)
    assert [row.session_id for row in sessions.sessions()] == [session_id]


def test_fifty_at_once_never_exceed_the_limit(redis_server: str) -> None:
    limits = Limits(connection_to(redis_server), OWNER)
    gate = threading.Barrier(50)

    def race(number: int) -> bool:
        gate.wait()
        try:
            limits.admit(wish(number, (f"192.0.2.{number}", "TV"), connections=3))
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(race, range(50))) == 3


def test_without_redis_nobody_is_admitted() -> None:
    with pytest.raises(RedisUnavailable):
        Limits(connection_to("unix:///nonexistent/redis.sock"), OWNER).admit(wish())
