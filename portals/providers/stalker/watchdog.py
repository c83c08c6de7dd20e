"""What a running box reports, and what the portal tells it on that occasion."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from redis import Redis

from portals import errors, portal_events
from portals.models import Subscription
from portals.portal_events import PortalEvent
from portals.providers.stalker.sentences import Say, quoting
from portals.providers.stalker.session import Sessions
from portals.providers.stalker.signin import PortalSession
from portals.providers.stalker.values import ident, words
from portals.providers.stalker.wire import PATIENCE_ASK_S

log = logging.getLogger(__name__)

#: Events after which a box starts anew.
_RELOADS = ("reload_portal", "reboot")
_MESSAGES = ("send_msg", "send_msg_with_video")


class Watchdog:
    """`get_events` for one MAC while a stream of it runs."""

    def __init__(self, sessions: Sessions, client: Redis) -> None:
        self._sessions = sessions
        self._client = client

    def beat(self, subscription: Subscription, *, playing: bool) -> float:
        """Report, act on what the portal says, return seconds until the next report.

        Raises SubscriptionRefused when the portal has just cut the MAC off, PortalError.
        """
        session = self._sessions.current(subscription)
        # Once with init=1 after each sign-in.
        begun = self._sessions.noted(subscription, "watched_token") == session.token
        said = self._sessions.ask(
            subscription,
            {
                "type": "watchdog",
                "action": "get_events",
                "init": "0" if begun else "1",
                "cur_play_type": "1" if playing else "0",
                "event_active_id": "0",
            },
            patience_s=PATIENCE_ASK_S,
        )
        self._sessions.note(subscription, watched_token=session.token)
        self._act(subscription, said.js)
        return cadence_s(session, first=not begun)

    def _act(self, subscription: Subscription, js: Any) -> None:
        event = js.get("data") if isinstance(js, dict) else None
        if not isinstance(event, dict):
            return
        kind = words(event.get("event"), 60).lower()
        # An unconfirmed event comes back with every report; we never confirm what the owner has not seen.
        key = f"{ident(event.get('id'))}:{kind}"
        if not kind or self._sessions.noted(subscription, "last_event") == key:
            return
        self._sessions.note(subscription, last_event=key)
        log.info("portal event %s for %s", kind, subscription.shown_name)
        said = PortalEvent(timezone.now(), kind, words(event.get("msg")))
        portal_events.keep(self._client, subscription.pk, said)
        self._react(subscription, kind, event)

    def _react(self, subscription: Subscription, kind: str, event: Mapping[str, Any]) -> None:
        if kind == "cut_off":
            # Raises the refusal in its own words; a portal that signs us in all the same did not mean it.
            self._sessions.signed_in_again(subscription)
        elif kind in _RELOADS:
            self._sessions.forget(subscription)
        elif kind in _MESSAGES:
            warning = quoting(Say.MESSAGE.of(), event.get("msg"))
            Subscription.objects.filter(pk=subscription.pk).update(warning=warning)


def cadence_s(session: PortalSession, *, first: bool) -> float:
    """Seconds between two reports; the first pause is shifted, so that boxes switched on together spread out."""
    try:
        watchdog_s, timeslot_s = float(session.watchdog_s), float(session.timeslot_s)
    except ValueError as err:
        raise errors.SessionLost(Say.SESSION_LOST.of()) from err
    return watchdog_s + timeslot_s if first else watchdog_s
