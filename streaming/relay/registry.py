"""Which relays run in this process: one per key, however many viewers ask at once. Runs in the loop."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Mapping

from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault
from streaming.journal.notes import Note, Run
from streaming.relay import consolation, endings, heads, nodedoor
from streaming.relay.audience import Viewer
from streaming.relay.checkup import Measurement
from streaming.relay.cutting import CuttingRoom
from streaming.relay.errands import Errands
from streaming.relay.loop import TickLoop
from streaming.relay.polling import Polls
from streaming.relay.relay import Relay
from streaming.relay.ring import CHUNK
from streaming.relay.seams import Command, Opened, Opener, RelayFacts, SessionFacts, Slates, Ticket
from streaming.relay.states import RelayState
from streaming.relay.surroundings import RelayLimits, Surroundings

#: However many relays share the memory, each keeps this much: the least whose memory a ring counts in full.
LEAST_RING_BYTES = 4 * CHUNK

#: The loop's reading buffer: at most so much is taken from one source at a time.
SCRATCH_BYTES = 2 * 1024 * 1024


class ShuttingDown(RestreamerError):
    """The relay process is about to end."""

    status = 503
    retry_after_s = 3.0
    tuner_error = "803 System Busy"
    public = "The service restarts. Try again in a moment."


class RelayRegistry:
    """Finds or starts the relay for a ticket, and ends them all.

    `ended(facts, reason)` is told of each viewing that is over, `note(run, note)` of what a journal should know,
    `measured` of how streams do; they must not block. Methods are the loop's unless they say otherwise.
    """

    def __init__(
        self,
        loop: TickLoop,
        opener: Opener,
        limits: RelayLimits,
        ended: Callable[[SessionFacts, str], None],
        note: Callable[[Run, Note], None] = lambda run, note: None,
        measured: Callable[[Measurement], None] = lambda measurement: None,
        slates: Slates | None = None,
        cutting: CuttingRoom | None = None,
    ) -> None:
        self._loop = loop
        self.polls = Polls(loop.clock)
        self._limits = limits
        self.errands = Errands(loop)
        self._around = Surroundings(
            loop=loop,
            errands=self.errands,
            opener=opener,
            limits=limits,
            scratch=memoryview(bytearray(SCRATCH_BYTES)),
            ended=ended,
            released=self._released,
            stopped=self._stopped,
            console=self._console,
            note=note,
            measured=measured,
            polls=self.polls,
            cutting=cutting,
            slates=slates,
        )
        #: The relay a new viewer of a key joins.
        self._current: dict[str, Relay] = {}
        #: All that hold anything: the current ones, and those that drain.
        self._all: dict[Relay, None] = {}
        self._waiters: list[tuple[Relay, threading.Event]] = []
        self._closed = False

    # --- viewers ------------------------------------------------------------------------------------------------

    def attach(self, ticket: Ticket, sock: socket.socket) -> None:
        """Give a viewer to the relay of his key, starting it if need be."""
        viewer = Viewer(ticket, sock, self._loop.clock(), self._around.wall())
        if self._closed:
            _turn_away(viewer, ShuttingDown())
            return
        relay = self._current.get(ticket.key)
        if relay is not None and consolation.is_slate(ticket.key) and relay.watching >= consolation.MOST_VIEWERS:
            _turn_away(viewer, consolation.SlateMissing())
            return
        if relay is not None and relay.state is not RelayState.DRAINING:
            relay.attach(viewer)
            return
        successor = Relay(ticket, self._around)
        self._current[ticket.key] = successor
        self._all[successor] = None
        self._share_memory()
        successor.attach(viewer)
        self._start_if_free(successor)

    def attach_node(self, ticket: Ticket, sock: socket.socket) -> None:
        """Give the relay of another node to ours of that key. It starts nothing: no relay, no claim."""
        relay = self._current.get(ticket.key)
        if self._closed or relay is None or not _feeds_nodes(relay):
            nodedoor.not_here(sock)
            return
        relay.attach(Viewer(ticket, sock, self._loop.clock(), self._around.wall()))

    def _console(self, viewer: Viewer, error: RestreamerError) -> bool:
        """Show him a slate instead of the refusal, where the installation wants that and there is one."""
        ticket, slates = viewer.ticket, self._around.slates
        if not error.slate or slates is None or not self._limits.refusal_slate_s or consolation.is_slate(ticket.key):
            return False
        if self._closed or not _there(slates, error.slate):
            return False
        self.attach(consolation.ticket_for(ticket, error.slate, self._limits.refusal_slate_s), viewer.sock)
        return True

    def _start_if_free(self, relay: Relay) -> None:
        """A relay that drains still holds the provider's slot: its successor starts when it has let go."""
        if not any(other.key == relay.key and not other.released for other in self._all if other is not relay):
            relay.start()

    # --- commands -----------------------------------------------------------------------------------------------

    def command(self, command: Command) -> bool:
        """Do what a person or another process asked; False when it makes no sense here (any more)."""
        what = command.arguments
        if command.name == "stop":
            return self._stop_session(str(what.get("session_id", "")), str(what.get("reason") or endings.BY_HAND))
        if command.name == "switch":
            relay = self._current.get(str(what.get("key", "")))
            return relay is not None and relay.switch(Fault.ASKED)
        if command.name == "leave":
            return self._leave(str(what.get("key", "")), _number(what.get("viewer_id")))
        if command.name == "stop_lingering":
            chosen = self._to_let_go(what, _number(what.get("viewer_id")))
            if chosen is not None:
                self._let_go(chosen)
            return chosen is not None
        return False

    def _stop_session(self, session_id: str, reason: str) -> bool:
        return any(relay.end_session(session_id, reason) for relay in self._all)

    # --- room for others ----------------------------------------------------------------------------------------

    def give_up(self, lease_id: str, key: str, viewer_id: int = 0, *, timeout_s: float = 4.0) -> bool:
        """End the relay that holds a lease, if nobody watches it, or nobody but `viewer_id` (he changes channel).

        True when its upstream is closed, confirmed, and the lease is back; False when it will not or took too long. A
        relay that is still being opened is known by its `key` alone. For openers, from their threads; blocks.
        """
        answer: queue.SimpleQueue[threading.Event | None] = queue.SimpleQueue()

        def ask() -> None:
            relay = next((r for r in self._all if _holds(r, lease_id, key) and _may_go(r, viewer_id)), None)
            answer.put(None if relay is None else self._let_go(relay))

        self._loop.call(ask)
        try:
            free = answer.get(timeout=timeout_s)
        except queue.Empty:
            return False
        return free is not None and free.wait(timeout_s)

    def _leave(self, key: str, viewer_id: int) -> bool:
        """End a relay that another node feeds, because that node needs the slot for another channel."""
        relay = self._current.get(key)
        if relay is None or _feeds_nodes(relay) or not _may_go(relay, viewer_id):
            return False
        relay.stop(endings.SLOT_WANTED)
        return True

    def _to_let_go(self, asked: Mapping[str, object], viewer_id: int) -> Relay | None:
        """The relay with the lease another process asks for; else the one of its subscription that lingered longest.

        None when people watch it. One that only the viewer who changes channel watches goes too, as the last.
        """
        willing = [relay for relay in self._all if _may_go(relay, viewer_id)]
        lease_id, key = str(asked.get("lease_id", "")), str(asked.get("key", ""))
        named = next((relay for relay in willing if lease_id and _holds(relay, lease_id, key)), None)
        if named is not None:
            return named
        subscription_id = _number(asked.get("subscription_id"))
        here = [r for r in willing if r.opened is not None and r.opened.subscription_id == subscription_id]
        return min(here, key=lambda r: (r.watching > 0, r.lingering_since or 0.0), default=None)

    def _let_go(self, relay: Relay) -> threading.Event:
        """End a relay in favour of another; the event is set when its slot is free."""
        free = threading.Event()
        self._waiters.append((relay, free))
        relay.stop(endings.SLOT_WANTED)
        if relay.released:
            free.set()
        return free

    # --- leases -------------------------------------------------------------------------------------------------

    def opened(self) -> list[Opened]:
        """The upstreams whose leases must be renewed. From any thread."""
        return [opened for relay in list(self._all) if (opened := relay.opened) is not None]

    def leases_lost(self, lease_ids: set[str]) -> None:
        """These leases are gone: their upstreams close within this tick."""
        for relay in list(self._all):
            if relay.opened is not None and relay.opened.lease_id in lease_ids:
                relay.lease_lost()

    # --- facts --------------------------------------------------------------------------------------------------

    def facts(self) -> tuple[list[RelayFacts], list[SessionFacts]]:
        """All relays and all viewings."""
        sessions = [one for relay in self._all for one in relay.sessions()]
        return [relay.facts() for relay in self._all], sessions

    # --- the end ------------------------------------------------------------------------------------------------

    def heirs(self) -> dict[str, Ticket]:
        """For each key that other nodes are fed with, one of those. From now on nobody is attached any more."""
        self._closed = True
        return {key: nodes[0].ticket for key, relay in self._current.items() if (nodes := relay.audience.nodes)}

    def stop_all(self, reason: str, *, flush_s: float) -> None:
        """End every relay; viewers have `flush_s` to read their last bytes."""
        self._closed = True
        for relay in list(self._all):
            relay.stop(reason, for_good=False)
            relay.hurry(flush_s)

    def close(self) -> None:
        """After the loop: let go of what could not end in time."""
        for relay in self._all:
            relay.audience.close()
            relay.desk.close()
            relay.ring.close()

    @property
    def empty(self) -> bool:
        """Nothing runs and nothing is being closed."""
        return not self._all

    def _released(self, relay: Relay) -> None:
        for waited_for, free in self._waiters:
            if waited_for is relay:
                free.set()
        self._waiters = [pair for pair in self._waiters if pair[0] is not relay]
        current = self._current.get(relay.key)
        if current is relay:
            del self._current[relay.key]
        elif current is not None:
            self._start_if_free(current)

    def _stopped(self, relay: Relay) -> None:
        self._all.pop(relay, None)
        self._share_memory()

    def _share_memory(self) -> None:
        if self._all:
            share = max(LEAST_RING_BYTES, self._limits.total_ring_bytes // len(self._all))
            for relay in self._all:
                relay.ring.limit_bytes = min(self._limits.ring_bytes, share)


def _turn_away(viewer: Viewer, error: RestreamerError) -> None:
    with viewer.sock as sock, contextlib.suppress(OSError):
        sock.send(heads.refusal(viewer.ticket.protocol, error))


def _there(slates: Slates, name: str) -> bool:
    try:
        return bool(slates.find(name, consolation.FORM))
    except RestreamerError:
        return False


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _holds(relay: Relay, lease_id: str, key: str) -> bool:
    """The relay's upstream, running or still being opened, is under this lease."""
    if relay.opened is not None:
        return relay.opened.lease_id == lease_id
    return relay.key == key and not relay.released


def _feeds_nodes(relay: Relay) -> bool:
    """May other nodes be given what it has? A relay that is fed itself feeds nobody, so there is no circle."""
    fed = relay.opened is not None and relay.opened.fed_by
    return not fed and relay.state not in (RelayState.DRAINING, RelayState.STOPPED)


def _may_go(relay: Relay, viewer_id: int) -> bool:
    """Nobody watches it, or nobody but this viewer (0: nobody at all).

    Whoever asks has seen that this is so on the nodes it feeds as well.
    """
    if not relay.people:
        return True
    others = {poller.ticket.viewer_id for poller in relay.desk.pollers} - {viewer_id}
    here = relay.people - len(relay.desk)
    return viewer_id != 0 and not others and (not here or relay.audience.only(viewer_id))
