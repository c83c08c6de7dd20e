"""Players who come by instead of staying: who asks for a channel's list now, and whose viewing was ended.

Asked by the front door's thread, kept by the loop's: thread-safe.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from streaming.hls.cutter import TARGET_DURATION
from streaming.relay.seams import Ticket

#: Who has asked for nothing for so long has left.
IDLE_S = 3.0 * TARGET_DURATION
#: Who asked once and never came for the list.
FIRST_S = 1.0 * TARGET_DURATION
#: Whose viewing was ended is told so for as long as he keeps asking, and so much longer.
_REMEMBER_S = 120.0
_MOST_REMEMBERED = 10_000


class Presence(StrEnum):
    """What a player is to us."""

    KNOWN = "known"
    #: The same, and the list has nothing new for it.
    EARLY = "early"
    #: Its viewing was ended, and is not to go on by itself.
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a player is to us, and the session its viewing goes on under, "" = it has none."""

    presence: Presence
    session_id: str = ""


class Poller:
    """One player and what it has been given so far."""

    __slots__ = ("attached_at", "heard_at", "known", "polled", "position", "reason", "sent", "since", "ticket")

    def __init__(self, ticket: Ticket, attached_at: float, since: float) -> None:
        self.ticket = ticket
        #: On the loop's clock, and in unix seconds.
        self.attached_at = attached_at
        self.since = since
        self.heard_at = attached_at
        #: It has asked for the list.
        self.polled = False
        #: The last segment of the list it was given last.
        self.known = 0
        self.sent = 0
        self.reason = ""
        #: It reads files, not the ring.
        self.position = -1

    def idle(self, now: float) -> bool:
        """It has not been heard of for too long."""
        return now - self.heard_at >= (IDLE_S if self.polled else FIRST_S)


class Polls:
    """All such players of a relay process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pollers: dict[str, Poller] = {}
        self._ended: OrderedDict[str, float] = OrderedDict()

    def enter(self, ticket: Ticket, since: float) -> Poller:
        """The player a ticket is for, a new one if need be."""
        poll = poll_of(ticket.session_id)
        with self._lock:
            known = self._pollers.get(poll)
            if known is None or known.ticket.key != ticket.key:
                known = self._pollers[poll] = Poller(ticket, self._clock(), since)
            known.heard_at = self._clock()
            known.polled = known.polled or ticket.hls == "list"
            return known

    def hear(self, poll: str, sent_bytes: int, newest: int = 0) -> Heard:
        """A player asked for something, and gets so many bytes; or for the list, whose last segment is `newest`."""
        now = self._clock()
        with self._lock:
            known = self._pollers.get(poll)
            if known is not None:
                known.heard_at, known.polled = now, True
                known.sent += sent_bytes
                early = 0 < newest == known.known
                known.known = newest or known.known
                return Heard(Presence.EARLY if early else Presence.KNOWN, known.ticket.session_id)
            if self._ended.get(poll, now) <= now:
                return Heard(Presence.UNKNOWN)
            self._remember(poll, now)
            return Heard(Presence.ENDED)

    def leave(self, poller: Poller, *, for_good: bool) -> None:
        """Its viewing is over; `for_good`: it may not go on by asking again."""
        poll = poll_of(poller.ticket.session_id)
        with self._lock:
            if self._pollers.get(poll) is poller:
                del self._pollers[poll]
            if for_good:
                self._remember(poll, self._clock())

    def _remember(self, poll: str, now: float) -> None:
        self._ended[poll] = now + _REMEMBER_S
        self._ended.move_to_end(poll)
        if len(self._ended) > _MOST_REMEMBERED:
            self._ended.popitem(last=False)


def poll_of(session_id: str) -> str:
    """What is the same in all requests of one player; behind it stands what the viewing counts as."""
    return session_id.partition("-")[0]
