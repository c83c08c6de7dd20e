"""The slot ledger: never more sockets than slots, at any instant, on any level."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic as clock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from redis import Redis

from portals.errors import LeaseLost, NoFreeSlot
from portals.leases import Lease, Ledger
from portals.models import Portal, Subscription
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, connection_to


class Time:
    """A clock that only tests move; Redis is told it, too."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def subscription(
    pk: int = 1, *, streams: int = 1, portal: int = 1, portal_streams: int = 0, shared_count: str = ""
) -> Subscription:
    portal_row = Portal(pk=portal, max_streams=portal_streams)
    return Subscription(pk=pk, streams=streams, portal=portal_row, shared_count=shared_count)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def ledgers(redis: Redis, time: Time) -> Callable[[str], Ledger]:
    def make(owner: str = "node1:relay") -> Ledger:
        return Ledger(redis, owner, lifetime_s=12, clock=time, server_time=time)

    make().sweep(alone=True)
    return make


@pytest.fixture
def ledger(ledgers: Callable[..., Ledger]) -> Ledger:
    return ledgers()


def taken(ledger: Ledger, sub: Subscription, key: str = "channel:1", viewer: str = "anna") -> Lease:
    lease = ledger.want(sub, key=key, viewer=viewer)
    ledger.take(lease)
    return lease


# --- limits -------------------------------------------------------------------------------------------------------


def test_a_subscription_of_one_stream_has_one_slot(ledger: Ledger) -> None:
    taken(ledger, subscription())
    with pytest.raises(NoFreeSlot) as refusal:
        taken(ledger, subscription())
    assert refusal.value.level == "subscription"
    assert refusal.value.status == 503


def test_zero_streams_means_unlimited(ledger: Ledger) -> None:
    for _ in range(20):
        taken(ledger, subscription(streams=0))
    assert len(ledger.usage()) == 20


def test_the_portal_limits_its_subscriptions_together(ledger: Ledger) -> None:
    taken(ledger, subscription(1, portal_streams=2))
    taken(ledger, subscription(2, portal_streams=2))
    with pytest.raises(NoFreeSlot) as refusal:
        taken(ledger, subscription(3, portal_streams=2))
    assert refusal.value.level == "portal"


def test_the_installation_limits_everything(ledger: Ledger, settings) -> None:
    settings.MAX_UPSTREAMS = 1
    taken(ledger, subscription(1, portal=1))
    with pytest.raises(NoFreeSlot) as refusal:
        taken(ledger, subscription(2, portal=2))
    assert refusal.value.level == "installation"


def test_subscriptions_that_are_one_account_are_counted_together(ledger: Ledger) -> None:
    one = subscription(1, portal=1, shared_count="Anna's account")
    same = subscription(2, portal=2, shared_count=" anna's Account ")
    other = subscription(3, portal=2)
    lease = taken(ledger, one)
    taken(ledger, other)
    with pytest.raises(NoFreeSlot) as caught:
        taken(ledger, same)
    assert caught.value.level == "subscription"
    ledger.release(lease.id)
    second = ledger.want(same, key="channel:2", viewer="anna")
    assert ledger.take(second) < 1
    assert {row.counter for row in ledger.usage()} == {"shared:anna's account", "3"}


def test_a_lease_of_an_older_version_does_no_harm(ledger: Ledger, redis: Redis, time: Time) -> None:
    lease = taken(ledger, subscription())
    facts = json.loads(lease.to_json())
    del facts["counter"]
    redis.hset(redis_keys.LEASE_FACTS, lease.id, json.dumps(facts))
    assert [row.counter for row in ledger.usage()] == ["1"]
    time.now += 13
    taken(ledger, subscription())


def test_a_refused_take_leaves_nothing_behind(ledger: Ledger) -> None:
    taken(ledger, subscription(1, portal_streams=1))
    with pytest.raises(NoFreeSlot):
        taken(ledger, subscription(2, portal_streams=1))
    assert len(ledger.usage()) == 1


def test_fifty_threads_never_get_more_than_the_limit(redis_server: str) -> None:
    ledger = Ledger(connection_to(redis_server), "node1:relay", lifetime_s=12)
    ledger.sweep(alone=True)
    gate = threading.Barrier(50)

    def race(number: int) -> bool:
        gate.wait()
        try:
            taken(ledger, subscription(number % 3, streams=2, portal_streams=5))
        except NoFreeSlot:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        won = sum(pool.map(race, range(50)))
    assert won == 5
    assert len(ledger.usage()) == 5


# --- life of a lease ----------------------------------------------------------------------------------------------


def test_a_released_slot_is_free_at_once(ledger: Ledger) -> None:
    ledger.release(taken(ledger, subscription()).id)
    taken(ledger, subscription())


def test_releasing_twice_frees_one_slot(ledger: Ledger) -> None:
    first = taken(ledger, subscription(streams=2))
    taken(ledger, subscription(streams=2))
    assert ledger.release(first.id) is True
    assert ledger.release(first.id) is False
    assert len(ledger.usage()) == 1


def test_taking_twice_is_holding_once(ledger: Ledger) -> None:
    lease = taken(ledger, subscription())
    ledger.take(lease)
    assert len(ledger.usage()) == 1


def test_an_unrenewed_lease_expires(ledger: Ledger, time: Time) -> None:
    taken(ledger, subscription())
    time.now += 12.1
    taken(ledger, subscription())


def test_a_renewed_lease_lives_on(ledger: Ledger, time: Time) -> None:
    lease = taken(ledger, subscription())
    for _ in range(5):
        time.now += 10
        assert ledger.renew([lease.id]) == set()
    with pytest.raises(NoFreeSlot):
        taken(ledger, subscription())


def test_a_late_renewal_finds_its_slot_again_while_nobody_took_it(ledger: Ledger, time: Time) -> None:
    lease = taken(ledger, subscription())
    time.now += 13
    assert ledger.renew([lease.id]) == set()
    assert [row.id for row in ledger.usage()] == [lease.id]


def test_a_lease_whose_slot_was_taken_is_lost(ledger: Ledger, ledgers: Callable[..., Ledger], time: Time) -> None:
    lease = taken(ledger, subscription())
    time.now += 13
    taken(ledgers("node2:relay"), subscription())
    assert ledger.renew([lease.id]) == {lease.id}


def test_a_renewal_after_the_release_does_not_wake_the_dead(ledger: Ledger) -> None:
    """Renewal and release run in different threads: the renewal may have been on its way."""
    lease = taken(ledger, subscription())
    ledger.release(lease.id)
    ledger._held[lease.id] = (lease, 0.0)
    assert ledger.renew([lease.id]) == {lease.id}
    assert ledger.usage() == []


def test_an_unknown_lease_is_lost(ledger: Ledger) -> None:
    assert ledger.renew(["never seen"]) == {"never seen"}


def test_a_revoked_lease_is_lost_to_its_holder_but_counts_until_it_is_closed(ledger: Ledger) -> None:
    lease = taken(ledger, subscription())
    ledger.revoke(lease.id)
    assert ledger.renew([lease.id]) == {lease.id}
    with pytest.raises(NoFreeSlot):
        taken(ledger, subscription())
    ledger.release(lease.id)
    taken(ledger, subscription())


def test_a_cooling_slot_counts_until_the_provider_has_noticed(ledger: Ledger, time: Time) -> None:
    ledger.release(taken(ledger, subscription()).id, cooling_s=5)
    with pytest.raises(NoFreeSlot):
        taken(ledger, subscription())
    assert [row.state for row in ledger.usage()] == ["cooling"]
    time.now += 5.1
    taken(ledger, subscription())


def test_taking_says_how_long_ago_the_last_upstream_was_closed(ledger: Ledger, time: Time) -> None:
    lease = ledger.want(subscription(), key="channel:1", viewer="anna")
    assert ledger.take(lease) == float("inf")
    ledger.release(lease.id)
    time.now += 3
    assert ledger.take(ledger.want(subscription(), key="channel:1", viewer="anna")) == pytest.approx(3, abs=0.01)


def test_usage_tells_who_holds_what(ledger: Ledger) -> None:
    taken(ledger, subscription(7, portal=3), key="channel:9", viewer="anna")
    (row,) = ledger.usage()
    assert (row.subscription_id, row.portal_id, row.key, row.viewer, row.owner, row.state, row.lingering_since) == (
        7,
        3,
        "channel:9",
        "anna",
        "node1:relay",
        "held",
        None,
    )


def test_lingering_is_remembered_since_its_beginning_and_forgotten_when_watched(ledger: Ledger, time: Time) -> None:
    taken(ledger, subscription(), key="channel:9")
    ledger.mark_lingering(["channel:9"])
    began = time.now
    time.now += 2
    ledger.mark_lingering(["channel:9"])
    assert [row.lingering_since for row in ledger.usage()] == [pytest.approx(began)]
    ledger.mark_lingering([])
    assert [row.lingering_since for row in ledger.usage()] == [None]


# --- making room --------------------------------------------------------------------------------------------------


def test_a_promised_slot_goes_to_its_heir_and_to_nobody_in_between(ledger: Ledger) -> None:
    old = taken(ledger, subscription(), key="channel:1")
    heir = ledger.want(subscription(), key="channel:2", viewer="anna")
    assert ledger.promise(old.id, heir, patience_s=3)
    ledger.release(old.id)
    with pytest.raises(NoFreeSlot):
        taken(ledger, subscription(), key="channel:3", viewer="bert")
    ledger.take(heir)
    assert [row.id for row in ledger.usage()] == [heir.id]


def test_a_slot_is_promised_once(ledger: Ledger) -> None:
    old = taken(ledger, subscription())
    assert ledger.promise(old.id, ledger.want(subscription(), key="channel:2", viewer="anna"), patience_s=3)
    assert not ledger.promise(old.id, ledger.want(subscription(), key="channel:3", viewer="bert"), patience_s=3)


def test_an_heir_that_gave_up_inherits_nothing(ledger: Ledger) -> None:
    old = taken(ledger, subscription())
    heir = ledger.want(subscription(), key="channel:2", viewer="anna")
    ledger.promise(old.id, heir, patience_s=3)
    ledger.release(heir.id)
    ledger.release(old.id)
    assert ledger.usage() == []
    with pytest.raises(LeaseLost):
        ledger.take(heir)


def test_a_promise_ends_with_the_patience(ledger: Ledger, time: Time) -> None:
    old = taken(ledger, subscription())
    ledger.promise(old.id, ledger.want(subscription(), key="channel:2", viewer="anna"), patience_s=3)
    time.now += 4
    ledger.release(old.id)
    assert ledger.usage() == []


def test_an_heir_who_never_comes_loses_the_slot(ledger: Ledger, time: Time) -> None:
    old = taken(ledger, subscription())
    ledger.promise(old.id, ledger.want(subscription(), key="channel:2", viewer="anna"), patience_s=3)
    ledger.release(old.id)
    time.now += 13
    taken(ledger, subscription())


def test_an_heir_of_another_subscription_gets_the_portals_slot(ledger: Ledger) -> None:
    old = taken(ledger, subscription(1, portal_streams=1))
    heir = ledger.want(subscription(2, portal_streams=1), key="channel:2", viewer="anna")
    ledger.promise(old.id, heir, patience_s=3)
    ledger.release(old.id)
    assert [row.subscription_id for row in ledger.usage()] == [2]


def test_an_heir_gets_no_slot_where_none_is_free(ledger: Ledger) -> None:
    taken(ledger, subscription(2))
    old = taken(ledger, subscription(1))
    heir = ledger.want(subscription(2), key="channel:2", viewer="anna")
    ledger.promise(old.id, heir, patience_s=3)
    ledger.release(old.id)
    with pytest.raises(NoFreeSlot):
        ledger.take(heir)
    assert [row.subscription_id for row in ledger.usage()] == [2]


def test_promising_a_slot_that_is_free_already_is_no_failure(ledger: Ledger) -> None:
    heir = ledger.want(subscription(), key="channel:2", viewer="anna")
    assert ledger.promise("gone", heir, patience_s=3)
    ledger.take(heir)


# --- crashes ------------------------------------------------------------------------------------------------------


def test_a_restarted_relay_gives_back_what_its_dead_predecessor_held(
    ledger: Ledger, ledgers: Callable[..., Ledger]
) -> None:
    taken(ledger, subscription(1))
    other = taken(ledgers("node2:relay"), subscription(2))
    assert ledgers("node1:relay").sweep(alone=False) == 1
    assert [row.id for row in ledger.usage()] == [other.id]


def test_a_swept_lease_cannot_be_renewed(ledger: Ledger, ledgers: Callable[..., Ledger]) -> None:
    """Two relays under one name is a mistake; the older one then closes."""
    lease = taken(ledger, subscription())
    ledgers("node1:relay").sweep(alone=True)
    assert ledger.renew([lease.id]) == {lease.id}


def test_without_redis_nothing_is_taken() -> None:
    ledger = Ledger(connection_to("unix:///nonexistent/redis.sock"), "node1:relay", lifetime_s=12)
    with pytest.raises(RedisUnavailable):
        taken(ledger, subscription())


def test_without_redis_a_lease_is_good_while_there_is_time_to_close(ledger: Ledger, time: Time) -> None:
    lease = taken(ledger, subscription())
    ledger._client = connection_to("unix:///nonexistent/redis.sock")
    ledger._scripts.clear()
    time.now += 5.9
    assert ledger.renew([lease.id]) == set()
    time.now += 0.2
    assert ledger.renew([lease.id]) == {lease.id}


def test_an_unanswered_renewal_fails_while_there_is_time_to_close(ledger: Ledger) -> None:
    """The margin before the expiry is made of this, a beat and the close of a socket."""
    lease = taken(ledger, subscription())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ledger._client = connection_to(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        ledger._scripts.clear()
        began = clock()
        ledger.renew([lease.id])
        assert clock() - began < 3


def test_a_redis_that_forgot_grants_nothing_until_everybody_has_reported(
    redis: Redis, ledger: Ledger, ledgers: Callable[..., Ledger], time: Time
) -> None:
    lease = taken(ledger, subscription())
    redis.flushall()
    with pytest.raises(NoFreeSlot) as refusal:
        taken(ledgers("node2:relay"), subscription())
    assert refusal.value.level == "memory"
    for _ in range(2):
        time.now += 6
        assert ledger.renew([lease.id]) == set()
    with pytest.raises(NoFreeSlot) as refusal:
        taken(ledgers("node2:relay"), subscription())
    assert refusal.value.level == "subscription"


def test_the_servers_own_clock_is_used_when_none_is_handed_in(redis: Redis) -> None:
    ledger = Ledger(redis, "node1:relay", lifetime_s=0.2)
    ledger.sweep(alone=True)
    taken(ledger, subscription())
    gate = threading.Event()
    gate.wait(0.25)
    taken(ledger, subscription())
    assert len(ledger.usage()) == 1


def test_nothing_is_left_in_redis_after_the_last_lease(redis: Redis, ledger: Ledger, time: Time) -> None:
    leases = [taken(ledger, subscription(n, portal=n)) for n in range(5)]
    ledger.mark_lingering(["channel:1"])
    ledger.revoke(leases[0].id)
    for lease in leases:
        ledger.release(lease.id)
    time.now += 100
    ledger.renew([taken(ledger, subscription(99)).id])
    ledger.release(ledger.usage()[0].id)
    left = {key.decode() for key in redis.keys("*")}
    assert left == {redis_keys.LEASE_CLOSED, redis_keys.LEASE_MEMORY, redis_keys.LEASE_GONE}


# --- the promise, by a machine ------------------------------------------------------------------------------------

SUBSCRIPTIONS = [
    subscription(1, streams=1, portal=1, portal_streams=2),
    subscription(2, streams=2, portal=1, portal_streams=2),
    subscription(3, streams=1, portal=2, shared_count="one account"),
    subscription(4, streams=1, portal=3, shared_count="one account"),
]
LIMITS = {1: 1, 2: 2, 3: 1}
OWNERS = ("node1:relay", "node2:relay")


WISHES = st.lists(st.tuples(st.sampled_from(OWNERS), st.sampled_from(SUBSCRIPTIONS)), min_size=1, max_size=4)


class Cut(Ledger):
    """A ledger whose way to Redis can be cut."""

    cut = False

    def _run(self, body, *args):
        if self.cut:
            raise RedisUnavailable("cut")
        return super()._run(body, *args)


class Relay:
    """What a relay does with leases: it opens after taking, closes before giving back, and closes what it lost."""

    def __init__(self, ledger: Cut) -> None:
        self.ledger = ledger
        self.sockets: dict[str, Lease] = {}
        self.alive = True

    def close(self, lease_id: str, cooling_s: float = 0.0) -> None:
        self.sockets.pop(lease_id, None)
        with contextlib.suppress(RedisUnavailable):
            self.ledger.release(lease_id, cooling_s=cooling_s)

    def tick(self) -> None:
        if self.alive:
            for lost in self.ledger.renew(list(self.sockets)):
                self.close(lost)


class LedgerMachine(RuleBasedStateMachine):
    """Relays that open, close, lose their way to Redis, die and start again, while Redis forgets."""

    server: Redis
    portal_limit = 2

    def __init__(self) -> None:
        super().__init__()
        self.server.flushall()
        self.time = Time()
        self.relays = {owner: Relay(self.ledger(owner)) for owner in OWNERS}
        self.heirs: list[tuple[str, Lease]] = []
        for relay in self.relays.values():
            relay.ledger.sweep(alone=True)

    def ledger(self, owner: str) -> Cut:
        return Cut(self.server, owner, lifetime_s=12, clock=self.time, server_time=self.time)

    @rule(wishes=WISHES)
    def open(self, wishes: list[tuple[str, Subscription]]) -> None:
        for owner, sub in wishes:
            self.take(self.relays[owner], self.relays[owner].ledger.want(sub, key="channel:1", viewer="anna"))
            self.never_more_sockets_than_slots()

    def take(self, relay: Relay, lease: Lease) -> None:
        if not relay.alive:
            return
        try:
            relay.ledger.take(lease)
        except (NoFreeSlot, LeaseLost, RedisUnavailable):
            return
        relay.sockets[lease.id] = lease

    @rule(owner=st.sampled_from(OWNERS), which=st.integers(0, 5), cooling=st.sampled_from([0.0, 0.0, 4.0]))
    def close(self, owner: str, which: int, cooling: float) -> None:
        relay = self.relays[owner]
        if relay.sockets:
            relay.close(sorted(relay.sockets)[which % len(relay.sockets)], cooling)

    @rule(owner=st.sampled_from(OWNERS), sub=st.sampled_from(SUBSCRIPTIONS), which=st.integers(0, 9))
    def zap(self, owner: str, sub: Subscription, which: int) -> None:
        relay = self.relays[owner]
        held = [(other, one) for other in self.relays.values() for one in sorted(other.sockets)]
        if not held:
            return
        other, victim = held[which % len(held)]
        heir = relay.ledger.want(sub, key="channel:2", viewer="bert")
        if relay.ledger.promise(victim, heir, patience_s=3):
            self.heirs.append((owner, heir))
            other.close(victim)

    @precondition(lambda self: self.heirs)
    @rule(gives_up=st.booleans())
    def heir_comes(self, gives_up: bool) -> None:
        owner, heir = self.heirs.pop()
        relay = self.relays[owner]
        if gives_up:
            relay.close(heir.id)
        else:
            self.take(relay, heir)

    @rule(seconds=st.floats(0.1, 4))
    def time_passes(self, seconds: float) -> None:
        while seconds > 0:
            self.time.now += min(seconds, 0.5)
            seconds -= 0.5
            for relay in self.relays.values():
                relay.tick()
            self.never_more_sockets_than_slots()

    @rule(
        mishap=st.sampled_from(["cut off", "killed", "forgotten", "forgotten while cut off", "revoked"]),
        owner=st.sampled_from(OWNERS),
        before_s=st.floats(0, 18),
        wishes=WISHES,
        after_s=st.floats(0, 18),
    )
    def something_happens(
        self, mishap: str, owner: str, before_s: float, wishes: list[tuple[str, Subscription]], after_s: float
    ) -> None:
        """And while it lasts, others go on."""
        relay = self.relays[owner]
        relay.ledger.cut = mishap.endswith("cut off")
        if mishap.startswith("forgotten"):
            self.server.flushall()
        if mishap == "killed":
            relay.sockets.clear()
            relay.alive = False
        if mishap == "revoked":
            for row in relay.ledger.usage()[:1]:
                relay.ledger.revoke(row.id)
        self.open(wishes)
        self.time_passes(before_s)
        self.open(wishes)
        self.time_passes(after_s)
        relay.ledger.cut = False
        if mishap == "killed":
            self.relays[owner] = Relay(self.ledger(owner))
            self.relays[owner].ledger.sweep(alone=False)

    @invariant()
    def never_more_sockets_than_slots(self) -> None:
        open_now = [lease for relay in self.relays.values() for lease in relay.sockets.values()]
        for sub, limit in LIMITS.items():
            assert sum(lease.subscription == str(sub) for lease in open_now) <= limit
        assert sum(lease.subscription in ("3", "4") for lease in open_now) <= 1
        assert sum(lease.portal == "1" for lease in open_now) <= self.portal_limit

    def teardown(self) -> None:
        for relay in self.relays.values():
            for one in list(relay.sockets):
                relay.close(one)
        self.time.now += 13
        assert self.relays[OWNERS[0]].ledger.usage() == []


def test_open_sockets_never_exceed_the_limits_and_return_to_zero(redis: Redis) -> None:
    LedgerMachine.server = redis
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
