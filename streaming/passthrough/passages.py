"""Which passages run in this process: one per player and file."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from streaming.journal.notes import Note, Run
from streaming.passthrough.copying import Patience
from streaming.passthrough.passage import LINGER_S, Passage, Surroundings, holds
from streaming.passthrough.seams import Seats
from streaming.relay import endings, heads
from streaming.relay.registry import ShuttingDown
from streaming.relay.seams import Command, RelayFacts, SessionFacts, Ticket


class Passages:
    """Thread-safe. `ended` hears of each viewing that is over, `note` what journals should know; neither may block."""

    def __init__(
        self,
        seats: Seats,
        ended: Callable[[SessionFacts, str], None],
        note: Callable[[Run, Note], None],
        *,
        patience: Patience | None = None,
        linger_s: float = LINGER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seats = seats
        self._around = Surroundings(seats, ended, self._ended, note, patience or Patience(), linger_s, clock)
        self._lock = threading.Lock()
        self._current: dict[str, Passage] = {}
        self._all: set[Passage] = set()
        self._closed = False

    def attach(self, ticket: Ticket, sock: socket.socket) -> None:
        """Give a request to the passage of its key, starting it if need be. Owns the socket from then on."""
        with self._lock:
            if self._closed:
                with sock, contextlib.suppress(OSError):
                    sock.setblocking(False)
                    sock.send(heads.refusal(ticket.protocol, ShuttingDown()))
                return
            current = self._current.get(ticket.key)
            if current is not None and current.attach(ticket, sock):
                return
            # A seek in an archive is another piece of it: the connection of the one before is closed first.
            left = [one for one in self._all if _seeks_away(one.ticket.key, ticket.key)]
            passage = self._current[ticket.key] = Passage(ticket, self._around, left)
            self._all.add(passage)
            passage.attach(ticket, sock)
            passage.start()

    def renew(self) -> None:
        """Renew the leases; the upstreams of lost ones are ended when this returns."""
        held = {seat.lease_id for one in self._running() if (seat := one.connector.seat) is not None}
        lost = self._seats.renew(held) if held else set()
        if lost:
            for one in self._running():
                one.lease_lost(lost)

    def facts(self) -> tuple[list[RelayFacts], list[SessionFacts]]:
        """All passages and their viewings; on the occasion each is looked at."""
        running = self._running()
        for one in running:
            one.look()
        return [one.relay_facts() for one in running], [one.session_facts() for one in running]

    def command(self, command: Command) -> bool:
        """Do what a person or another process asked; False when it makes no sense here."""
        what = command.arguments
        chosen: Passage | None = None
        reason = str(what.get("reason") or endings.BY_HAND)
        if command.name == "stop":
            sessions = ((one, one.ticket.session_id) for one in self._running())
            chosen = next((one for one, session_id in sessions if session_id == what.get("session_id")), None)
        elif command.name == "stop_lingering":
            reason = endings.SLOT_WANTED
            willing = [one for one in self._running() if _may_go(one, what.get("viewer_id"))]
            wanted = what.get("subscription_id")
            chosen = next(
                (one for one in willing if (seat := one.connector.seat) and seat.subscription_id == wanted), None
            )
        if chosen is not None:
            chosen.stop(reason)
        return chosen is not None

    def give_up(self, lease_id: str, key: str, viewer_id: int = 0, *, timeout_s: float = 4.0) -> bool | None:
        """End the passage with this lease if nobody but `viewer_id` watches it. Blocks until its slot is free.

        None: no passage here has it.
        """
        passage = next((one for one in self._running() if holds(one, lease_id, key)), None)
        if passage is None:
            return None
        if not _may_go(passage, viewer_id):
            return False
        passage.stop(endings.SLOT_WANTED)
        return passage.join(timeout_s)

    def stop_all(self, reason: str) -> None:
        """End everything, and begin nothing more."""
        with self._lock:
            self._closed = True
        for one in self._running():
            one.stop(reason)

    def join(self, timeout_s: float) -> bool:
        """Wait until nothing runs; False when something still does."""
        until = time.monotonic() + timeout_s
        return all(one.join(max(0.0, until - time.monotonic())) for one in self._running())

    @property
    def empty(self) -> bool:
        """Nothing runs."""
        return not self._all

    def _running(self) -> list[Passage]:
        with self._lock:
            return list(self._all)

    def _ended(self, passage: Passage) -> None:
        with self._lock:
            self._all.discard(passage)
            if self._current.get(passage.ticket.key) is passage:
                del self._current[passage.ticket.key]


def _seeks_away(before: str, now: str) -> bool:
    """Are these two pieces of the same archive for the same player?"""
    kind, what, who = before.split(":", 2)
    return kind == "archive" and [kind, what.partition(".")[0], who] == [
        part.partition(".")[0] for part in now.split(":", 2)
    ]


def _may_go(passage: Passage, viewer_id: object) -> bool:
    return not passage.viewers or passage.ticket.viewer_id == viewer_id
