"""One portal session per MAC for the whole installation: kept in Redis, handshakes serialised by a lock."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.exceptions import LockError

from portals import errors
from portals.models import Portal, Subscription
from portals.providers.stalker import discovery, envelope, profile, urls
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.identity import Identity, identity_of, old_zone
from portals.providers.stalker.profile import LoginWanted, Profile
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.values import flag, ident
from portals.providers.stalker.wire import PATIENCE_ASK_S, SMALL, Wire
from restreamer.lib import redis_keys
from restreamer.lib.http import Bounds

#: A handshake with login is four questions; whoever dies inside blocks the MAC no longer than this.
_LOCK_LIFETIME_S = 120.0
_LOCK_WAIT_S = 45.0
#: A crowd that waited for a refused handshake gets the same refusal instead of a handshake each.
_REFUSAL_MEMORY_S = 30
#: The same for a portal that did not answer at all.
_FAILURE_MEMORY_S = 3
_SESSION_MEMORY_S = 30 * 24 * 3600
_LOOK_AGAIN_S = 600
_FIRST_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class PortalSession:
    """What the whole installation knows of one signed-in MAC. All strings: it lives in a Redis hash."""

    token: str
    endpoint: str
    family: str = envelope.Family.STOCK.value
    random: str = ""
    zone: str = _FIRST_ZONE
    identity: str = ""
    watchdog_s: str = "120"
    timeslot_s: str = "0"
    force_link_check: str = ""
    play_token: str = ""
    signed_in_at: str = "0"


class Sessions:
    """The sessions of one portal's subscriptions."""

    def __init__(self, portal: Portal, client: Redis, wire: Wire) -> None:
        self._portal = portal
        self._client = client
        self._wire = wire

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

        def question(with_session: PortalSession) -> Envelope:
            return self._in_session(subscription, with_session, parameters, bounds, patience_s)

        try:
            return question(session)
        except envelope.EmptyAnswer:
            if empty_is_answer:
                raise
            session = self.renewed(subscription, session.token)
        except errors.TokenRefused:
            session = self.renewed(subscription, session.token)
        except errors.TimeZoneRefused:
            session = self._with_other_zone(subscription, session)
        except errors.AccessDenied:
            # The profile knows why: it raises the true refusal, or accepts us and the question is worth repeating.
            self.signed_in_again(subscription)
            session = self.current(subscription)
        try:
            return question(session)
        except errors.TokenRefused as err:
            raise self._remember(subscription, errors.SessionLost(Say.SESSION_LOST.of())) from err

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

    def signed_in_again(self, subscription: Subscription) -> tuple[PortalSession, Profile]:
        """The profile asked afresh, in the session there is; a handshake only where none is or its token is dead.

        Raises PortalError.
        """
        self._client.delete(redis_keys.portal_refusal(subscription.pk))
        with self._locked(subscription):
            saved = self._saved(subscription)
            if saved is not None and saved.identity == self._identity(subscription).fingerprint:
                with contextlib.suppress(errors.TokenRefused, errors.TimeZoneRefused):
                    return self._profiled(subscription, saved, not_valid=False)
            return self._sign_in(subscription, saved)

    def forget(self, subscription: Subscription) -> None:
        """Let the next question begin with a handshake (the portal asked for a reload)."""
        self._client.hset(redis_keys.portal_session(subscription.pk), "identity", "")

    def stored(self, subscription: Subscription) -> PortalSession | None:
        """The session in Redis, if it still belongs to this identity and address. Asks nobody."""
        session = self._saved(subscription)
        if session is None or session.identity != self._identity(subscription).fingerprint:
            return None
        if session.endpoint != self._portal.endpoint:
            # Another process may have found it since our row was read; or the owner emptied it meanwhile.
            self._portal.refresh_from_db(fields=["endpoint"])
        return session if session.endpoint == self._portal.endpoint else None

    def note(self, subscription: Subscription, **values: str) -> None:
        """Write single facts beside the session."""
        self._client.hset(redis_keys.portal_session(subscription.pk), items=_flat(values))

    def noted(self, subscription: Subscription, name: str) -> str:
        """A single fact beside the session, "" without."""
        value: Any = self._client.hget(redis_keys.portal_session(subscription.pk), name)
        return _text(value) if value is not None else ""

    def identity(self, subscription: Subscription) -> Identity:
        """The box this subscription is."""
        return self._identity(subscription)

    def _in_session(
        self,
        subscription: Subscription,
        session: PortalSession,
        parameters: Mapping[str, str],
        bounds: Bounds,
        patience_s: float,
    ) -> Envelope:
        identity = self._identity(subscription)
        headers = identity.headers(referer=urls.referer_of(session.endpoint), zone=session.zone, token=session.token)
        said = self._wire.ask(session.endpoint, parameters, headers, bounds=bounds, patience_s=patience_s)
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
            self._recall_refusal(subscription)
            return self._sign_in(subscription, self._saved(subscription))[0]

    def _sign_in(self, subscription: Subscription, saved: PortalSession | None) -> tuple[PortalSession, Profile]:
        """Handshake and profile at the known endpoint, or wherever one is found. Only under the lock."""
        try:
            if not self._portal.endpoint:
                return self._discovered(subscription, saved)
            try:
                return self._at(self._portal.endpoint, subscription, saved, made_token="")
            except errors.AnswerUnreadable as err:
                return self._moved(subscription, saved, err)
        except envelope.EmptyAnswer as err:
            raise self._remember(subscription, errors.AnswerUnreadable(err.message)) from err
        except errors.TokenRefused as err:
            raise self._remember(subscription, errors.SessionLost(Say.SESSION_LOST.of())) from err
        except errors.PortalError as err:
            raise self._remember(subscription, err) from err

    def _moved(
        self, subscription: Subscription, saved: PortalSession | None, err: errors.AnswerUnreadable
    ) -> tuple[PortalSession, Profile]:
        """The known endpoint is none any more: the address may tell a new one. Looked for once in a while only."""
        key = redis_keys.portal_moved(self._portal.pk)
        if not self._client.set(key, "1", nx=True, ex=_LOOK_AGAIN_S):
            raise err
        try:
            return self._discovered(subscription, saved)
        except errors.NotAPortal:
            raise err from None

    def _discovered(self, subscription: Subscription, saved: PortalSession | None) -> tuple[PortalSession, Profile]:
        def attempt(endpoint: str, made_token: str) -> tuple[PortalSession, Profile]:
            return self._at(endpoint, subscription, saved, made_token=made_token)

        headers = self._identity(subscription).headers(referer="", zone=_FIRST_ZONE)
        headers.pop("Cookie")
        return discovery.proven(self._portal.address, self._wire, headers, attempt)

    def _at(
        self, endpoint: str, subscription: Subscription, saved: PortalSession | None, *, made_token: str
    ) -> tuple[PortalSession, Profile]:
        """Handshake and profile at one endpoint, in the first time zone the portal does not break on."""
        wanted = old_zone(self._portal.time_zone) or (saved.zone if saved else "") or _FIRST_ZONE
        try:
            return self._at_in_zone(endpoint, subscription, saved, made_token, wanted)
        except errors.TimeZoneRefused:
            if wanted == _FIRST_ZONE:
                raise
            return self._at_in_zone(endpoint, subscription, saved, made_token, _FIRST_ZONE)

    def _at_in_zone(
        self, endpoint: str, subscription: Subscription, saved: PortalSession | None, made_token: str, zone: str
    ) -> tuple[PortalSession, Profile]:
        """Handshake and profile. With `made_token` the token is ours (some 5.6 hosts want that)."""
        identity = self._identity(subscription)
        offered = made_token or (saved.token if saved else "")
        prehash = _sha1(made_token) if made_token else identity.prehash
        said = self._wire.ask(
            endpoint,
            {"type": "stb", "action": "handshake", "token": offered, "prehash": prehash},
            identity.headers(referer=urls.referer_of(endpoint), zone=zone),
            exploring=True,
        )
        js = said.js
        if not isinstance(js, dict) or "token" not in js:
            raise envelope.spoken_refusal(js) or errors.AnswerNotFound(Say.NO_PORTAL.of(host="this address"))
        token = ident(js.get("token"))
        if not token:
            raise errors.SubscriptionUnknown(Say.UNKNOWN_OR_BLOCKED.of())
        session = PortalSession(
            token=token,
            # A redirect has moved the API: from now on we go there at once.
            endpoint=urls.endpoint_after(said.url) if said.url else endpoint,
            family=said.family.value,
            random=ident(js.get("random")) or secrets.token_hex(20),
            zone=zone,
            identity=identity.fingerprint,
        )
        return self._profiled(subscription, session, not_valid=flag(js.get("not_valid")))

    def _profiled(
        self, subscription: Subscription, session: PortalSession, *, not_valid: bool
    ) -> tuple[PortalSession, Profile]:
        """The profile, with login where the portal wants one; the session is stored when it is accepted."""
        try:
            accepted = self._profile(subscription, session, not_valid=not_valid, second_step=False)
        except LoginWanted as wanted:
            self._log_in(subscription, session, wanted)
            accepted = self._profile(subscription, session, not_valid=not_valid, second_step=True)
        is_owners_zone = session.zone == old_zone(self._portal.time_zone)
        session = replace(
            session,
            # Panels shift even their timestamps by the difference between the cookie's zone and their own.
            zone=session.zone if is_owners_zone else accepted.zone or session.zone,
            watchdog_s=str(accepted.watchdog_s),
            timeslot_s=str(accepted.timeslot_s),
            force_link_check="1" if accepted.force_link_check else "",
            play_token=accepted.play_token,
            signed_in_at=str(self._wire.clock()),
        )
        self._store(subscription, session)
        return session, accepted

    def _profile(
        self, subscription: Subscription, session: PortalSession, *, not_valid: bool, second_step: bool
    ) -> Profile:
        identity = self._identity(subscription)
        now = self._wire.clock()
        parameters = identity.profile(
            rand=session.random,
            not_valid=not_valid,
            second_step=second_step,
            timestamp=int(now),
            prehash=identity.prehash,
        )
        try:
            said = self._in_session(subscription, session, parameters, SMALL, PATIENCE_ASK_S)
        except errors.AnswerNotFound as err:
            # The handshake was answered here a moment ago: the portal hides from this serial number.
            raise errors.DeviceConflict(Say.SERIAL_REFUSED.of()) from err
        try:
            return profile.judged(said.js, datetime.fromtimestamp(now, UTC), session.zone)
        except LoginWanted as err:
            if second_step:
                raise errors.LoginNeeded(Say.LOGIN_REFUSED.of()) from err
            raise

    def _log_in(self, subscription: Subscription, session: PortalSession, wanted: LoginWanted) -> None:
        identity = self._identity(subscription)
        if not identity.login:
            raise errors.LoginNeeded(wanted.message) from wanted
        parameters = {
            "type": "stb",
            "action": "do_auth",
            "login": identity.login,
            "password": identity.password,
            "device_id": identity.device_id,
            "device_id2": identity.device_id2,
        }
        said = self._in_session(subscription, session, parameters, SMALL, PATIENCE_ASK_S)
        if not flag(said.js):
            raise errors.LoginNeeded(Say.LOGIN_REFUSED.of()) from wanted

    def _with_other_zone(self, subscription: Subscription, session: PortalSession) -> PortalSession:
        """The portal broke on our zone: from now on UTC, which every server has."""
        if session.zone == _FIRST_ZONE:
            raise errors.TimeZoneRefused(Say.TIME_ZONE_REFUSED.of())
        session = replace(session, zone=_FIRST_ZONE)
        self._store(subscription, session)
        return session

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

    def _identity(self, subscription: Subscription) -> Identity:
        return identity_of(self._portal, subscription)

    def _saved(self, subscription: Subscription) -> PortalSession | None:
        raw: Any = self._client.hgetall(redis_keys.portal_session(subscription.pk))
        values = {_text(name): _text(value) for name, value in raw.items()}
        known = {item.name: values[item.name] for item in fields(PortalSession) if item.name in values}
        return PortalSession(**known) if known.get("token") and known.get("endpoint") else None

    def _store(self, subscription: Subscription, session: PortalSession) -> None:
        key = redis_keys.portal_session(subscription.pk)
        self._client.hset(key, items=_flat(asdict(session)))
        self._client.expire(key, _SESSION_MEMORY_S)
        self._client.delete(redis_keys.portal_refusal(subscription.pk))
        if self._portal.endpoint != session.endpoint:
            self._portal.endpoint = session.endpoint
            Portal.objects.filter(pk=self._portal.pk).update(endpoint=session.endpoint)

    def _remember(self, subscription: Subscription, err: errors.PortalError) -> errors.PortalError:
        """Keep a failure for the crowd behind us, under the name of its nearest class in `portals.errors`."""
        name = next(kind.__name__ for kind in type(err).__mro__ if kind.__module__ == errors.__name__)
        told = json.dumps([name, err.message, err.retry_after_s])
        is_verdict = isinstance(err, errors.SubscriptionRefused | errors.SessionLost)
        memory_s = _REFUSAL_MEMORY_S if is_verdict else _FAILURE_MEMORY_S
        self._client.set(redis_keys.portal_refusal(subscription.pk), told, ex=memory_s)
        return err

    def _recall_refusal(self, subscription: Subscription) -> None:
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


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
