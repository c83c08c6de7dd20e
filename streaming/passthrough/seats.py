"""From a viewing to a held slot with an address under it: candidates, leases, room, links."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection

from django.db import DatabaseError

from portals import standing
from portals.errors import ItemBusy, NoFreeSlot, PortalError, SubscriptionBusy
from portals.leases import Lease
from portals.providers.records import PlayUrl
from restreamer.lib.errors import ConfigurationError
from streaming.errors import TitleUnavailable
from streaming.faults import Fault, UpstreamError
from streaming.opening import PortalOpener, own_connections
from streaming.passthrough import memory
from streaming.passthrough.candidates import Candidate, candidates_for
from streaming.passthrough.seams import FileFacts, FileSource, Seat
from streaming.passthrough.upstream import RangedSource, WholeSource, playlist_source
from streaming.relay.seams import Ticket
from streaming.search import SLOT_PATIENCE_S, SLOW_RELEASE_S
from streaming.sources.choose import looks_like_playlist
from streaming.sources.choose import source_for as relayed
from streaming.sources.firstbytes import PlaylistAnswer

logger = logging.getLogger(__name__)

_SLOT_POLL_S = 0.1
#: What a media server says that turns a connection away, or does not yet see the last one's end.
_TURNING_AWAY = frozenset({403, 429, 456, 458, 509})
_BUSY_PAUSES_S = (0.3, 0.7, 1.5, 3.0)
#: A link that has worked is used for seeks within this time; after it a new one is asked for.
LINK_GOOD_S = 60.0


class PortalSeats:
    """Implements `streaming.passthrough.seams.Seats` beside the relay's own opener, in the same process."""

    def __init__(
        self,
        opener: PortalOpener,
        *,
        source_for: Callable[[PlayUrl, str], FileSource] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opener = opener
        self._source_for = source_for or source_of
        self._clock = clock

    def take(self, ticket: Ticket, tried: Collection[str], cancelled: threading.Event) -> Seat:
        """The next candidate with a free slot. Raises RestreamerError."""
        with own_connections():
            try:
                return self._take(ticket, tried, cancelled)
            except DatabaseError as err:
                raise TitleUnavailable(f"The database does not answer: {err}") from err

    def leave(self, seat: Seat, *, used: bool) -> None:
        """Give the slot back."""
        if used:
            self._opener.watchdog.ended(seat.subscription_id)
        self._opener.give_back(seat.lease_id, used=used)

    def renew(self, lease_ids: Collection[str]) -> set[str]:
        """Renew; returns what is lost."""
        return self._opener.ledger.renew(lease_ids)

    def _take(self, ticket: Ticket, tried: Collection[str], cancelled: threading.Event) -> Seat:
        candidates = [one for one in candidates_for(ticket.key) if one.key not in tried]
        if not candidates:
            raise TitleUnavailable(f"{ticket.title}: no usable subscription offers it{' any more' if tried else ''}.")
        until = self._clock() + SLOT_PATIENCE_S
        asked_others = False
        while True:
            full: list[tuple[Candidate, NoFreeSlot]] = []
            for candidate in candidates:
                lease = self._lease(candidate, ticket)
                try:
                    closed_ago_s = self._opener.ledger.take(lease)
                except NoFreeSlot as err:
                    full.append((candidate, err))
                    continue
                return self._seat(ticket, candidate, lease, closed_ago_s)
            if not asked_others:
                asked_others = True
                for candidate, error in full:
                    lease = self._lease(candidate, ticket)
                    if self._made_room(lease, error, ticket, cancelled):
                        return self._seat(ticket, candidate, lease, 0.0)
            if self._clock() >= until or cancelled.wait(_SLOT_POLL_S):
                raise full[0][1]

    def _lease(self, candidate: Candidate, ticket: Ticket) -> Lease:
        return self._opener.ledger.want(candidate.subscription, key=ticket.key, viewer=ticket.viewer_name)

    def _made_room(self, lease: Lease, error: NoFreeSlot, ticket: Ticket, cancelled: threading.Event) -> bool:
        made = False
        try:
            made = self._opener.room.make(lease, error, ticket, cancelled)
        finally:
            if not made:
                self._opener.give_back(lease.id, used=False)
        return made

    def _seat(self, ticket: Ticket, candidate: Candidate, lease: Lease, closed_ago_s: float) -> Seat:
        return PortalSeat(self._opener, self._source_for, ticket, candidate, lease, closed_ago_s, self._clock)


class PortalSeat:
    """Implements `streaming.passthrough.seams.Seat`. One thread's."""

    def __init__(
        self,
        opener: PortalOpener,
        source_for: Callable[[PlayUrl, str], FileSource],
        ticket: Ticket,
        candidate: Candidate,
        lease: Lease,
        closed_ago_s: float,
        clock: Callable[[], float],
    ) -> None:
        self.lease_id = lease.id
        self.candidate = candidate.key
        self.offer = candidate.key.rpartition("/")[0]
        self.subscription_id = candidate.subscription.pk
        self.label = f"{candidate.subscription.portal.name} · {candidate.subscription.shown_name}"
        self.container = candidate.container
        self._opener = opener
        self._source_for = source_for
        self._ticket = ticket
        self._what = candidate
        self._clock = clock
        #: The end of the last connection on this subscription, whoever had it.
        self._closed_at = clock() - closed_ago_s
        #: All addresses the portal gave, and those still to be tried, the one in use first.
        self._all: list[PlayUrl] = []
        self._links: list[PlayUrl] = []
        self._link_at = float("-inf")
        self._proven = False
        self._reuse = True
        self._plays = False
        self._busy = 0

    def source(self, byte_range: str) -> FileSource:
        """Ask the portal unless a proven link is fresh. Raises RestreamerError."""
        stale = self._clock() - self._link_at > LINK_GOOD_S
        if not self._links or (self._proven and (stale or not self._reuse)):
            with own_connections():
                self._ask()
        return self._source_for(self._links[0], byte_range)

    def as_playlist(self, answer: PlaylistAnswer) -> FileSource:
        """The address in use, read as a playlist."""
        return playlist_source(self._links[0], answer.final_url)

    def worked(self, facts: FileFacts) -> None:
        """It plays."""
        self._link_at = self._clock()
        self._busy = 0
        if self._proven:
            return
        self._proven = True
        if not self._plays:
            self._plays = True
            self._opener.watchdog.plays(self.subscription_id)
        memory.remember_size(self._opener.client, self._ticket.key, facts)
        if self._what.is_archive:
            memory.remember_layout(self._opener.client, self._what.subscription.portal_id, self._layout)
        with own_connections():
            standing.played(self._opener.client, self._what.subscription)

    def again_in_s(self, error: Exception, closed_ago_s: float) -> float | None:
        """Another link, another layout, or the same in a moment; None: nothing here."""
        logger.info("%s on %s: %s", self._ticket.title, self.label, getattr(error, "message", error))
        closed_ago_s = min(closed_ago_s, self._clock() - self._closed_at)
        if isinstance(error, UpstreamError) and self._proven:
            # It has served this file before: the link has run out, or was good for one use.
            self._reuse = self._reuse and error.status_code is None
            self._renew()
            return 0.0
        # Panels answer 403 for a layout they do not have: the others come first.
        others = self._what.is_archive and len(self._links) > 1
        if not others and self._still_counted(error, closed_ago_s) and self._busy < len(_BUSY_PAUSES_S):
            self._busy += 1
            self._renew()
            return _BUSY_PAUSES_S[self._busy - 1]
        if isinstance(error, UpstreamError):
            del self._links[:1]
            if self._links:
                return 0.0
        with own_connections():
            self._note(error)
        return None

    def _ask(self) -> None:
        """New addresses. Raises RestreamerError."""
        provider = self._opener.providers(self._what.subscription.portal)
        try:
            found = self._what.addresses(provider)
        except ConfigurationError as err:
            raise PortalError(err.message) from err
        if not found:
            raise PortalError("The portal gave no address.")
        self._all = found
        if self._what.is_archive and len(found) > 1:
            known = memory.layout(self._opener.client, self._what.subscription.portal_id)
            if known < len(found):
                found = [found[known], *found[:known], *found[known + 1 :]]
        self._links = list(found)
        self._link_at = self._clock()

    @property
    def _layout(self) -> int:
        """Which of the portal's layouts is in use."""
        return self._all.index(self._links[0])

    def _renew(self) -> None:
        """The next source asks for a new link."""
        self._links = []
        self._proven = False

    def _still_counted(self, error: Exception, closed_ago_s: float) -> bool:
        """Is this what a provider says that has not yet noticed the end of the connection before?"""
        if closed_ago_s > SLOW_RELEASE_S:
            return False
        if isinstance(error, UpstreamError):
            return error.status_code in _TURNING_AWAY or error.fault is Fault.SLOT_BUSY
        return isinstance(error, SubscriptionBusy | ItemBusy)

    def _note(self, error: Exception) -> None:
        """What it says of the subscription."""
        subscription = self._what.subscription
        if isinstance(error, PortalError):
            standing.failed(subscription, error)
        elif isinstance(error, UpstreamError) and error.status_code in _TURNING_AWAY:
            standing.turned_away(self._opener.client, subscription, self._what.refused_id, error.message)


def source_of(play: PlayUrl, byte_range: str) -> FileSource:
    """The source for an address of a file."""
    if not play.url[:8].lower().startswith(("http://", "https://")):
        return WholeSource(relayed(play))
    if looks_like_playlist(play):
        return playlist_source(play)
    return RangedSource(play, byte_range)
