"""From a ticket to an upstream that carries television: decide, lease, ask the portal, connect; and back again."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator

from django.conf import settings
from django.db import connections
from redis import Redis

from portals.leases import Ledger
from portals.models import Portal
from portals.providers.base import Provider
from portals.providers.records import PlayUrl
from portals.providers.registry import provider_for
from restreamer.lib.redis_client import RedisUnavailable
from streaming.ahead import make_ready
from streaming.cooling import Cooling
from streaming.dealing import relay_owner
from streaming.relay.seams import FaultHistory, Opened, Ticket
from streaming.room import GiveUp, Room
from streaming.search import Search
from streaming.sessions import Sessions
from streaming.sources.base import Source
from streaming.watchdog import Watchdog

logger = logging.getLogger(__name__)


class PortalOpener:
    """Implements `streaming.relay.seams.Opener` for one relay process. Thread-safe; its methods block."""

    def __init__(
        self,
        client: Redis,
        *,
        source_for: Callable[[PlayUrl], Source],
        owner: str = "",
        providers: Callable[[Portal], Provider] = provider_for,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` is the one the relay writes its fault history by."""
        self.owner = owner or relay_owner()
        self.ledger = Ledger(client, self.owner)
        self.sessions = Sessions(client)
        self.room = Room(self.ledger, self.sessions)
        self.watchdog = Watchdog(providers)
        self.cooling = Cooling(clock)
        self.client = client
        self.providers = providers
        self.source_for = source_for
        self.clock = clock

    def ask_first(self, give_up: GiveUp) -> None:
        """Where to ask the relays of this process for a slot; others are asked through Redis."""
        self.room.give_up = give_up

    def boot(self) -> int:
        """At the start of the relay: give back the slots of its dead predecessor; returns how many those were.

        An installation that never named its machines has one: then an empty ledger is the truth, not a memory lost.
        With several relays on it that is `up`'s to say: a single one that starts again knows nothing of the others.

        Raises RedisUnavailable.
        """
        return self.ledger.sweep(alone=settings.NODE_NAME == settings.UNNAMED_NODE and settings.RELAYS == 1)

    def open(self, ticket: Ticket, history: FaultHistory, cancelled: threading.Event) -> Opened:
        """The next upstream for the ticket's key; see `streaming.search`.

        Raises RestreamerError when nothing is left to try, or soon after `cancelled` is set.
        """
        with own_connections():
            opened = Search(self, ticket, history, cancelled).run()
        self.watchdog.plays(opened.subscription_id)
        return opened

    def close(self, opened: Opened) -> None:
        """Close the source, confirmed, then give the slot back."""
        try:
            opened.source.close()
        finally:
            self.watchdog.ended(opened.subscription_id)
            self.give_back(opened.lease_id)

    def look_ahead(self, ticket: Ticket, history: FaultHistory, playing: str) -> None:
        """Have ready what the next candidate needs; see `streaming.ahead`."""
        with own_connections():
            make_ready(self, ticket, history, playing)

    def over(self, key: str) -> None:
        """Leases are all we hold, and they are back."""

    def renew(self, opened: Collection[Opened]) -> set[str]:
        """Renew the leases; returns those that are lost. Also without Redis: then by our own clock."""
        return self.ledger.renew(one.lease_id for one in opened)

    def give_back(self, lease_id: str, *, used: bool = True) -> None:
        """Give a slot back; without Redis it expires by itself, which is worth a line and nothing more."""
        try:
            self.ledger.release(lease_id, used=used)
        except RedisUnavailable as err:
            logger.warning("A slot is given back by its lifetime: %s", err)


@contextlib.contextmanager
def own_connections() -> Iterator[None]:
    """For threads of the relay: leave no database connection behind when the work is done."""
    try:
        yield
    finally:
        for connection in connections.all(initialized_only=True):
            # Inside a transaction (tests) it is not ours to close.
            if not connection.in_atomic_block:
                connection.close()
