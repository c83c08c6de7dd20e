"""Handshake, profile and login of one MAC, at the known endpoint or wherever one is found."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from portals import errors
from portals.models import Portal, Subscription
from portals.providers.stalker import discovery, envelope, profile, urls
from portals.providers.stalker.envelope import Envelope
from portals.providers.stalker.identity import Identity, identity_of, old_zone
from portals.providers.stalker.profile import LoginWanted, Profile
from portals.providers.stalker.sentences import Say
from portals.providers.stalker.values import flag, ident
from portals.providers.stalker.wire import PATIENCE_ASK_S, SMALL, Wire
from restreamer.lib.http import Bounds

#: The zone every server has; sent until the portal has told its own.
FIRST_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class PortalSession:
    """What the whole installation knows of one signed-in MAC. All strings: it lives in a Redis hash."""

    token: str
    endpoint: str
    family: str = envelope.Family.STOCK.value
    random: str = ""
    #: The one our cookie names; and the portal's own.
    zone: str = FIRST_ZONE
    portal_zone: str = ""
    identity: str = ""
    watchdog_s: str = "120"
    timeslot_s: str = "0"
    force_link_check: str = ""
    play_token: str = ""
    signed_in_at: str = "0"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An accepted sign-in."""

    session: PortalSession
    profile: Profile


class SignIn:
    """Signs the MACs of one portal in. Keeps nothing: the caller holds the MAC's lock and stores what comes back."""

    def __init__(self, portal: Portal, wire: Wire, may_search: Callable[[], bool]) -> None:
        self._portal = portal
        self._wire = wire
        #: Whether a portal that is not where it was may be searched for now.
        self._may_search = may_search

    def anew(self, subscription: Subscription, saved: PortalSession | None) -> SignedIn:
        """Handshake and profile; the saved session's token is offered again.

        Raises PortalError.
        """
        try:
            return self._at_known_or_found(subscription, saved)
        except envelope.EmptyAnswer as err:
            raise errors.AnswerUnreadable(err.message) from err
        except errors.TokenRefused as err:
            raise errors.SessionLost(Say.SESSION_LOST.of()) from err

    def again(self, subscription: Subscription, session: PortalSession, *, not_valid: bool = False) -> SignedIn:
        """The profile in a session there is, with login where the portal wants one.

        Raises PortalError.
        """
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
            portal_zone=accepted.zone,
            watchdog_s=str(accepted.watchdog_s),
            timeslot_s=str(accepted.timeslot_s),
            force_link_check="1" if accepted.force_link_check else "",
            play_token=accepted.play_token,
            signed_in_at=str(self._wire.clock()),
        )
        return SignedIn(session, accepted)

    def ask(
        self,
        subscription: Subscription,
        session: PortalSession,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds = SMALL,
        patience_s: float = PATIENCE_ASK_S,
    ) -> Envelope:
        """One question inside a session, as the box it belongs to asks it.

        Raises PortalError.
        """
        headers = self.identity(subscription).headers(
            referer=urls.referer_of(session.endpoint), zone=session.zone, token=session.token
        )
        return self._wire.ask(session.endpoint, parameters, headers, bounds=bounds, patience_s=patience_s)

    def identity(self, subscription: Subscription) -> Identity:
        """The box this subscription is."""
        return identity_of(self._portal, subscription)

    # --- where ---------------------------------------------------------------------------------------------------

    def _at_known_or_found(self, subscription: Subscription, saved: PortalSession | None) -> SignedIn:
        if not self._portal.endpoint:
            return self._found(subscription, saved)
        try:
            return self._at(self._portal.endpoint, subscription, saved, made_token="")
        except errors.AnswerUnreadable as err:
            # The known endpoint is none any more: the address may tell a new one. Looked for once in a while only.
            if not self._may_search():
                raise
            try:
                return self._found(subscription, saved)
            except errors.NotAPortal:
                raise err from None

    def _found(self, subscription: Subscription, saved: PortalSession | None) -> SignedIn:
        headers = self.identity(subscription).headers(referer="", zone=FIRST_ZONE)
        # An unproven address is told no MAC.
        del headers["Cookie"]
        return discovery.proven(
            self._portal.address,
            self._wire,
            headers,
            lambda endpoint, made_token: self._at(endpoint, subscription, saved, made_token=made_token),
        )

    def _at(
        self, endpoint: str, subscription: Subscription, saved: PortalSession | None, *, made_token: str
    ) -> SignedIn:
        """Handshake and profile at one endpoint, in the first time zone the portal does not break on."""
        wanted = old_zone(self._portal.time_zone) or (saved.zone if saved else "") or FIRST_ZONE
        try:
            return self._at_in_zone(endpoint, subscription, saved, made_token, wanted)
        except errors.TimeZoneRefused:
            if wanted == FIRST_ZONE:
                raise
            return self._at_in_zone(endpoint, subscription, saved, made_token, FIRST_ZONE)

    # --- what ----------------------------------------------------------------------------------------------------

    def _at_in_zone(
        self, endpoint: str, subscription: Subscription, saved: PortalSession | None, made_token: str, zone: str
    ) -> SignedIn:
        """With `made_token` the token is of our making: some 5.6 hosts want that."""
        identity = self.identity(subscription)
        said = self._wire.ask(
            endpoint,
            {
                "type": "stb",
                "action": "handshake",
                "token": made_token or (saved.token if saved else ""),
                "prehash": _sha1(made_token) if made_token else identity.prehash,
            },
            identity.headers(referer=urls.referer_of(endpoint), zone=zone),
            exploring=endpoint != self._portal.endpoint,
        )
        js = said.js
        if not isinstance(js, dict) or "token" not in js:
            raise envelope.spoken_refusal(js) or errors.AnswerNotFound(Say.NO_PORTAL.of(host="this address"))
        token = ident(js["token"])
        if not token:
            raise errors.SubscriptionUnknown(Say.UNKNOWN_OR_BLOCKED.of())
        session = PortalSession(
            token=token,
            # A redirect has moved the API: from now on we go there at once.
            endpoint=urls.endpoint_after(said.url),
            family=said.family.value,
            random=ident(js.get("random")) or secrets.token_hex(20),
            zone=zone,
            identity=identity.fingerprint,
        )
        return self.again(subscription, session, not_valid=flag(js.get("not_valid")))

    def _profile(
        self, subscription: Subscription, session: PortalSession, *, not_valid: bool, second_step: bool
    ) -> Profile:
        identity = self.identity(subscription)
        now = self._wire.clock()
        parameters = identity.profile(
            rand=session.random, not_valid=not_valid, second_step=second_step, timestamp=int(now)
        )
        try:
            said = self.ask(subscription, session, parameters)
        except errors.AnswerNotFound as err:
            # The handshake was answered here: the portal hides from this serial number.
            raise errors.DeviceConflict(Say.SERIAL_REFUSED.of()) from err
        refusal = envelope.spoken_refusal(said.js)
        if refusal is not None:
            raise refusal
        try:
            return profile.judged(said.js, datetime.fromtimestamp(now, UTC), session.zone)
        except LoginWanted as err:
            if second_step:
                raise errors.LoginNeeded(Say.LOGIN_REFUSED.of()) from err
            raise

    def _log_in(self, subscription: Subscription, session: PortalSession, wanted: LoginWanted) -> None:
        identity = self.identity(subscription)
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
        if not flag(self.ask(subscription, session, parameters).js):
            raise errors.LoginNeeded(Say.LOGIN_REFUSED.of()) from wanted


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
