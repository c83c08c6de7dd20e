"""Sends a player to the provider itself: an address made for this request, under a slot of bounded life."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from redis import Redis

from portals import standing
from portals.errors import NoFreeSlot, PortalError
from portals.leases import Lease
from portals.models import Portal, Subscription
from portals.providers.base import Provider
from portals.providers.records import PlayUrl
from portals.providers.registry import provider_for
from restreamer.lib import redact
from restreamer.lib.errors import ConfigurationError
from streaming import redirects
from streaming.candidates import Playable, candidates_for
from streaming.deliveries import Deliveries
from streaming.delivery import Mode
from streaming.errors import NothingToPlay
from streaming.journal.live import told_of_redirect
from streaming.passthrough.candidates import Candidate
from streaming.passthrough.candidates import candidates_for as title_candidates
from streaming.relay.seams import Ticket
from streaming.room import Room
from streaming.sessions import Sessions

logger = logging.getLogger(__name__)

_LONGEST_ADDRESS = 8000


@dataclass(frozen=True, slots=True)
class Way:
    """One subscription with what to ask its portal for: a stream, a movie or an episode."""

    subscription: Subscription
    address: Callable[[Provider], PlayUrl]


def ways_of_channel(key: str, *, asked: bool = False) -> list[Way]:
    """Where a viewer who may be redirected is sent to, in order; empty when the channel is relayed to them too.

    The first candidate decides, as it would be the first to be relayed. `asked`: the address says `direct=1`, which
    counts where nobody chose how the channel is delivered.
    """
    return _redirected(key, [_to_stream(one) for one in candidates_for(key)], asked)


def ways_of_title(key: str, *, asked: bool = False) -> list[Way]:
    """The same for a movie or an episode, for which only portals and the settings say how they are delivered."""
    found = title_candidates(key)
    return _redirected(key, [Way(one.subscription, _first_of(one)) for one in found], asked)


def _to_stream(playable: Playable) -> Way:
    stream, subscription = playable.stream, playable.subscription
    return Way(
        subscription,
        lambda provider: provider.play_url(subscription, stream.provider_id, stream.cmd, stream.provider_data),
    )


def _first_of(candidate: Candidate) -> Callable[[Provider], PlayUrl]:
    return lambda provider: candidate.addresses(provider)[0]


def _redirected(key: str, ways: list[Way], asked: bool) -> list[Way]:
    deliveries = Deliveries(key, [one.subscription.portal for one in ways], asked_redirect=asked)
    away = [deliveries.of(one.subscription.portal, may_redirect=True).mode is Mode.REDIRECT for one in ways]
    return [one for one, redirected in zip(ways, away, strict=True) if redirected] if any(away[:1]) else []


class Redirector:
    """Finds the address for one viewing."""

    def __init__(self, client: Redis, providers: Callable[[Portal], Provider] = provider_for) -> None:
        self._client = client
        self._providers = providers
        self._ledger = redirects.redirect_ledger(client)
        self._sessions = Sessions(client)
        self._room = Room(self._ledger, self._sessions)

    def address(self, ticket: Ticket, ways: list[Way]) -> str:
        """An address for the player, whose slot counts as taken from now on.

        Raises NoFreeSlot, NothingToPlay, RedisUnavailable.
        """
        self._end_earlier(ticket)
        full: NoFreeSlot | None = None
        failed: PortalError | None = None
        attempt = 0
        for make_room in (False, True):
            for way in list(ways):
                attempt += 1
                lease = self._wanted(way, ticket, attempt)
                try:
                    self._hold(lease, ticket, make_room=make_room)
                except NoFreeSlot as err:
                    full = full or err
                    continue
                # Whether it works or not: it is not asked a second time.
                ways.remove(way)
                try:
                    return self._ask(way, lease, ticket)
                except PortalError as err:
                    failed = err
        if full is not None:
            raise full
        raise NothingToPlay(f"{ticket.title}: {failed.message if failed else 'nothing is left to try'}")

    def _end_earlier(self, ticket: Ticket) -> None:
        """The same player asks for the same channel again: it has left what it was sent to before."""
        for row in self._sessions.watching(ticket.key):
            mine = row.facts
            same = (mine.viewer_id, mine.peer, mine.agent) == (ticket.viewer_id, ticket.peer, ticket.agent)
            if same and redirects.is_redirect(row.owner) and mine.session_id != ticket.session_id:
                self._sessions.stop(mine.session_id)

    def _wanted(self, way: Way, ticket: Ticket, attempt: int) -> Lease:
        lease = self._ledger.want(way.subscription, key=ticket.key, viewer=ticket.viewer_name)
        return replace(lease, id=redirects.lease_id(ticket.session_id, attempt))

    def _hold(self, lease: Lease, ticket: Ticket, *, make_room: bool) -> None:
        """Take the slot. Raises NoFreeSlot; then nothing is held nor wished for."""
        try:
            self._ledger.take(lease)
        except NoFreeSlot as err:
            if make_room and self._room.make(lease, err, ticket, threading.Event()):
                return
            self._ledger.release(lease.id, used=False)
            raise

    def _ask(self, way: Way, lease: Lease, ticket: Ticket) -> str:
        subscription = way.subscription
        try:
            address = _usable(way.address(self._providers(subscription.portal)).url)
        except (PortalError, ConfigurationError) as err:
            self._ledger.release(lease.id, used=False)
            if isinstance(err, PortalError):
                standing.failed(subscription, err)
                raise
            raise PortalError(err.message) from err
        redirects.keep(self._client, ticket.session_id, ticket.viewer_id, lease)
        told_of_redirect(self._client, ticket, f"{subscription.portal.name} · {subscription.shown_name}")
        logger.info("%s is sent to %s for %s", ticket.viewer_name, redact.url(address), ticket.title)
        return address


def _usable(address: str) -> str:
    """The address, when a player can be sent there. Raises PortalError."""
    try:
        parts = urlsplit(address)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or len(address) > _LONGEST_ADDRESS or not address.isprintable():
        raise PortalError("The portal gave an address no player can be sent to.")
    return address
