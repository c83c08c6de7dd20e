"""From a ticket to an upstream, against a provider that counts."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from redis import Redis

from portals.errors import (
    ItemBusy,
    ItemRefused,
    NoFreeSlot,
    PortalUnreachable,
    SessionLost,
    SubscriptionBlocked,
    SubscriptionBusy,
    SubscriptionExpired,
)
from portals.leases import Ledger
from portals.models import Subscription, SubscriptionState
from restreamer.lib.redis_client import RedisUnavailable, connection_to
from streaming import cooling, search
from streaming.errors import Cancelled, NothingToPlay
from streaming.faults import Fault
from streaming.relay.seams import FaultHistory, Opened, Ticket
from streaming.session_book import SessionBook
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory
from tests.fakes import leftovers
from tests.fakes.upstream import Script, TsOrigin
from tests.streaming.openers import MiniRelay, channel_on, in_threads, names

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nothing_left(redis: Redis) -> Iterator[None]:
    """Descriptors and threads are back to the start; the test's own connections are closed before each count."""
    connections.close_all()
    with leftovers.none_expected():
        yield
        redis.connection_pool.disconnect()
        connections.close_all()


@pytest.fixture
def relay(redis: Redis, origin: TsOrigin, monkeypatch: pytest.MonkeyPatch) -> Iterator[MiniRelay]:
    monkeypatch.setattr(search, "SLOT_PATIENCE_S", 0.3)
    one = MiniRelay(redis, origin)
    yield one
    one.close_all()
    assert one.opener.ledger.usage() == []
    assert origin.wait_open(0)


@pytest.fixture
def macs(origin: TsOrigin) -> list[Subscription]:
    """Two MACs of one portal with one stream each; the provider counts strictly."""
    portal = PortalFactory()
    subscriptions: list[Subscription] = [SubscriptionFactory(portal=portal, rank=rank) for rank in (1, 2)]
    for one in subscriptions:
        origin.limits[one.mac] = 1
    return subscriptions


def faults(history: FaultHistory) -> list[Fault]:
    return [fault for _, _, fault in history.entries]


def state(subscription: Subscription) -> str:
    subscription.refresh_from_db()
    return subscription.state


# --- the straight way ---------------------------------------------------------------------------------------------


def test_the_first_candidate_plays_under_a_lease(relay: MiniRelay, macs: list[Subscription], origin: TsOrigin) -> None:
    channel = channel_on(macs[0].portal)
    opened = relay.open(channel)
    assert opened.subscription_id == macs[0].pk
    assert [row.id for row in relay.opener.ledger.usage()] == [opened.lease_id]
    assert origin.open() == 1
    assert macs[0].mac not in opened.label


def test_closing_returns_everything_to_zero(relay: MiniRelay, macs: list[Subscription], origin: TsOrigin) -> None:
    relay.open(channel_on(macs[0].portal))
    relay.close_all()
    assert relay.opener.ledger.usage() == []
    assert origin.open() == 0


def test_a_subscription_that_plays_is_known_to_work(relay: MiniRelay, macs: list[Subscription]) -> None:
    assert state(macs[0]) == SubscriptionState.NEW
    relay.open(channel_on(macs[0].portal))
    assert state(macs[0]) == SubscriptionState.OK


# --- before a source is lost ----------------------------------------------------------------------------------------


def look_ahead(relay: MiniRelay, channel, playing: Subscription) -> None:
    stream = channel.links.order_by("rank").first().stream
    ticket = Ticket("s", f"channel:{channel.pk}", 1, "viewer1", channel.name)
    relay.opener.look_ahead(ticket, FaultHistory(), f"{stream.pk}/{playing.pk}")


def test_the_next_mac_is_signed_in_while_the_first_still_plays(relay: MiniRelay, macs: list[Subscription]) -> None:
    channel = channel_on(macs[0].portal)
    relay.open(channel)
    asked, used = list(relay.provider.asked), relay.opener.ledger.usage()
    look_ahead(relay, channel, macs[0])
    assert relay.provider.made_ready == [macs[1].mac]
    assert (relay.provider.asked, relay.opener.ledger.usage()) == (asked, used), "no link, no slot"


def test_without_another_candidate_nothing_is_made_ready(relay: MiniRelay, origin: TsOrigin) -> None:
    subscription = SubscriptionFactory()
    channel = channel_on(subscription.portal)
    relay.open(channel)
    look_ahead(relay, channel, subscription)
    assert relay.provider.made_ready == []


def test_a_portal_that_refuses_meanwhile_ends_nothing(relay: MiniRelay, macs: list[Subscription]) -> None:
    channel = channel_on(macs[0].portal)
    relay.open(channel)
    relay.provider.errors[macs[1].mac] = PortalUnreachable("away")
    look_ahead(relay, channel, macs[0])
    assert relay.provider.made_ready == [macs[1].mac]
    assert state(macs[1]) == SubscriptionState.NEW, "it is judged when it is tried"


def test_a_preferred_stream_is_opened_first(relay: MiniRelay, macs: list[Subscription]) -> None:
    channel = channel_on(PortalFactory(), macs[0].portal)
    second = channel.links.order_by("rank").last().stream
    SubscriptionFactory(portal=channel.links.order_by("rank").first().stream.portal)
    relay.sessions.prefer(f"channel:{channel.pk}", second.pk)
    assert relay.open(channel).stream_id == second.pk


def test_the_thread_keeps_no_database_connection(relay: MiniRelay, macs: list[Subscription]) -> None:
    channel = channel_on(macs[0].portal)
    left: list[object] = []

    def work() -> None:
        relay.open(channel)
        left.extend(one.connection for one in connections.all(initialized_only=True) if one.connection is not None)

    in_threads([work])
    assert left == []


# --- slots --------------------------------------------------------------------------------------------------------


def test_three_channels_on_two_connections_two_play_and_the_third_is_told_why(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    channels = [channel_on(macs[0].portal) for _ in range(3)]
    results = in_threads([lambda c=c, v=v: relay.open(c, viewer=v) for v, c in enumerate(channels, 1)])
    assert sum(isinstance(one, Opened) for one in results) == 2
    (refusal,) = [one for one in results if not isinstance(one, Opened)]
    assert isinstance(refusal, NoFreeSlot)
    assert refusal.status == 503
    assert refusal.retry_after_s
    assert origin.open() == 2


def test_one_viewer_who_may_watch_three_at_once_gets_what_there_is(relay: MiniRelay, macs: list[Subscription]) -> None:
    channels = [channel_on(macs[0].portal) for _ in range(3)]
    results = in_threads([lambda c=c: relay.open(c, viewer=1, connections=3) for c in channels])
    assert sum(isinstance(one, Opened) for one in results) == 2


def test_fifty_starts_at_once_open_no_more_than_the_slots(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    channels = [channel_on(macs[0].portal) for _ in range(50)]
    results = in_threads([lambda c=c, v=v: relay.open(c, viewer=v) for v, c in enumerate(channels, 1)])
    assert sum(isinstance(one, Opened) for one in results) == 2
    assert origin.peak["all"] <= 2


def test_a_lingering_channel_gives_its_slot_up(relay: MiniRelay, macs: list[Subscription], origin: TsOrigin) -> None:
    portal = PortalFactory()
    SubscriptionFactory(portal=portal)
    first, second = channel_on(portal), channel_on(portal)
    relay.open(first, viewer=1)
    relay.leave(first)
    relay.open(second, viewer=2)
    assert list(relay.running) == [f"channel:{second.pk}"]


def test_a_lingering_channel_gives_its_slot_up_to_another_portal_of_the_same_account(
    relay: MiniRelay, origin: TsOrigin
) -> None:
    both = [SubscriptionFactory(portal=PortalFactory(), shared_count="anna") for _ in range(2)]
    first, second = (channel_on(one.portal) for one in both)
    relay.open(first, viewer=1)
    with pytest.raises(NoFreeSlot):
        relay.open(second, viewer=2)
    relay.leave(first)
    assert relay.open(second, viewer=2).subscription_id == both[1].pk
    assert origin.peak["all"] == 1


def test_a_lingering_channel_goes_before_a_worse_stream_is_taken(relay: MiniRelay, macs: list[Subscription]) -> None:
    best = PortalFactory()
    SubscriptionFactory(portal=best)
    first, second = channel_on(best), channel_on(best, macs[0].portal)
    relay.open(first, viewer=1)
    relay.leave(first)
    assert relay.open(second, viewer=2).stream_id == second.links.get(rank=0).stream_id


def test_a_watched_channel_is_left_alone_and_the_next_stream_taken(relay: MiniRelay, macs: list[Subscription]) -> None:
    best = PortalFactory()
    SubscriptionFactory(portal=best)
    first, second = channel_on(best), channel_on(best, macs[0].portal)
    relay.open(first, viewer=1)
    assert relay.open(second, viewer=2).stream_id == second.links.get(rank=1).stream_id
    assert len(relay.running) == 2


def test_a_lingering_channel_of_another_machine_is_asked_through_redis(
    relay: MiniRelay, origin: TsOrigin, redis: Redis
) -> None:
    mac: Subscription = SubscriptionFactory()
    origin.limits[mac.mac] = 1
    first, second = channel_on(mac.portal), channel_on(mac.portal)
    other = MiniRelay(redis, origin, owner="node2:relay")
    other.open(first, viewer=1)
    other.leave(first)
    heard = []

    def beat() -> None:
        heard.extend(SessionBook(redis, "node2:relay").beat([], []))
        other.close_all()

    threading.Timer(0.3, beat).start()
    assert relay.open(second, viewer=2)
    (command,) = heard
    assert command.name == "stop_lingering"
    assert command.arguments.pop("lease_id")
    assert command.arguments == {"subscription_id": mac.pk, "viewer_id": 0, "key": f"channel:{first.pk}"}


def test_a_relay_that_knows_better_keeps_its_slot_and_nobody_waits_for_it(
    relay: MiniRelay, macs: list[Subscription]
) -> None:
    best = PortalFactory()
    SubscriptionFactory(portal=best)
    first, second = channel_on(best), channel_on(best, macs[0].portal)
    relay.open(first, viewer=1)
    relay.leave(first)
    # A viewer has just come back; Redis does not know it yet.
    relay.watching[f"channel:{first.pk}"] = 1
    began = time.monotonic()
    assert relay.open(second, viewer=2).stream_id == second.links.get(rank=1).stream_id
    assert time.monotonic() - began < 1
    assert len(relay.running) == 2


def test_a_hundred_zaps_on_one_connection_are_never_refused_and_disturb_nobody(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    one_slot = PortalFactory()
    mac = SubscriptionFactory(portal=one_slot)
    origin.limits[mac.mac] = 1
    other = relay.open(channel_on(macs[0].portal), viewer=2)
    channels = [channel_on(one_slot) for _ in range(5)]
    chance = random.Random(7)
    watched = None
    for _ in range(100):
        channel = chance.choice([one for one in channels if one is not watched])
        if watched is not None and chance.random() < 0.5:
            relay.leave(watched)
        relay.open(channel, viewer=1)
        assert relay.opener.renew([other]) == set()
        # The relay noticed long ago; the book learns of it with the end of the old session.
        if watched is not None:
            relay.leave(watched)
        watched = channel
    assert origin.peak[mac.mac] == 1
    assert origin.open(key=macs[0].mac) == 1


def test_a_slot_that_somebody_is_just_leaving_is_waited_for(
    relay: MiniRelay, macs: list[Subscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SLOT_PATIENCE_S", 5.0)
    portal = PortalFactory()
    SubscriptionFactory(portal=portal)
    first, second = channel_on(portal), channel_on(portal)
    relay.open(first, viewer=1)
    threading.Timer(0.3, relay.leave, [first]).start()
    assert relay.open(second, viewer=2)


@pytest.mark.parametrize("status", [403, 404, 456, 458])
def test_a_slow_provider_is_waited_for_inside_the_same_slot(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin, status: int
) -> None:
    origin.refusal_status = status
    first, second = channel_on(macs[0].portal), channel_on(macs[0].portal)
    origin.always(names(first)[0], Script(slow_release_s=0.8))
    relay.open(first)
    relay.leave(first)
    relay.close_all()
    history = FaultHistory()
    opened = relay.open(second, history=history)
    assert opened.subscription_id == macs[0].pk
    assert set(faults(history)) == {Fault.SLOT_BUSY}
    assert state(macs[0]) == SubscriptionState.OK


def test_a_mac_its_portal_calls_busy_just_after_a_close_is_waited_for(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    first, second = channel_on(macs[0].portal), channel_on(macs[0].portal)
    relay.open(first)
    relay.leave(first)
    relay.close_all()
    relay.provider.errors[macs[0].mac] = SubscriptionBusy("In use.")
    threading.Timer(0.8, relay.provider.errors.clear).start()
    history = FaultHistory()
    assert relay.open(second, history=history).subscription_id == macs[0].pk
    assert set(faults(history)) == {Fault.SLOT_BUSY}
    assert state(macs[0]) == SubscriptionState.OK


def test_a_mac_its_portal_calls_busy_rests_and_the_next_one_plays(relay: MiniRelay, macs: list[Subscription]) -> None:
    relay.provider.errors[macs[0].mac] = SubscriptionBusy("In use.")
    assert relay.open(channel_on(macs[0].portal)).subscription_id == macs[1].pk
    assert state(macs[0]) == SubscriptionState.THROTTLED
    assert macs[0].state_until is not None
    assert 25 < (macs[0].state_until - timezone.now()).total_seconds() <= 30


def test_without_redis_nothing_is_opened(origin: TsOrigin, macs: list[Subscription], redis: Redis) -> None:
    relay = MiniRelay(redis, origin)
    channel = channel_on(macs[0].portal)
    relay.opener.ledger = Ledger(connection_to("unix:///nonexistent/redis.sock"), "node1:relay")
    with pytest.raises(RedisUnavailable):
        relay.open(channel)
    assert origin.opened["all"] == 0


def test_a_channel_that_people_watch_waits_for_redis_to_come_back(
    relay: MiniRelay, macs: list[Subscription], redis: Redis
) -> None:
    channel = channel_on(macs[0].portal)
    history = FaultHistory()
    history.add(time.monotonic(), "0/0", Fault.RESET)
    ledger, gone = relay.opener.ledger, connection_to("unix:///nonexistent/redis.sock")
    relay.opener.ledger = Ledger(gone, "node1:relay")
    threading.Timer(0.3, setattr, [relay.opener, "ledger", ledger]).start()
    assert relay.open(channel, history=history)


def test_a_restarted_relay_plays_at_once_on_the_slots_of_the_dead(
    redis: Redis, relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    dead = MiniRelay(redis, origin)
    lost = [dead.open(channel_on(macs[0].portal), viewer=n) for n in (1, 2)]
    for one in lost:
        one.source.close()
        dead.opener.watchdog.ended(one.subscription_id)
    again = MiniRelay(redis, origin)
    assert again.open(channel_on(macs[0].portal), viewer=3)
    again.close_all()


# --- while opening ------------------------------------------------------------------------------------------------


def test_who_leaves_during_the_opening_frees_the_slot_at_once(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    channel = channel_on(macs[0].portal)
    origin.always(names(channel)[0], Script(before_head_s=5))
    key = f"channel:{channel.pk}"
    threading.Timer(0.3, lambda: relay.cancelled[key].set()).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        relay.open(channel)
    assert time.monotonic() - began < 1.5
    assert relay.opener.ledger.usage() == []
    assert origin.wait_open(0)


def test_who_leaves_while_the_portal_thinks_frees_the_slot_at_once(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    channel = channel_on(macs[0].portal)
    thinks = relay.provider.hangs[names(channel)[0]] = threading.Event()
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.extend(in_threads([lambda: relay.open(channel)])))
    thread.start()
    until = time.monotonic() + 3
    while not relay.provider.asked and time.monotonic() < until:
        time.sleep(0.01)
    relay.cancelled[f"channel:{channel.pk}"].set()
    while relay.opener.ledger.usage() and time.monotonic() < until:
        time.sleep(0.01)
    assert relay.opener.ledger.usage() == []
    thinks.set()
    thread.join(5)
    assert isinstance(results[0], Cancelled)
    assert origin.opened["all"] == 0


def test_a_slow_opening_keeps_its_lease(redis: Redis, macs: list[Subscription], origin: TsOrigin, settings) -> None:
    settings.LEASE_LIFETIME_S = 0.6
    relay = MiniRelay(redis, origin)
    channel = channel_on(macs[0].portal)
    origin.always(names(channel)[0], Script(before_head_s=1.5))
    opened = relay.open(channel)
    assert [row.id for row in relay.opener.ledger.usage()] == [opened.lease_id]
    relay.close_all()


def test_a_lease_that_is_revoked_during_the_opening_stops_it(
    redis: Redis, macs: list[Subscription], origin: TsOrigin, settings
) -> None:
    settings.LEASE_LIFETIME_S = 0.6
    relay = MiniRelay(redis, origin)
    channel = channel_on(macs[0].portal)
    origin.script(names(channel)[0], Script(before_head_s=3))
    history = FaultHistory()

    def revoke() -> None:
        (row,) = relay.opener.ledger.usage()
        relay.opener.ledger.revoke(row.id)

    threading.Timer(0.2, revoke).start()
    opened = relay.open(channel, history=history)
    assert faults(history) == [Fault.LEASE_LOST]
    assert opened.subscription_id == macs[1].pk
    relay.close_all()


# --- faults -------------------------------------------------------------------------------------------------------


def test_a_blocked_subscription_is_stored_and_the_next_one_used(relay: MiniRelay, macs: list[Subscription]) -> None:
    relay.provider.errors[macs[0].mac] = SubscriptionBlocked("The portal has blocked this MAC.")
    opened = relay.open(channel_on(macs[0].portal))
    assert opened.subscription_id == macs[1].pk
    assert state(macs[0]) == SubscriptionState.BLOCKED
    assert macs[0].last_error == "The portal has blocked this MAC."


def test_when_every_subscription_is_refused_the_start_ends_with_the_reasons(
    relay: MiniRelay, macs: list[Subscription]
) -> None:
    for one in macs:
        relay.provider.errors[one.mac] = SubscriptionExpired("Paid time is over.")
    began = time.monotonic()
    with pytest.raises(NothingToPlay) as refusal:
        relay.open(channel_on(macs[0].portal))
    assert "Paid time is over." in refusal.value.message
    assert "Paid" not in refusal.value.public
    assert time.monotonic() - began < 2


def test_a_mac_that_another_device_uses_rests(relay: MiniRelay, macs: list[Subscription]) -> None:
    relay.provider.errors[macs[0].mac] = SessionLost("Another device uses this MAC.", retry_after_s=60)
    relay.open(channel_on(macs[0].portal))
    assert state(macs[0]) == SubscriptionState.COOLDOWN
    assert macs[0].state_until is not None
    assert macs[0].state_until > timezone.now() + timedelta(seconds=50)


def test_a_missing_stream_does_not_touch_the_subscription(relay: MiniRelay, macs: list[Subscription]) -> None:
    other = PortalFactory()
    SubscriptionFactory(portal=other)
    channel = channel_on(macs[0].portal, other)
    relay.provider.errors[names(channel)[0]] = ItemRefused("nothing_to_play")
    history = FaultHistory()
    assert relay.open(channel, history=history).stream_id == channel.links.get(rank=1).stream_id
    assert faults(history) == [Fault.NOT_FOUND, Fault.NOT_FOUND]
    assert [state(one) for one in macs] == [SubscriptionState.NEW, SubscriptionState.NEW]


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (Script(status=404), Fault.NOT_FOUND),
        (Script(body=b"<html>gone</html>"), Fault.NOT_TS),
        (Script(body=b""), Fault.ENDED),
        (Script(status=500), Fault.REFUSED),
        (Script(reset_after=0), Fault.RESET),
    ],
    ids=lambda one: str(one) if isinstance(one, Fault) else "",
)
def test_a_faulty_stream_moves_on_and_leaves_the_subscription_alone(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin, script: Script, fault: Fault
) -> None:
    channel = channel_on(macs[0].portal)
    origin.script(names(channel)[0], script)
    history = FaultHistory()
    assert relay.open(channel, history=history).subscription_id == macs[1].pk
    assert faults(history) == [fault]
    assert state(macs[0]) == SubscriptionState.NEW


def test_one_channel_that_is_turned_away_puts_no_subscription_to_rest(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    channel = channel_on(macs[0].portal)
    origin.always(names(channel)[0], Script(status=403))
    for _ in range(3):
        with pytest.raises(NothingToPlay):
            relay.open(channel)
    assert [state(one) for one in macs] == [SubscriptionState.NEW, SubscriptionState.NEW]


def test_a_mac_turned_away_from_several_channels_rests_longer_each_time(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin
) -> None:
    origin.blocked[macs[0].mac] = 456
    rests = []
    for _ in range(4):
        relay.open(channel_on(macs[0].portal))
        relay.close_all()
        state(macs[0])
        rests.append((macs[0].state_until - timezone.now()).total_seconds() if macs[0].state_until else 0)
        Subscription.objects.filter(pk=macs[0].pk).update(state_until=timezone.now())
    assert rests == [0, pytest.approx(30, abs=3), pytest.approx(60, abs=3), pytest.approx(120, abs=3)]


def test_playing_forgives_a_mac(relay: MiniRelay, macs: list[Subscription], origin: TsOrigin) -> None:
    origin.blocked[macs[0].mac] = 403
    for _ in range(2):
        relay.open(channel_on(macs[0].portal))
        relay.close_all()
    assert state(macs[0]) == SubscriptionState.COOLDOWN
    Subscription.objects.filter(pk=macs[0].pk).update(state_until=timezone.now())
    origin.blocked.clear()
    relay.open(channel_on(macs[0].portal))
    assert state(macs[0]) == SubscriptionState.OK


def test_a_silent_portal_is_left_for_another_at_the_first_failure(relay: MiniRelay, macs: list[Subscription]) -> None:
    other = PortalFactory()
    SubscriptionFactory(portal=other)
    channel = channel_on(macs[0].portal, other)
    relay.provider.errors[macs[0].portal.name] = PortalUnreachable("No answer.")
    history = FaultHistory()
    assert relay.open(channel, history=history).stream_id == channel.links.get(rank=1).stream_id
    assert faults(history) == [Fault.PORTAL]


def test_after_a_fault_in_mid_stream_the_other_subscription_is_tried(
    relay: MiniRelay, macs: list[Subscription]
) -> None:
    channel = channel_on(macs[0].portal)
    history = FaultHistory()
    first = relay.open(channel, history=history)
    history.add(time.monotonic(), first.candidate, Fault.RESET)
    relay.close_all()
    assert relay.open(channel, history=history).subscription_id == macs[1].pk


def test_a_provider_whose_servers_are_full_is_left_for_another(relay: MiniRelay, macs: list[Subscription]) -> None:
    other = PortalFactory()
    SubscriptionFactory(portal=other)
    channel = channel_on(macs[0].portal, other)
    relay.provider.errors[names(channel)[0]] = ItemBusy("limit")
    history = FaultHistory()
    assert relay.open(channel, history=history).stream_id == channel.links.get(rank=1).stream_id
    assert faults(history) == [Fault.PORTAL]


def test_a_player_that_knocks_on_a_dead_channel_costs_no_link_request_each_time(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than twenty knocks take on a busy machine.
    monkeypatch.setattr(cooling, "FIRST_S", 60.0)
    channel = channel_on(macs[0].portal)
    relay.provider.errors[names(channel)[0]] = ItemRefused("Not offered any more.")
    with pytest.raises(NothingToPlay):
        relay.open(channel)
    asked = len(relay.provider.asked)
    for _ in range(20):
        with pytest.raises(NothingToPlay, match="Not offered any more") as caught:
            relay.open(channel)
    assert caught.value.retry_after_s
    assert len(relay.provider.asked) == asked
    # Somebody has given it another source: that one is tried at once.
    LinkFactory(channel=channel, rank=1, stream__portal=macs[0].portal, stream__provider_id="other")
    assert relay.open(channel)


def test_a_channel_without_streams_says_so_to_its_owner(relay: MiniRelay) -> None:
    portal = PortalFactory()
    with pytest.raises(NothingToPlay) as refusal:
        relay.open(channel_on(portal))
    assert "no subscription" in refusal.value.message


# --- the watchdog -------------------------------------------------------------------------------------------------


def wait_for(condition, timeout_s: float = 3.0) -> bool:
    until = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


def test_the_portal_is_kept_told_while_a_stream_plays_and_not_after(relay: MiniRelay, macs: list[Subscription]) -> None:
    relay.opener.watchdog._first_s = 0.01
    relay.provider.cadence_s = 0.05
    relay.open(channel_on(macs[0].portal))
    assert wait_for(lambda: relay.provider.kept_alive[macs[0].mac] >= 3)
    relay.close_all()
    assert wait_for(lambda: "watchdog" not in {thread.name for thread in threading.enumerate()})


def test_a_mac_blocked_while_it_plays_is_stored(relay: MiniRelay, macs: list[Subscription]) -> None:
    relay.opener.watchdog._first_s = 0.01
    relay.provider.alive_error = SubscriptionBlocked("Blocked in mid-stream.")
    relay.open(channel_on(macs[0].portal))
    assert wait_for(lambda: state(macs[0]) == SubscriptionState.BLOCKED)


def test_the_patience_of_a_running_channel_counts_from_its_last_picture(
    relay: MiniRelay, macs: list[Subscription], origin: TsOrigin, settings
) -> None:
    settings.RELAY_RETRY_S = 60
    history = FaultHistory(lost_at=time.monotonic() - 61)
    history.add(time.monotonic() - 1, "0/0", Fault.NO_VIDEO)
    with pytest.raises(NothingToPlay):
        relay.open(channel_on(macs[0].portal), history=history)
    assert origin.opened["all"] == 0
    history.lost_at = None
    assert relay.open(channel_on(macs[0].portal), history=history)
