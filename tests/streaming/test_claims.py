"""Who owns a relay key: one of all nodes, for as long as it says so, and nobody longer than that."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from restreamer.lib.redis_client import RedisUnavailable, connection_to
from streaming.claims import Claims
from tests.streaming.openers import in_threads
from tests.streaming.relay.rig import wait_for

KEY = "channel:1"
DEAD = "redis://127.0.0.1:1/0"


def claims(redis: Redis, node: str, lifetime_s: float = 30.0) -> Claims:
    return Claims(redis, f"{node}:relay", f"{node}:8100", lifetime_s=lifetime_s)


def test_of_many_who_ask_at_once_one_owns_the_key(redis: Redis) -> None:
    nodes = [claims(redis, f"node{number}") for number in range(8)]
    owners = {str(owner) for owner in in_threads([lambda n=n: n.take(KEY).owner for n in nodes])}
    (owner,) = owners
    assert [one.owner for one in nodes if one.held(KEY)] == [owner]


def test_asking_again_keeps_the_claim_as_it_is(redis: Redis) -> None:
    one = claims(redis, "a")
    assert one.take(KEY) == one.take(KEY)


def test_what_is_released_is_the_next_ones(redis: Redis) -> None:
    one, other = claims(redis, "a"), claims(redis, "b")
    first = one.take(KEY)
    assert other.take(KEY) == first
    one.release(KEY)
    assert other.take(KEY).owner == "b:relay"
    assert one.held(KEY) is None


def test_nobody_releases_what_is_anothers(redis: Redis) -> None:
    one, other = claims(redis, "a"), claims(redis, "b")
    one.take(KEY)
    other.release(KEY)
    other.leave_to(KEY, "c:relay", "c:8100")
    assert other.take(KEY).owner == "a:relay"


def test_a_claim_left_to_a_node_is_that_ones_and_no_third_ones(redis: Redis) -> None:
    one, heir, third = (claims(redis, name) for name in "abc")
    before = one.take(KEY)
    one.leave_to(KEY, "b:relay", "b:8100")
    assert third.take(KEY).owner == "b:relay"
    assert one.held(KEY) is None
    after = heir.take(KEY)
    assert heir.held(KEY) == after
    # Who could open the door before cannot now.
    assert after.id != before.id


def test_a_claim_that_is_not_renewed_is_free_after_its_lifetime(redis: Redis) -> None:
    one, other = claims(redis, "a", lifetime_s=0.5), claims(redis, "b")
    one.take(KEY)
    assert other.take(KEY).owner == "a:relay"
    assert wait_for(lambda: other.take(KEY).owner == "b:relay", 2)
    assert one.renew() == {KEY}
    assert one.held(KEY) is None


def test_a_renewed_claim_stays(redis: Redis) -> None:
    one, other = claims(redis, "a", lifetime_s=0.5), claims(redis, "b")
    one.take(KEY)
    for _ in range(4):
        time.sleep(0.2)
        assert one.renew() == set()
    assert other.take(KEY).owner == "a:relay"


def test_a_claim_that_redis_forgot_is_entered_again(redis: Redis) -> None:
    one, other = claims(redis, "a"), claims(redis, "b")
    before = one.take(KEY)
    redis.flushall()
    assert one.renew() == set()
    assert other.take(KEY) == before


def test_without_redis_nobody_claims_anything() -> None:
    with pytest.raises(RedisUnavailable):
        claims(connection_to(DEAD), "a").take(KEY)


def test_a_node_that_is_cut_off_gives_its_claim_up_before_it_expires(redis: Redis) -> None:
    now = [1000.0]
    one = Claims(redis, "a:relay", "a:8100", lifetime_s=12.0, clock=lambda: now[0])
    one.take(KEY)
    redis.connection_pool.disconnect()
    redis.connection_pool = connection_to(DEAD).connection_pool
    now[0] += 5.9
    assert one.renew() == set()
    assert one.held(KEY)
    now[0] += 0.2
    assert one.renew() == {KEY}
    assert one.held(KEY) is None


def test_a_relay_that_starts_again_releases_what_it_held(redis: Redis) -> None:
    claims(redis, "a").take(KEY)
    claims(redis, "b").take("channel:2")
    assert claims(redis, "a").sweep() == 1
    third = claims(redis, "c")
    assert third.take(KEY).owner == "c:relay"
    assert third.take("channel:2").owner == "b:relay"
