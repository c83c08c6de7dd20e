"""Keeps portals told that a subscription plays: one thread per relay process, one sender per subscription anywhere."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

from django.db import connections
from redis import Redis

from portals.errors import PortalError, SubscriptionRefused
from portals.models import Portal, Subscription
from portals.providers.base import Provider
from portals.standing import refused
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering

logger = logging.getLogger(__name__)

#: When another process sends, look again after this; the same after an error.
_LOOK_AGAIN_S = 30.0
#: A first word soon after the start, not at once: the portal has just answered us.
_FIRST_S = 5.0


class Watchdog:
    """Sends `keep_alive` for every subscription that plays here. The thread lives only while something plays."""

    def __init__(
        self,
        client: Redis,
        owner: str,
        provider_for: Callable[[Portal], Provider],
        *,
        clock: Callable[[], float] = time.monotonic,
        first_s: float = _FIRST_S,
    ) -> None:
        self._client = client
        self._owner = owner
        self._provider_for = provider_for
        self._clock = clock
        self._first_s = first_s
        self._playing: Counter[int] = Counter()
        self._due: dict[int, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def plays(self, subscription_id: int) -> None:
        """A stream of the subscription runs from now on."""
        with self._changed:
            self._playing[subscription_id] += 1
            self._due.setdefault(subscription_id, self._clock() + self._first_s)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def ended(self, subscription_id: int) -> None:
        """One stream of it has ended."""
        with self._changed:
            self._playing[subscription_id] -= 1
            if self._playing[subscription_id] > 0:
                return
            del self._playing[subscription_id]
            self._due.pop(subscription_id, None)
            self._changed.notify_all()
        self._let_go(subscription_id)

    def _run(self) -> None:
        while (subscription_id := self._next()) is not None:
            wait_s = self._send(subscription_id)
            with self._changed:
                if subscription_id in self._due:
                    self._due[subscription_id] = self._clock() + wait_s
        connections.close_all()

    def _next(self) -> int | None:
        """The subscription that is due; None when nothing plays any more."""
        with self._changed:
            while self._due:
                subscription_id, due = min(self._due.items(), key=lambda pair: pair[1])
                wait_s = due - self._clock()
                if wait_s <= 0:
                    return subscription_id
                self._changed.wait(wait_s)
            self._thread = None
            return None

    def _send(self, subscription_id: int) -> float:
        """Tell the portal, if that is ours to do; returns seconds until the next look."""
        try:
            if not self._ours(subscription_id, _LOOK_AGAIN_S):
                return _LOOK_AGAIN_S
            subscription = Subscription.objects.select_related("portal").get(pk=subscription_id)
            next_s = self._provider_for(subscription.portal).keep_alive(subscription, playing=True)
            if next_s <= 0:
                return 24 * 3600.0
            self._ours(subscription_id, next_s * 2)
            return next_s
        except Subscription.DoesNotExist:
            return 24 * 3600.0
        except SubscriptionRefused as err:
            refused(subscription, err)
            return _LOOK_AGAIN_S
        except (PortalError, RedisUnavailable) as err:
            logger.info("The watchdog of subscription %d was not sent: %s", subscription_id, err)
            return _LOOK_AGAIN_S
        finally:
            connections.close_all()

    def _ours(self, subscription_id: int, lifetime_s: float) -> bool:
        """Are we the sender? If nobody is, we become it."""
        key = redis_keys.watchdog(subscription_id)
        with answering():
            lifetime_ms = int(lifetime_s * 1000)
            if self._client.set(key, self._owner, nx=True, px=lifetime_ms):
                return True
            if self._client.get(key) != self._owner.encode():
                return False
            self._client.pexpire(key, lifetime_ms)
            return True

    def _let_go(self, subscription_id: int) -> None:
        key = redis_keys.watchdog(subscription_id)
        try:
            with answering():
                if self._client.get(key) == self._owner.encode():
                    self._client.delete(key)
        except RedisUnavailable:
            return
