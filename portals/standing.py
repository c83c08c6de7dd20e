"""What playing shows of a subscription, kept in its row: refusals, rests, and that it works after all."""

from __future__ import annotations

import datetime
import logging

from django.db import DatabaseError
from django.utils import timezone
from redis import Redis

from portals.errors import PortalThrottled, SessionLost, SubscriptionRefused
from portals.models import Subscription, SubscriptionState
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering

logger = logging.getLogger(__name__)

#: Rests of a subscription whose streams are turned away: 30 s, doubling, at most half an hour.
FIRST_REST_S = 30.0
LONGEST_REST_S = 30 * 60.0
#: So many different streams must have been turned away, with none played in between: one bad channel that a player
#: asks for again and again must not put the subscriptions of all others to rest.
STREAMS_BEFORE_REST = 2
_MEMORY_S = 2 * 3600

_FAULTY = (SubscriptionState.NEW, SubscriptionState.COOLDOWN, SubscriptionState.THROTTLED)


#: Refusals are looked at again by a scheduler duty. The first look comes soon: a portal whose billing is down looks
#: like one that blocks.
FIRST_RECHECK_S = 600.0
LATER_RECHECK_S = 3600.0
EXPIRED_RECHECK_S = 24 * 3600.0


def rest_of(state: str, state_before: str) -> float | None:
    """Seconds until a state is looked at again by itself; None = only a person can change it, or nothing must."""
    if state in (SubscriptionState.BLOCKED, SubscriptionState.UNKNOWN):
        return LATER_RECHECK_S if state_before == state else FIRST_RECHECK_S
    if state == SubscriptionState.EXPIRED:
        return EXPIRED_RECHECK_S
    if state == SubscriptionState.COOLDOWN:
        return 2 * FIRST_REST_S
    return None


def refused(subscription: Subscription, err: SubscriptionRefused) -> None:
    """The portal refuses the subscription: nothing is started on it until a person or a check says otherwise."""
    _write(subscription, err.state, rest_of(err.state, subscription.state), err.message)


def passed_over(subscription: Subscription, err: SubscriptionRefused | SessionLost) -> None:
    """A refresh went on without this subscription, for a reason playing would meet too."""
    if isinstance(err, SubscriptionRefused):
        refused(subscription, err)
    else:
        disturbed(subscription, err)


def listed(subscription: Subscription) -> None:
    """The portal gave the subscription its lists: a rest is over, and a new one has shown that it works."""
    if subscription.state != SubscriptionState.OK:
        _write(subscription, SubscriptionState.OK, None, "", only_from=_FAULTY)


def disturbed(subscription: Subscription, err: SessionLost | PortalThrottled) -> None:
    """Another device uses the MAC, or we asked too often: let it rest as long as the error says."""
    state = SubscriptionState.THROTTLED if isinstance(err, PortalThrottled) else SubscriptionState.COOLDOWN
    _write(subscription, state, err.retry_after_s or FIRST_REST_S, err.message)


def turned_away(client: Redis, subscription: Subscription, stream_id: int, sentence: str) -> float:
    """The media server turned the subscription away from a stream. Returns for how many seconds it rests now, or 0.

    Raises RedisUnavailable.
    """
    key = redis_keys.refused_streams(subscription.pk)
    with answering():
        pipeline = client.pipeline(transaction=True)
        pipeline.sadd(key, stream_id)
        pipeline.expire(key, _MEMORY_S)
        pipeline.scard(key)
        streams = int(pipeline.execute()[-1])
    if streams < STREAMS_BEFORE_REST:
        return 0.0
    rest_s = min(FIRST_REST_S * 2.0 ** min(streams - STREAMS_BEFORE_REST, 10), LONGEST_REST_S)
    _write(subscription, SubscriptionState.COOLDOWN, rest_s, sentence)
    return rest_s


def played(client: Redis, subscription: Subscription) -> None:
    """A stream of the subscription runs: whatever was held against it is over. Never raises."""
    try:
        with answering():
            client.delete(redis_keys.refused_streams(subscription.pk))
    except RedisUnavailable as err:
        logger.warning("What %s was refused is not forgotten yet: %s", subscription.shown_name, err)
    if subscription.state != SubscriptionState.OK or subscription.last_error:
        _write(subscription, SubscriptionState.OK, None, "", only_from=(*_FAULTY, SubscriptionState.OK))


def _write(
    subscription: Subscription,
    state: str,
    rest_s: float | None,
    sentence: str,
    only_from: tuple[str, ...] = tuple(SubscriptionState),
) -> None:
    """Update the row. A database that cannot be written must not end a stream that plays: it gets a line in the log."""
    now = timezone.now()
    try:
        Subscription.objects.filter(pk=subscription.pk, state__in=only_from).update(
            state=state,
            state_until=None if rest_s is None else now + datetime.timedelta(seconds=rest_s),
            last_error=sentence,
            checked_at=now,
        )
    except DatabaseError as err:
        logger.warning("The state of %s is not written: %s", subscription.shown_name, err)
