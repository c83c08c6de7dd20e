"""One player's viewing of one file: many requests, one after the other over one upstream at a time.

A player seeks by asking again, and often keeps the old connection open. The newest request has the upstream; older ones
are parked with their place and go on when it is their turn again: when the newer one is done, or left, or takes nothing
while an older one would.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault
from streaming.journal.notes import Kind, Note, Run, clean
from streaming.passthrough import answers
from streaming.passthrough.connecting import CalledAway, Connector
from streaming.passthrough.copying import Copy, Outcome, Patience
from streaming.passthrough.demand import Demand
from streaming.passthrough.ranges import OutOfRange
from streaming.passthrough.seams import Seats
from streaming.relay import endings, heads
from streaming.relay.seams import RelayFacts, SessionFacts, Ticket

logger = logging.getLogger(__name__)

#: Requests of one player that are open at once; the oldest goes when there are more.
MOST_DEMANDS = 8
#: In this time after its last request a player that seeks comes back, and finds its slot and session.
LINGER_S = 1.5
#: Between two tries to go on where a provider broke off; after the last the viewing ends.
_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0)
#: Fewer bytes than this between two breaks are no progress.
_PROGRESS_BYTES = 65_536
_PARKED_LOOK_MS = 1000
_LEAVING_S = 5.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What passages are given."""

    seats: Seats
    #: Told of each viewing that is over; must not block.
    ended: Callable[[SessionFacts, str], None]
    #: Told of a passage that holds nothing any more.
    over: Callable[[Passage], None]
    #: Told of what a journal should know; must not block.
    note: Callable[[Run, Note], None]
    patience: Patience = field(default_factory=Patience)
    linger_s: float = LINGER_S
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


class Passage:
    """Lives in a thread of its own from the first request until a moment after the last."""

    def __init__(self, ticket: Ticket, around: Surroundings, left: Sequence[Passage] = ()) -> None:
        """`left`: what the player leaves for this; it is ended, confirmed, before anything is opened."""
        self._left = left
        self.ticket = ticket
        self.connector = Connector(ticket, around.seats, self._note, around.clock)
        self.began_at = around.clock()
        self._around = around
        self._started_at = around.wall()
        self._journal = Run(secrets.token_hex(8), ticket.key, ticket.title, self._started_at)
        self._demands: list[Demand] = []
        self._serving: Demand | None = None
        self._lock = threading.Lock()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._reason = ""
        self._over = False
        self._bytes_before = 0
        #: Of the request that ended last.
        self._last_reason = endings.LEFT
        self._thread = threading.Thread(target=self._run, name=f"passage {ticket.key}", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    # --- from other threads -----------------------------------------------------------------------------------------

    def attach(self, ticket: Ticket, sock: socket.socket) -> bool:
        """One more request of the player; False when this passage is over already."""
        with self._lock:
            if self._over or self._reason:
                return False
            self._demands.append(Demand(ticket, sock, self._around.clock()))
            serving, source = self._serving, self.connector.source
            os.eventfd_write(self._wake_fd, 1)
        # Its own session is this one: the player counts once.
        if ticket.session_id != self.ticket.session_id:
            self._around.ended(self._facts_of(ticket), endings.JOINED)
        # What is being copied is closed for this request in any case; what is being opened, if nobody waits for it.
        if serving is not None and source is not None and (serving.facts is not None or serving.gone()):
            self.connector.interrupt(source)
        return True

    def stop(self, reason: str) -> None:
        """End it: requests are closed, the upstream first."""
        with self._lock:
            if self._over or self._reason:
                return
            self._reason = reason
            os.eventfd_write(self._wake_fd, 1)
        self.connector.abort()

    def lease_lost(self, lease_ids: set[str]) -> None:
        """If ours is among them, the upstream is ended before this returns."""
        if self.connector.lose(lease_ids):
            with self._lock:
                if not self._over:
                    os.eventfd_write(self._wake_fd, 1)

    def look(self) -> None:
        """Now and then: has everybody left while a source was being opened, or is the viewing's time up?"""
        for_s = self.ticket.for_s
        if for_s and self._around.clock() - self.began_at > for_s:
            self.stop(endings.LONG_ENOUGH)
        with self._lock:
            left = self._demands and all(one.gone() for one in self._demands)
        if left and not self._copies():
            self.connector.abort()

    def _copies(self) -> bool:
        """A copy under way sees by itself that the player left."""
        return self._serving is not None and self._serving.facts is not None

    def _stopping(self) -> bool:
        return bool(self._reason)

    @property
    def viewers(self) -> int:
        """Requests that are open."""
        return len(self._demands)

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; False when it still runs."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def relay_facts(self) -> RelayFacts:
        """As the book of what runs shows it."""
        seat = self.connector.seat
        return RelayFacts(
            key=self.ticket.key,
            title=self.ticket.title,
            state="running" if self._demands else "lingering",
            candidate=seat.candidate if seat else "",
            label=seat.label if seat else "",
            viewers=len(self._demands),
            bytes_in=self._bytes_out(),
            ring_bytes=0,
            started_at=self._started_at,
            subscription_id=seat.subscription_id if seat else 0,
        )

    def session_facts(self) -> SessionFacts:
        """The one viewing all its requests are."""
        return self._facts_of(self.ticket)

    # --- the passage's own thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            for one in self._left:
                one.stop(endings.CHANGED)
            for one in self._left:
                one.join(_LEAVING_S)
            self._left = ()
            while (demand := self._next()) is not None:
                self._serving = demand
                self._serve(demand)
                self._serving = None
        except Exception:
            # The boundary of the thread: a defect ends this viewing with a reason, and gives back what it held.
            logger.exception("%s failed", self.ticket.key)
            self._reason = self._reason or endings.DEFECT + "see the log"
        finally:
            self._end()

    def _next(self) -> Demand | None:
        """Whose turn it is; None when the passage is over."""
        until = self._around.clock() + self._around.linger_s
        while not self._stopping():
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake_fd)
            self._drop_the_gone()
            self.connector.leave_if_lost()
            self.connector.cancelled.clear()
            with self._lock:
                demands = list(reversed(self._demands))
            if self._stopping():
                # Said after the line above: it must not be forgotten.
                break
            turn = next((one for one in demands if not one.begun), None)
            turn = turn or next((one for one in demands if one.writable()), None)
            if turn is not None:
                return turn
            left_s = until - self._around.clock()
            if not demands and left_s <= 0 and self._may_end():
                return None
            self._wait(demands, left_s)
        return None

    def _wait(self, demands: list[Demand], left_s: float) -> None:
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        for one in demands:
            poll.register(one.sock, select.POLLOUT | select.POLLRDHUP)
        poll.poll(_PARKED_LOOK_MS if demands else max(1, int(left_s * 1000)))

    def _may_end(self) -> bool:
        """Nobody came in the last moment: from now on nobody can."""
        with self._lock:
            self._over = not self._demands
            return self._over

    def _drop_the_gone(self) -> None:
        with self._lock:
            gone = [one for one in self._demands if one.gone()]
            gone += [one for one in self._demands if one not in gone][:-MOST_DEMANDS]
        for one in gone:
            self._finish(one, Outcome.LEFT.value)

    def _serve(self, demand: Demand) -> None:
        """One turn of one demand, over as many upstreams as it takes, one after the other."""
        demand.begun = True
        breaks = 0
        while True:
            before = demand.next or 0
            try:
                outcome = self._turn(demand)
            except CalledAway:
                demand.begun = demand.facts is not None
                return
            except OutOfRange as err:
                demand.say(answers.out_of_range(demand.ticket.protocol, err))
                self._finish(demand, endings.REFUSED + err.message)
                return
            except RestreamerError as err:
                outcome = self._failed(demand, err)
            if outcome is not Outcome.BROKEN:
                self._after(demand, outcome)
                return
            breaks = 0 if (demand.next or 0) - before >= _PROGRESS_BYTES else breaks + 1
            if not self._goes_on(demand, breaks):
                self._finish(demand, outcome.value)
                return

    def _turn(self, demand: Demand) -> Outcome:
        """From opening to closing one upstream. Raises RestreamerError."""
        try:
            standing = self.connector.connect(demand)
            if demand.facts is None:
                self._say_head(demand)
            # While its mouth is full nothing new may be put into it; Copy empties it first.
            copy = Copy(
                demand,
                standing.source,
                standing.first,
                standing.left,
                wake_fd=self._wake_fd,
                rivals=lambda: self._rivals(demand),
                patience=self._around.patience,
                clock=self._around.clock,
            )
            return copy.run()
        finally:
            self.connector.close_source()

    def _say_head(self, demand: Demand) -> None:
        facts = demand.facts = self.connector.facts
        assert facts is not None
        assert demand.next is not None
        head = answers.head(demand.ticket.protocol, facts, demand.wanted, demand.next, demand.last)
        demand.pending = memoryview(head)

    def _rivals(self, demand: Demand) -> bool:
        with self._lock:
            others = [one for one in self._demands if one is not demand]
        return any(one.writable() and not one.gone() for one in others)

    def _after(self, demand: Demand, outcome: Outcome) -> None:
        self.connector.trust()
        if outcome in (Outcome.DONE, Outcome.LEFT, Outcome.REFUSED):
            self._finish(demand, outcome.value)
        elif outcome is Outcome.STUCK and not self._rivals(demand):
            self._note(Kind.SLOT, "the player is paused: the slot is given back until it reads on")
            self.connector.leave()

    def _goes_on(self, demand: Demand, breaks: int) -> bool:
        """After a break: is there anything to go on with? Waits a moment first."""
        if demand.facts is None or demand.facts.length is None or breaks >= len(_PAUSES_S):
            return False
        if breaks in (2, 4):
            self.connector.doubt()
        self._note(Kind.FAULT, f"the provider broke off at byte {demand.next}, going on there", Fault.RESET)
        return not self.connector.cancelled.wait(_PAUSES_S[breaks])

    def _failed(self, demand: Demand, err: RestreamerError) -> Outcome:
        """Nothing could be opened: one who has seen something waits for it, one who has not is told why."""
        if demand.facts is not None:
            self.connector.trust()
            return Outcome.BROKEN
        demand.say(heads.refusal(demand.ticket.protocol, err))
        self._finish(demand, endings.REFUSED + err.message)
        return Outcome.REFUSED

    def _finish(self, demand: Demand, reason: str) -> None:
        with self._lock:
            if demand not in self._demands:
                return
            self._demands.remove(demand)
            self._bytes_before += demand.bytes_out
        logger.debug("%s: a request ended: %s", self.ticket.key, reason)
        demand.close()
        self._last_reason = reason

    def _end(self) -> None:
        """Upstream, seat, requests, session: in this order."""
        self.connector.leave()
        with self._lock:
            self._over = True
            demands, self._demands = self._demands, []
            self._bytes_before += sum(one.bytes_out for one in demands)
            os.close(self._wake_fd)
        for one in demands:
            if one.facts is None:
                one.say(heads.refusal(one.ticket.protocol, endings.RelayEnded()))
            one.close()
        self._around.ended(self.session_facts(), self._reason or self._last_reason)
        self._note(Kind.CLOSED, self._reason or self._last_reason)
        self._around.over(self)

    def _note(self, kind: Kind, text: str, fault: str = "") -> None:
        self._around.note(self._journal, Note(self._around.wall(), kind, clean(text), fault))

    def _bytes_out(self) -> int:
        with self._lock:
            return self._bytes_before + sum(one.bytes_out for one in self._demands)

    def _facts_of(self, ticket: Ticket) -> SessionFacts:
        mine = ticket.session_id == self.ticket.session_id
        return SessionFacts.of(ticket, self._started_at, self._bytes_out() if mine else 0, 0.0, self._journal.id)


def holds(passage: Passage, lease_id: str, key: str) -> bool:
    """Is this passage the one with this lease, or the one that is being opened under this key?"""
    seat = passage.connector.seat
    return seat.lease_id == lease_id if seat is not None else passage.ticket.key == key
