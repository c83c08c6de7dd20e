"""What playing shows of a subscription, kept in its row. Nothing here raises: a row can wait, a picture cannot."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError
from django.utils import timezone
from redis import Redis

from portals.checking import note_failure, note_success
from portals.errors import PortalError
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


def failed(subscription: Subscription, err: PortalError) -> None:
    """The portal gave no address: what that says of the subscription is stored."""
    with _patiently(subscription):
        note_failure(subscription, err)


def turned_away(client: Redis, subscription: Subscription, stream_id: int, sentence: str) -> None:
    """The media server turned the subscription away from a stream: when it does so repeatedly, it rests."""
    key = redis_keys.refused_streams(subscription.pk)
    with _patiently(subscription):
        with answering():
            pipeline = client.pipeline(transaction=True)
            pipeline.sadd(key, stream_id)
            pipeline.expire(key, _MEMORY_S)
            pipeline.scard(key)
            streams = int(pipeline.execute()[-1])
        if streams < STREAMS_BEFORE_REST:
            return
        rest_s = min(FIRST_REST_S * 2.0 ** min(streams - STREAMS_BEFORE_REST, 10), LONGEST_REST_S)
        now = timezone.now()
        Subscription.objects.filter(pk=subscription.pk).update(
            state=SubscriptionState.COOLDOWN,
            state_until=now + datetime.timedelta(seconds=rest_s),
            last_error=sentence,
            checked_at=now,
        )


def played(client: Redis, subscription: Subscription) -> None:
    """A stream of the subscription runs: whatever was held against it is over."""
    with _patiently(subscription):
        with answering():
            client.delete(redis_keys.refused_streams(subscription.pk))
        note_success(subscription)


@contextmanager
def _patiently(subscription: Subscription) -> Iterator[None]:
    try:
        yield
    except (DatabaseError, RedisUnavailable) as err:
        logger.warning("The state of %s is not written: %s", subscription.shown_name, err)
