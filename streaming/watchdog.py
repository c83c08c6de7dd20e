"""Keeps portals told that a subscription plays: one thread per relay process.

That only one process of an installation sends for a subscription is the provider's care.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

from django.db import DatabaseError, connections

from portals.errors import SubscriptionRefused
from portals.models import Portal, Subscription
from portals.providers.base import Provider
from portals.standing import failed
from restreamer.lib.errors import RestreamerError

logger = logging.getLogger(__name__)

_AFTER_ERROR_S = 30.0
#: The protocol has nothing of the kind.
_NEVER_S = 24 * 3600.0
#: A first word soon after the start, not at once: the portal has just answered us.
_FIRST_S = 5.0


class Watchdog:
    """Sends `keep_alive` for every subscription that plays here. The thread lives only while something plays."""

    def __init__(
        self,
        provider_for: Callable[[Portal], Provider],
        *,
        clock: Callable[[], float] = time.monotonic,
        first_s: float = _FIRST_S,
    ) -> None:
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

    def _run(self) -> None:
        try:
            while (subscription_id := self._next()) is not None:
                wait_s = self._send(subscription_id)
                with self._changed:
                    if subscription_id in self._due:
                        self._due[subscription_id] = self._clock() + wait_s
        finally:
            with self._changed:
                # Also after a defect: the next stream that plays starts a new thread.
                if self._thread is threading.current_thread():
                    self._thread = None

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
        """Tell the portal; returns seconds until the next time."""
        try:
            subscription = Subscription.objects.select_related("portal").get(pk=subscription_id)
            next_s = self._provider_for(subscription.portal).keep_alive(subscription, playing=True)
            return next_s if next_s > 0 else _NEVER_S
        except Subscription.DoesNotExist:
            return _NEVER_S
        except (RestreamerError, DatabaseError) as err:
            logger.info("The watchdog of subscription %d was not sent: %s", subscription_id, err)
            if isinstance(err, SubscriptionRefused):
                failed(subscription, err)
            return _AFTER_ERROR_S
        finally:
            connections.close_all()
