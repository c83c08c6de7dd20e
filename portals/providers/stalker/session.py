"""One portal session per MAC for the whole installation: kept in Redis, sign-ins serialised by a lock."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import LockError

from portals import errors
from portals.models import Portal, Subscription
from portals.providers.stalker import envelope, expiry
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.identity import Identity
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.signin import FIRST_ZONE, PortalSession, SignedIn, SignIn
from portals.providers.stalker.wire import PATIENCE_ASK_S, SMALL, Wire
from restreamer.lib import redis_keys
from restreamer.lib.http import Bounds

#: A sign-in with login is four questions; whoever dies inside blocks the MAC no longer than this.
_LOCK_LIFETIME_S = 120.0
_LOCK_WAIT_S = 45.0
#: A crowd that waited for a refused sign-in gets the same refusal instead of a sign-in each.
_REFUSAL_MEMORY_S = 30
#: The same for a portal that did not answer at all.
_FAILURE_MEMORY_S = 3
_SESSION_MEMORY_S = 30 * 24 * 3600
_LOOK_AGAIN_S = 600


class Sessions:
    """The sessions of one portal's subscriptions."""

    def __init__(self, portal: Portal, client: Redis, wire: Wire) -> None:
        self._portal = portal
        self._client = client
        self._wire = wire
        self._sign_in = SignIn(portal, wire, self._may_search)
        #: MACs whose empty answers mean "no such action": their session was proved in our lifetime.
        self._proved: set[int] = set()

    def ask(
        self,
        subscription: Subscription,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds = SMALL,
        patience_s: float = PATIENCE_ASK_S,
        empty_is_answer: bool = False,
    ) -> Envelope:
        """Ask something inside the session; a lost token is renewed once, a broken time zone replaced once.

        `empty_is_answer`: nothing at all may mean "no such action" here, so it is no reason to sign in again.

        Raises PortalError.
        """
        session = self.current(subscription)
        try:
            return self._asked(subscription, session, parameters, bounds, patience_s)
        except envelope.EmptyAnswer:
            if empty_is_answer:
                raise
            session = self.renewed(subscription, session.token)
        except errors.TokenRefused:
            session = self.renewed(subscription, session.token)
        except errors.TimeZoneRefused:
            session = self._with_first_zone(subscription, session)
        except errors.AccessDenied:
            # The profile knows why: it raises the true refusal, or accepts us and the question is worth repeating.
            session = self.signed_in_again(subscription).session
        try:
            return self._asked(subscription, session, parameters, bounds, patience_s)
        except errors.TokenRefused as err:
            raise self._remember(subscription, errors.SessionLost(Say.SESSION_LOST.of())) from err

    def ask_if_known(
        self,
        subscription: Subscription,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds = SMALL,
        patience_s: float = PATIENCE_ASK_S,
    ) -> Envelope | None:
        """The same for what not every portal knows; None from those that do not.

        Panels answer "not signed in" and "no such action" alike, with nothing. So the first time nothing comes, a
        question every portal answers is asked; it signs in again if need be.

        Raises PortalError.
        """
        for is_last in (subscription.pk in self._proved, True):
            try:
                return self.ask(subscription, parameters, bounds=bounds, patience_s=patience_s, empty_is_answer=True)
            except envelope.EmptyAnswer:
                if is_last:
                    break
                self.ask(subscription, {"type": "itv", "action": "get_genres"}, patience_s=patience_s)
                self._proved.add(subscription.pk)
        return None

    def current(self, subscription: Subscription) -> PortalSession:
        """The session; made now when there is none, or when another caller is making one, that one.

        Raises PortalError.
        """
        return self.stored(subscription) or self._made(subscription, lambda: self.stored(subscription))

    def renewed(self, subscription: Subscription, stale_token: str) -> PortalSession:
        """A session whose token is not the stale one: somebody else's fresh one, or a new one.

        Raises PortalError.
        """

        def replaced() -> PortalSession | None:
            session = self.stored(subscription)
            return session if session and session.token != stale_token else None

        return replaced() or self._made(subscription, replaced)

    def signed_in_again(self, subscription: Subscription, *, fresh: bool = False) -> SignedIn:
        """The profile asked afresh, in the session there is; a handshake only where none is or its token is dead.

        `fresh`: a refusal of a moment ago does not count, an owner wants to know.

        Raises PortalError.
        """
        if fresh:
            self._client.delete(redis_keys.portal_refusal(subscription.pk))
        with self._locked(subscription):
            self._recall_failure(subscription)
            saved = self._saved(subscription)
            if saved is not None and self._fits(subscription, saved):
                try:
                    return self._kept(subscription, self._sign_in.again(subscription, saved))
                except (errors.TokenRefused, errors.TimeZoneRefused):
                    pass  # A handshake may help.
                except errors.PortalError as err:
                    raise self._remember(subscription, err) from err
            return self._signed_in(subscription, saved)

    def forget(self, subscription: Subscription) -> None:
        """Let the next question begin with a handshake (the portal asked for a reload)."""
        self.note(subscription, identity="")

    def stored(self, subscription: Subscription) -> PortalSession | None:
        """The session in Redis, if it still belongs to this identity and address. Asks nobody."""
        session = self._saved(subscription)
        return session if session is not None and self._fits(subscription, session) else None

    def note(self, subscription: Subscription, **values: str) -> None:
        """Write single facts beside the session."""
        self._client.hset(redis_keys.portal_session(subscription.pk), items=_flat(values))

    def noted(self, subscription: Subscription, name: str) -> str:
        """A single fact beside the session, "" without."""
        value: Any = self._client.hget(redis_keys.portal_session(subscription.pk), name)
        return _text(value) if value is not None else ""

    def identity(self, subscription: Subscription) -> Identity:
        """The box this subscription is."""
        return self._sign_in.identity(subscription)

    def _asked(
        self,
        subscription: Subscription,
        session: PortalSession,
        parameters: Mapping[str, str],
        bounds: Bounds,
        patience_s: float,
    ) -> Envelope:
        said = self._sign_in.ask(subscription, session, parameters, bounds=bounds, patience_s=patience_s)
        refusal = envelope.spoken_refusal(said.js)
        if refusal is not None:
            raise refusal
        self.note(subscription, asked_at=str(self._wire.clock()))
        return said

    def _made(self, subscription: Subscription, made_meanwhile: Callable[[], PortalSession | None]) -> PortalSession:
        """A new session, or the one another process made while we waited for the lock."""
        with self._locked(subscription):
            session = made_meanwhile()
            if session is not None:
                return session
            self._recall_failure(subscription)
            return self._signed_in(subscription, self._saved(subscription)).session

    def _signed_in(self, subscription: Subscription, saved: PortalSession | None) -> SignedIn:
        """A handshake. Only under the lock."""
        try:
            return self._kept(subscription, self._sign_in.anew(subscription, saved))
        except errors.PortalError as err:
            raise self._remember(subscription, err) from err

    def _with_first_zone(self, subscription: Subscription, session: PortalSession) -> PortalSession:
        """The portal broke on our zone: from now on the one every server has."""
        if session.zone == FIRST_ZONE:
            raise errors.TimeZoneRefused(Say.TIME_ZONE_REFUSED.of())
        self.note(subscription, zone=FIRST_ZONE)
        return replace(session, zone=FIRST_ZONE)

    @contextlib.contextmanager
    def _locked(self, subscription: Subscription) -> Iterator[None]:
        lock = self._client.lock(
            redis_keys.portal_session_lock(subscription.pk),
            timeout=_LOCK_LIFETIME_S,
            sleep=0.05,
            blocking_timeout=_LOCK_WAIT_S,
        )
        if not lock.acquire():
            raise errors.PortalUnreachable(Say.HANDSHAKE_BUSY.of(), retry_after_s=5)
        try:
            yield
        finally:
            # It may have run out under a portal that needed minutes; then it is somebody else's now.
            with contextlib.suppress(LockError):
                lock.release()

    def _may_search(self) -> bool:
        return bool(self._client.set(redis_keys.portal_moved(self._portal.pk), "1", nx=True, ex=_LOOK_AGAIN_S))

    def _fits(self, subscription: Subscription, session: PortalSession) -> bool:
        if session.identity != self.identity(subscription).fingerprint:
            return False
        if session.endpoint != self._portal.endpoint:
            # Another process may have found it since our row was read; or the owner emptied it meanwhile.
            known = Portal.objects.filter(pk=self._portal.pk).values_list("endpoint", flat=True).first()
            self._portal.endpoint = known or ""
        return session.endpoint == self._portal.endpoint

    def _saved(self, subscription: Subscription) -> PortalSession | None:
        raw: Any = self._client.hgetall(redis_keys.portal_session(subscription.pk))
        values = {_text(name): _text(value) for name, value in raw.items()}
        known = {item.name: values[item.name] for item in fields(PortalSession) if item.name in values}
        return PortalSession(**known) if known.get("token") and known.get("endpoint") else None

    def _kept(self, subscription: Subscription, signed_in: SignedIn) -> SignedIn:
        """Store a sign-in for everybody, and where the portal was found."""
        key = redis_keys.portal_session(subscription.pk)
        now = self._wire.clock()
        told = expiry.account_end(signed_in.profile.row, {}, datetime.fromtimestamp(now, UTC))
        self.note(subscription, **asdict(signed_in.session), asked_at=str(now), profile_tells_end="1" if told else "")
        self._client.expire(key, _SESSION_MEMORY_S)
        self._client.delete(redis_keys.portal_refusal(subscription.pk))
        if self._portal.endpoint != signed_in.session.endpoint:
            self._portal.endpoint = signed_in.session.endpoint
            Portal.objects.filter(pk=self._portal.pk).update(endpoint=self._portal.endpoint)
        return signed_in

    def _remember(self, subscription: Subscription, err: errors.PortalError) -> errors.PortalError:
        """Keep a failure for the crowd behind us, under the name of its nearest class in `portals.errors`."""
        name = next(kind.__name__ for kind in type(err).__mro__ if kind.__module__ == errors.__name__)
        told = json.dumps([name, err.message, err.retry_after_s])
        is_verdict = isinstance(err, errors.SubscriptionRefused | errors.SessionLost)
        memory_s = _REFUSAL_MEMORY_S if is_verdict else _FAILURE_MEMORY_S
        self._client.set(redis_keys.portal_refusal(subscription.pk), told, ex=memory_s)
        return err

    def _recall_failure(self, subscription: Subscription) -> None:
        raw: Any = self._client.get(redis_keys.portal_refusal(subscription.pk))
        if raw is None:
            return
        name, message, retry_after_s = json.loads(raw)
        kind: type[errors.PortalError] = getattr(errors, name)
        raise kind(message, retry_after_s=retry_after_s)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _flat(values: Mapping[str, str]) -> list[str]:
    return [part for pair in values.items() for part in pair]
