"""From a demand to an open source that stands at the right byte: seats, links, and what the provider answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault, UpstreamError
from streaming.journal.notes import Kind
from streaming.passthrough import answers
from streaming.passthrough.demand import Demand
from streaming.passthrough.ranges import OutOfRange
from streaming.passthrough.seams import FileAnswer, FileFacts, FileSource, Seat, Seats
from streaming.relay.seams import Ticket
from streaming.sources.firstbytes import PlaylistAnswer

#: A provider without ranges is read from the beginning again when it breaks off, up to here; beyond, that is no help.
SKIP_BYTES = 64 * 1024 * 1024

#: Nothing more is tried for a request that has got nothing for so long.
START_S = 20.0


class OtherFile(UpstreamError):
    """What the provider sends now is not the file whose beginning the player has."""

    def __init__(self) -> None:
        super().__init__(Fault.RESET, "The file is not the one that began to play.")


class CalledAway(RestreamerError):
    """Nobody waits for this source any more."""

    status = 503
    public = "The request was cancelled."


class _Reopen(Exception):
    """The demand has changed its mind: ask again, that was nobody's fault."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An open source: bytes already read of the body wanted, and what the source still has behind them."""

    source: FileSource
    first: bytes
    left: int | None


class Connector:
    """Holds at most one seat and one source. One thread connects; `abort` and `lose` come from others."""

    def __init__(
        self,
        ticket: Ticket,
        seats: Seats,
        note: Callable[[Kind, str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`note(kind, text, fault)` is told what a journal should know."""
        self.seat: Seat | None = None
        #: Newest knowledge of the file.
        self.facts: FileFacts | None = None
        self.cancelled = threading.Event()
        self._ticket = ticket
        self._seats = seats
        self._note = note
        self._clock = clock
        self._lock = threading.Lock()
        self._source: FileSource | None = None
        self._lost = False
        self._interrupted = False
        self._used = False
        self._closed_at = float("-inf")
        #: Candidates that failed since bytes last flowed.
        self._tried: set[str] = set()

    # --- from other threads -----------------------------------------------------------------------------------------

    @property
    def source(self) -> FileSource | None:
        """What is opened or read now."""
        return self._source

    def interrupt(self, source: FileSource) -> None:
        """Wake whoever opens or reads this one, if it is still in use: its bytes are not wanted any more."""
        with self._lock:
            if source is self._source:
                self._interrupted = True
                source.abort()

    def abort(self) -> None:
        """Wake whoever opens or reads, and open nothing more."""
        self.cancelled.set()
        with self._lock:
            if self._source is not None:
                self._source.abort()

    def lose(self, lease_ids: set[str]) -> bool:
        """Is our lease among these? Then the provider's connection is ended here and now."""
        with self._lock:
            if self.seat is None or self.seat.lease_id not in lease_ids:
                return False
            self._lost = True
            if self._source is not None:
                self._source.abort()
            return True

    # --- from the passage's thread ----------------------------------------------------------------------------------

    def connect(self, demand: Demand) -> Standing:
        """An open source for what the demand still lacks. Raises RestreamerError when nothing is left to try."""
        self._check(demand)
        last: RestreamerError | None = None
        while True:
            if self.cancelled.is_set():
                raise CalledAway
            if last is not None and demand.facts is None and self._clock() - demand.since > START_S:
                raise last
            self.leave_if_lost()
            seat = self._seat(last)
            try:
                return self._open(seat, demand)
            except _Reopen:
                continue
            except OutOfRange as err:
                if demand.facts is None:
                    raise
                last = OtherFile()
                self._after(seat, err)
            except RestreamerError as err:
                last = err
                self._after(seat, err)

    def close_source(self) -> None:
        """Close the provider's connection, confirmed; the seat stays."""
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            source.close()
            self._closed_at = self._clock()

    def leave(self) -> None:
        """Close what is open and give the seat back."""
        self.close_source()
        with self._lock:
            seat, self.seat, self._lost = self.seat, None, False
        if seat is not None:
            self._seats.leave(seat, used=self._used)

    def leave_if_lost(self) -> None:
        """A lease that was taken away is given back at once: until then it counts."""
        if self._lost:
            self.leave()

    def doubt(self) -> None:
        """The candidate in use broke off again and again: another one, if there is one."""
        if self.seat is not None:
            self._tried.add(self.seat.candidate)
        self.leave()

    def trust(self) -> None:
        """Bytes flowed: what failed before may be tried again."""
        self._tried.clear()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _seat(self, last: RestreamerError | None) -> Seat:
        if self.seat is not None:
            return self.seat
        try:
            seat = self._seats.take(self._ticket, frozenset(self._tried), self.cancelled)
        except RestreamerError as err:
            raise last or err from err
        self._used = False
        self._closed_at = float("-inf")
        with self._lock:
            self.seat = seat
        return seat

    def _after(self, seat: Seat, err: RestreamerError) -> None:
        """What a failure means for the seat. Raises CalledAway."""
        if self.cancelled.is_set() or self._interrupted:
            raise CalledAway
        self._note(Kind.FAULT, f"{seat.label}: {err.message}", _fault_of(err))
        again_in_s = None
        if not self._lost and not isinstance(err, OtherFile | OutOfRange):
            again_in_s = seat.again_in_s(err, self._clock() - self._closed_at)
        if again_in_s is None:
            if not self._lost:
                self._tried.add(seat.candidate)
            self.leave()
        elif self.cancelled.wait(again_in_s):
            raise CalledAway

    def _open(self, seat: Seat, demand: Demand) -> Standing:
        """Raises RestreamerError, _Reopen; then nothing is open."""
        source = seat.source(demand.byte_range())
        try:
            source = self._opened(seat, source)
            standing = self._judge(seat, demand, source)
        except BaseException:
            # Whatever ended it, the provider's connection and its slot go back.
            self.close_source()
            raise
        if not self._used:
            self._note(Kind.PLAYS, f"{seat.label} serves it", "")
        self._used = True
        return standing

    def _opened(self, seat: Seat, source: FileSource) -> FileSource:
        self._adopt(source)
        try:
            source.open()
        except PlaylistAnswer as answer:
            # Its connection is closed: open() never leaves one behind when it raises.
            source = seat.as_playlist(answer)
            self._adopt(source)
            source.open()
        return source

    def _adopt(self, source: FileSource) -> None:
        """From now on it can be woken. Raises CalledAway, UpstreamError."""
        with self._lock:
            self._source, self._interrupted = source, False
            if self.cancelled.is_set():
                raise CalledAway
            if self._lost:
                raise UpstreamError(Fault.LEASE_LOST)

    def _judge(self, seat: Seat, demand: Demand, source: FileSource) -> Standing:
        """Is this the file, and the place in it? Raises UpstreamError, _Reopen, OutOfRange."""
        facts, at = answers.facts_of(source.answer, seat.container)
        facts = replace(facts, offer=seat.offer)
        left = None if source.answer.body_bytes is None else max(0, source.answer.body_bytes - len(source.head))
        if demand.facts is not None:
            if not demand.facts.same_file(facts):
                raise OtherFile
            first, left = self._skipped(demand, source, at, left)
        else:
            self._settle(demand, facts, at, source.answer)
            first = source.head
        self.facts = facts
        seat.worked(facts)
        return Standing(source, first, left)

    def _settle(self, demand: Demand, facts: FileFacts, at: int, answer: FileAnswer) -> None:
        """Nothing was sent yet: what the player gets is decided by what came. Raises UpstreamError, _Reopen."""
        if demand.wanted is not None and not answers.still_valid(demand.ticket.if_range, facts):
            demand.ask_whole()
            if at:
                raise _Reopen
        if answer.status != 206 and (demand.next != 0 or demand.last is None or not facts.length):
            # No ranges here, or nobody knows the length: the whole, as RFC 9110 lets a server do.
            demand.ask_whole()
        if demand.next is None:
            demand.next = at
        if demand.next != at:
            raise UpstreamError(Fault.RESET, "The provider sent another piece of the file than it was asked for.")
        if facts.length is not None:
            demand.last = min(facts.length - 1 if demand.last is None else demand.last, facts.length - 1)
        elif demand.wanted is not None and answer.body_bytes:
            demand.last = at + answer.body_bytes - 1

    def _skipped(self, demand: Demand, source: FileSource, at: int, left: int | None) -> tuple[bytes, int | None]:
        """Read on to the byte that is wanted. Raises UpstreamError."""
        data, too_early = source.head, (demand.next or 0) - at
        if not 0 <= too_early <= SKIP_BYTES:
            raise UpstreamError(Fault.RESET, "The provider does not send the file from where it broke off.")
        while len(data) < too_early:
            too_early -= len(data)
            data = source.read()
            if left is not None:
                left = max(0, left - len(data))
        return data[too_early:], left

    def _check(self, demand: Demand) -> None:
        """What is known already answers some demands. Raises OutOfRange."""
        facts = self.facts
        if demand.facts is not None or facts is None or facts.length is None or demand.wanted is None:
            return
        if not answers.still_valid(demand.ticket.if_range, facts):
            demand.ask_whole()
        elif facts.ranges:
            demand.next, demand.last = demand.wanted.within(facts.length)


def _fault_of(err: RestreamerError) -> Fault:
    """What it was in the words of journals; what the portal says is its own."""
    return err.fault if isinstance(err, UpstreamError) else Fault.PORTAL
