"""Makes room for a wanted lease: asks who may go, waits until they have closed, and takes the slot they leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from portals.errors import NoFreeSlot
from portals.leases import Lease, LeaseFacts, Ledger
from streaming import redirects
from streaming.relay.seams import Command, Ticket
from streaming.sessions import Sessions, WatchFacts

#: From the wish to the confirmed close of somebody else's socket.
PATIENCE_S = 4.0
_POLL_S = 0.02
_MOST_VICTIMS = 4

#: Asks a relay of this process to go: the one with this lease or, while it is being opened, this key, if nobody watches
#: it, or nobody but this viewer (0 = nobody at all). Blocks until its slot is free; False when it will not go.
GiveUp = Callable[[str, str, int], bool]


class Room:
    """Order of going: expired leases (the ledger drops them), lingering ones, the same viewer's own other viewing."""

    def __init__(self, ledger: Ledger, sessions: Sessions, give_up: GiveUp | None = None) -> None:
        self._ledger = ledger
        self._sessions = sessions
        #: How to reach the relays of this very process without the way over Redis.
        self.give_up = give_up

    def make(self, lease: Lease, full: NoFreeSlot, ticket: Ticket, cancelled: threading.Event) -> bool:
        """True when somebody left and the lease is held now. Raises RedisUnavailable."""
        asked: set[str] = set()
        level = full.level
        while len(asked) < _MOST_VICTIMS and not cancelled.is_set():
            victim = next((one for one in self._victims(lease, level, ticket) if one[0].id not in asked), None)
            if victim is None:
                return False
            asked.add(victim[0].id)
            if not self._ledger.promise(victim[0].id, lease, patience_s=PATIENCE_S):
                continue
            level = self._taken(lease, level, cancelled, patience_s=PATIENCE_S if self._ask(*victim) else 0.0)
            if not level:
                return True
        return False

    def _victims(self, lease: Lease, level: str, ticket: Ticket) -> Iterator[tuple[LeaseFacts, int]]:
        """Who may go, in order, with the viewer the relay may leave alone (0 = only if nobody watches)."""
        rows = [row for row in self._ledger.usage() if _counts(row, lease, level) and row.key != ticket.key]
        watching = {row.key: self._sessions.watching(row.key) for row in rows}
        idle = [row for row in rows if not watching[row.key]]
        yield from ((row, 0) for row in sorted(idle, key=lambda row: row.lingering_since or time.time()))
        me = next(iter(self._sessions.facts_of([ticket.session_id])), None)
        if me is None:
            return
        for row in rows:
            if watching[row.key] and all(_leaves(one, me) for one in watching[row.key]):
                yield row, ticket.viewer_id

    def _taken(self, lease: Lease, level: str, cancelled: threading.Event, *, patience_s: float) -> str:
        """Wait until the slot is ours. Returns "" when it is, else the level that is full."""
        deadline = time.monotonic() + patience_s
        while True:
            try:
                self._ledger.take(lease)
            except NoFreeSlot as err:
                # Another level than the one we waited for: this one has room now.
                if err.level != level or time.monotonic() >= deadline or cancelled.wait(_POLL_S):
                    return err.level
            else:
                return ""

    def _ask(self, victim: LeaseFacts, viewer_id: int) -> bool:
        """Ask whoever holds it. Another process hears it through Redis, on this machine or another."""
        self._ask_other_nodes(victim, viewer_id)
        if self.give_up is not None and victim.owner == self._ledger.owner:
            return self.give_up(victim.id, victim.key, viewer_id)
        if redirects.is_redirect(victim.owner):
            return self._sessions.stop(redirects.session_of(victim.id))
        arguments = {
            "subscription_id": victim.subscription_id,
            "viewer_id": viewer_id,
            "lease_id": victim.id,
            "key": victim.key,
        }
        self._sessions.send(victim.owner, Command("stop_lingering", arguments))
        return True

    def _ask_other_nodes(self, victim: LeaseFacts, viewer_id: int) -> None:
        """Relays that are fed with the victim's channel end as well, or they would open its source themselves."""
        for facts, owner in self._sessions.relays():
            if facts.key == victim.key and facts.fed_by == victim.owner:
                self._sessions.send(owner, Command("leave", {"key": victim.key, "viewer_id": viewer_id}))


def _counts(row: LeaseFacts, lease: Lease, level: str) -> bool:
    """Does this lease take one of the slots that are full?"""
    if row.state != "held":
        return False
    if level == "subscription":
        return row.counter == lease.counter
    if level == "portal":
        return row.portal_id == int(lease.portal)
    return level == "installation"


def _leaves(other: WatchFacts, me: WatchFacts) -> bool:
    """Does this player leave the other session by asking for something else?"""
    mine = me.facts
    return other.left_for(mine.viewer_id, mine.peer, mine.agent, me.asked_at, me.connections)
