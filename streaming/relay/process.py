"""The relay process: the loop, the front door, and the housekeeping beside them. No Django, no Redis."""

from __future__ import annotations

import contextlib
import logging
import queue
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from streaming.journal.notes import Note, Run
from streaming.passthrough.passages import Passages
from streaming.passthrough.seams import Seats, passes_through
from streaming.relay import endings, heads
from streaming.relay.checkup import Measurement
from streaming.relay.control import ControlSocket
from streaming.relay.cutting import CuttingRoom
from streaming.relay.forestalled import Forestalled
from streaming.relay.keeper import LeaseKeeper, Timer
from streaming.relay.loop import TickLoop
from streaming.relay.registry import RelayRegistry
from streaming.relay.seams import Book, Command, Opener, RelayFacts, SessionFacts, Slates, Ticket
from streaming.relay.surroundings import RelayLimits

logger = logging.getLogger(__name__)

#: Between two rounds of leases, and between two of facts and commands.
BEAT_S = 1.0

#: From SIGTERM to the end: so long viewers may read their last bytes, and all of it may take.
FLUSH_S = 0.5
STOP_S = 2.0
#: Before that, so long it may take to leave the channels to other nodes.
LEAVE_S = 1.5

#: A round of the loop that took longer is worth a line.
SLOW_S = 0.5


class RelayProcess:
    """Everything of one relay process. `run` is its life; `stop` ends it from anywhere."""

    def __init__(
        self,
        opener: Opener,
        book: Book,
        socket_path: Path,
        limits: RelayLimits | None = None,
        *,
        slates: Slates | None = None,
        hls_folder: Path | None = None,
        seats: Seats | None = None,
        clock: Callable[[], float] = time.monotonic,
        beat_s: float = BEAT_S,
        timer: Timer | None = None,
        good_s: float = 0.0,
        leave_to: Callable[[Mapping[str, Ticket]], None] | None = None,
    ) -> None:
        """`hls_folder` is where segments are kept; without one there is no HLS. `seats` serve what is passed through;
        without them such tickets are unknown keys.

        `timer` ends a process that stands still before others may take its slots, `good_s` after a renewal.

        `leave_to` is told at the end which other node has each channel from then on; it may block for a while.
        """
        self.loop = TickLoop(clock=clock)
        self._cutting = CuttingRoom(hls_folder, self.loop) if hls_folder is not None else None
        self._book = book
        self.registry = RelayRegistry(
            self.loop,
            opener,
            limits or RelayLimits(),
            self._ended,
            self._note,
            self._measured,
            slates,
            self._cutting,
        )
        self.passages = Passages(seats, self._ended, self._note) if seats is not None else None
        self._keeper = LeaseKeeper(
            self.loop,
            self.registry,
            opener,
            also=self.passages.renew if self.passages is not None else None,
            beat_s=beat_s,
            timer=timer,
            good_s=good_s,
        )
        self._forestalled = Forestalled(clock)
        self._housekeeping = _Housekeeping(self.loop, self.registry, self.passages, book, beat_s, self._forestalled)
        self._control = ControlSocket(socket_path, self._take, self.registry.polls.hear)
        self._leave_to = leave_to
        #: When the channels must have been left to other nodes, on the loop's clock; 0 = there is nothing to wait for.
        self._leave_by = 0.0
        self._stop_by = 0.0
        self._stopping = False
        self._stopped_all = False

    def run(self) -> None:
        """Serve until `stop`; returns when every upstream is closed, or `STOP_S` after it."""
        self._keeper.start()
        self._housekeeping.start()
        if self._cutting is not None:
            self._cutting.start()
        try:
            self.loop.run()
        finally:
            self._control.close()
            self.registry.errands.join(max(0.1, self._stop_by - self.loop.clock()))
            if self.passages is not None:
                self.passages.join(max(0.1, self._stop_by - self.loop.clock()))
            self.registry.close()
            if self._cutting is not None:
                self._cutting.close()
            self._keeper.stop()
            self._housekeeping.stop()
            self.loop.close()

    def give_up(self, lease_id: str, key: str, viewer_id: int = 0) -> bool:
        """End what holds a lease here, if nobody but this viewer watches it; see RelayRegistry.give_up."""
        passed = self.passages.give_up(lease_id, key, viewer_id) if self.passages is not None else None
        return self.registry.give_up(lease_id, key, viewer_id) if passed is None else passed

    def abandon(self) -> None:
        """Undo the construction of a process that will not run."""
        self._control.close()
        self.loop.close()

    def stop(self, *_: object) -> None:
        """Begin the end: from any thread, or as a signal's handler."""
        self.loop.call(self._begin_to_stop)

    def _begin_to_stop(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        threading.Thread(target=self._control.close, name="relay-close", daemon=True).start()
        heirs = self.registry.heirs()
        if heirs and self._leave_to is not None:
            # First who has the channels next, then their end here: so nobody else comes in between.
            leave_to = self._leave_to
            self._leave_by = self.loop.clock() + LEAVE_S
            self.registry.errands.run(
                "leave the channels", lambda: leave_to(heirs), lambda _: self._stop_all(), lambda _: self._stop_all()
            )
        else:
            self._stop_all()
        self.loop.add(_Waiter(self))

    def _stop_all(self) -> None:
        if not self._stopped_all:
            self._stopped_all = True
            self._stop_by = self.loop.clock() + STOP_S
            self.registry.stop_all(endings.RESTART, flush_s=FLUSH_S)
            if self.passages is not None:
                self.passages.stop_all(endings.RESTART)

    def obey(self, command: Command) -> None:
        """Do what was asked, soon. From any thread."""
        self._housekeeping.obey(command)

    def stop_if_done(self, now: float) -> None:
        """Nothing left, or no more time: leave the loop."""
        if not self._stopped_all and now >= self._leave_by:
            self._stop_all()
        done = self.registry.empty and (self.passages is None or self.passages.empty)
        if done or (self._stopped_all and now >= self._stop_by):
            self.loop.stop()

    def _take(self, ticket: Ticket, sock: socket.socket) -> None:
        if reason := self._forestalled.taken(ticket.session_id):
            with sock, contextlib.suppress(OSError):
                sock.setblocking(False)
                sock.send(heads.refusal(ticket.protocol, endings.RelayEnded()))
            self._ended(SessionFacts.of(ticket, time.time(), 0, 0.0), reason)
            return
        if self.passages is not None and passes_through(ticket):
            self.passages.attach(ticket, sock)
        else:
            self.loop.call(self.registry.attach, ticket, sock)
        # What was asked in between did not find it; what is asked from here on does.
        if reason := self._forestalled.taken(ticket.session_id):
            self.obey(Command("stop", {"session_id": ticket.session_id, "reason": reason}))

    def take_node(self, ticket: Ticket, sock: socket.socket) -> None:
        """Feed the relay of another node. From any thread."""
        self.loop.call(self.registry.attach_node, ticket, sock)

    def _ended(self, facts: SessionFacts, reason: str) -> None:
        self._housekeeping.post(partial(self._book.ended, facts, reason))

    def _note(self, run: Run, note: Note) -> None:
        self._housekeeping.post(partial(self._book.noted, run, note))

    def _measured(self, measurement: Measurement) -> None:
        self._housekeeping.post(partial(self._book.measured, measurement))


class _Waiter:
    """Watches for the moment when nothing is left."""

    eager = True
    calm = False

    def __init__(self, process: RelayProcess) -> None:
        self._process = process

    def tick(self, now: float) -> None:
        self._process.stop_if_done(now)

    def crash(self, error: Exception) -> None:
        self._process.loop.stop()


class _Housekeeping:
    """The thread that talks to the world once a second, and at once when a viewing ended."""

    def __init__(
        self,
        loop: TickLoop,
        registry: RelayRegistry,
        passages: Passages | None,
        book: Book,
        beat_s: float,
        forestalled: Forestalled,
    ) -> None:
        self._beat_s = beat_s
        self._forestalled = forestalled
        self._passages = passages
        self._loop = loop
        self._registry = registry
        self._book = book
        self._posts: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="relay-housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say what is left to say and end; one who still waits for Redis is left behind."""
        self._posts.put(None)
        self._thread.join(0.4)

    def post(self, what: Callable[[], None]) -> None:
        """Have the thread do something; never blocks."""
        self._posts.put(what)

    def _run(self) -> None:
        next_beat = time.monotonic()
        while True:
            try:
                post = self._posts.get(timeout=max(0.0, next_beat - time.monotonic()))
            except queue.Empty:
                next_beat = max(next_beat + self._beat_s, time.monotonic() + self._beat_s / 2)
                self._guarded(self._beat)
                self._guarded(self._complain)
                continue
            if post is None:
                self._guarded(self._book.finish)
                return
            self._guarded(post)

    def _guarded(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception:
            # The boundary of the housekeeping: Redis or a defect there must never stop the pictures.
            logger.exception("Relay housekeeping: %r failed", what)

    def _beat(self) -> None:
        answer: queue.SimpleQueue[tuple[list[RelayFacts], list[SessionFacts]]] = queue.SimpleQueue()
        # Asked in the loop, so that nothing changes while it is written down.
        self._loop.call(lambda: answer.put(self._registry.facts()))
        try:
            relays, sessions = answer.get(timeout=BEAT_S)
        except queue.Empty:
            # The loop has ended, or is too busy for facts.
            return
        if self._passages is not None:
            passing, viewings = self._passages.facts()
            relays, sessions = relays + passing, sessions + viewings
        for command in self._book.beat(relays, sessions):
            self.obey(command)

    def obey(self, command: Command) -> None:
        """Have it done; what came too late is noted. From any thread."""
        if self._passages is None or not self._passages.command(command):
            self._loop.call(self._obey, command)

    def _obey(self, command: Command) -> None:
        if self._registry.command(command):
            return
        self._forestalled.remember(command)
        # It may have come between the first look and the note of it.
        if self._passages is None or not self._passages.command(command):
            self.post(partial(logger.info, "[%s] was asked for what is not here (any more)", command.name))

    def _complain(self) -> None:
        while self._loop.defects:
            err = self._loop.defects.popleft()
            logger.error("A defect in the relay", exc_info=err)
        gap_s, self._loop.longest_gap_s = self._loop.longest_gap_s, 0.0
        if gap_s > SLOW_S:
            logger.warning("The relay's loop paused for %.2f s", gap_s)


def prepare_process() -> None:
    """What suits a process of one busy loop and many sockets: all descriptors there are, short turns for threads."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.setswitchinterval(0.0005)


def stop_on_signals(process: RelayProcess) -> None:
    """SIGTERM and SIGINT end the process in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, process.stop)
