"""From a relay key to what may be tried."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from portals.models import SubscriptionState
from streaming.candidates import candidates_for, channel_key, stream_key, why_nothing
from streaming.errors import ChannelUnknown
from tests.factories import ChannelFactory, LinkFactory, PortalFactory, StreamFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db


def pairs(key: str, preferred: int = 0) -> list[tuple[int, int]]:
    found = candidates_for(key, preferred_stream=preferred)
    return [(one.candidate.stream_id, one.candidate.subscription_id) for one in found]


def test_streams_come_by_rank_and_each_with_its_subscriptions_by_rank() -> None:
    portal, other = PortalFactory(), PortalFactory()
    late, early = SubscriptionFactory(portal=portal, rank=2), SubscriptionFactory(portal=portal, rank=1)
    foreign = SubscriptionFactory(portal=other)
    channel = ChannelFactory()
    second = LinkFactory(channel=channel, rank=2, stream__portal=portal).stream
    first = LinkFactory(channel=channel, rank=1, stream__portal=other).stream
    assert pairs(channel_key(channel.pk)) == [(first.pk, foreign.pk), (second.pk, early.pk), (second.pk, late.pk)]


def test_streams_of_equal_rank_come_by_the_portals_priority() -> None:
    channel = ChannelFactory()
    links = [LinkFactory(channel=channel, stream__portal__priority=priority) for priority in (50, 10)]
    for link in links:
        SubscriptionFactory(portal=link.stream.portal)
    assert [stream for stream, _ in pairs(channel_key(channel.pk))] == [links[1].stream.pk, links[0].stream.pk]


def test_a_stream_is_tried_only_with_subscriptions_that_see_it() -> None:
    portal = PortalFactory()
    blind, seeing = SubscriptionFactory(portal=portal), SubscriptionFactory(portal=portal)
    link = LinkFactory(stream__portal=portal, stream__offered_to=[seeing.pk])
    assert pairs(channel_key(link.channel_id)) == [(link.stream_id, seeing.pk)]
    assert blind.pk != seeing.pk


@pytest.mark.parametrize(
    "hindrance",
    [
        {"enabled": False},
        {"state": SubscriptionState.BLOCKED},
        {"state": SubscriptionState.EXPIRED},
        {"state": SubscriptionState.COOLDOWN, "state_until": timezone.now() + datetime.timedelta(hours=1)},
        {"expires_at": timezone.now() - datetime.timedelta(days=1)},
    ],
    ids=lambda one: " ".join(one),
)
def test_a_subscription_that_may_not_be_used_is_left_out(hindrance) -> None:
    link = LinkFactory()
    SubscriptionFactory(portal=link.stream.portal, **hindrance)
    assert pairs(channel_key(link.channel_id)) == []


def test_a_rested_subscription_is_used_again() -> None:
    link = LinkFactory()
    rested = timezone.now() - datetime.timedelta(seconds=1)
    SubscriptionFactory(portal=link.stream.portal, state=SubscriptionState.COOLDOWN, state_until=rested)
    assert len(pairs(channel_key(link.channel_id))) == 1


@pytest.mark.parametrize(
    "hindrance",
    [{"stream__stale_since": timezone.now()}, {"stream__subscribed": False}, {"stream__portal__enabled": False}],
    ids=lambda one: " ".join(one),
)
def test_a_stream_that_is_not_offered_is_left_out(hindrance) -> None:
    link = LinkFactory(**hindrance)
    SubscriptionFactory(portal=link.stream.portal)
    assert pairs(channel_key(link.channel_id)) == []


def test_a_preferred_stream_is_marked() -> None:
    link = LinkFactory()
    SubscriptionFactory(portal=link.stream.portal)
    (one,) = candidates_for(channel_key(link.channel_id), preferred_stream=link.stream_id)
    assert one.candidate.preferred


def test_a_stream_that_no_channel_holds_has_a_key_of_its_own() -> None:
    stream = StreamFactory()
    subscription = SubscriptionFactory(portal=stream.portal)
    assert pairs(stream_key(stream.pk)) == [(stream.pk, subscription.pk)]


@pytest.mark.parametrize(
    "key", ["", "channel:", "channel:x", "film:1", "channel:1 ", "channel:-1", "channel:" + "9" * 40]
)
def test_nonsense_is_no_key(key) -> None:
    with pytest.raises(ChannelUnknown):
        candidates_for(key)


def test_the_number_of_queries_does_not_grow(django_assert_num_queries) -> None:
    channel = ChannelFactory()
    for _ in range(5):
        stream = LinkFactory(channel=channel).stream
        SubscriptionFactory.create_batch(3, portal=stream.portal)
    with django_assert_num_queries(2):
        rows = candidates_for(channel_key(channel.pk))
        assert {row.subscription.portal.name for row in rows} == {row.stream.portal.name for row in rows}
    assert len(rows) == 15


def test_the_owner_is_told_why_nothing_can_be_tried() -> None:
    link = LinkFactory()
    key = channel_key(link.channel_id)
    assert "no subscription that is switched on" in why_nothing(key)
    sub = SubscriptionFactory(portal=link.stream.portal, state=SubscriptionState.BLOCKED, last_error="Blocked by them.")
    assert "Blocked by them." in why_nothing(key)
    assert sub.mac not in why_nothing(key)
    link.stream.stale_since = timezone.now()
    link.stream.save()
    assert "No enabled portal offers" in why_nothing(key)
