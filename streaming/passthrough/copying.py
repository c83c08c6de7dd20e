"""From a provider's socket into a player's: by the kernel where nothing must be decoded, else in pieces."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from streaming.faults import Fault, UpstreamError
from streaming.passthrough.demand import PIPE_BYTES, Demand
from streaming.passthrough.seams import FileSource
from streaming.relay import endings
from streaming.sources.base import framing_of
from streaming.sources.framing import Length

#: So much goes as it comes; after that it is gathered, for each turn costs as much as the bytes themselves.
_EAGER_BYTES = 1_000_000
_GATHER_BYTES = 262_144
_GATHER_MS = 100
_LOOK_MS = 500
_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


class Outcome(Enum):
    """How a turn of copying ended."""

    #: All that was asked for is with the player, or on its way there.
    DONE = endings.PLAYED
    LEFT = endings.LEFT
    #: Nothing could be opened.
    REFUSED = endings.REFUSED
    #: The player takes nothing: it is paused, or reads another of its connections.
    STUCK = "the player reads nothing"
    #: Somebody wants the copier's attention.
    CALLED = "something else is to be done"
    #: The provider stopped in mid-file.
    BROKEN = endings.NO_SOURCE + "the provider broke off"


class _Over(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what."""

    #: For the provider to send anything.
    silence_s: float = 15.0
    #: For the player to take anything, before it counts as paused and the provider's connection is closed.
    paused_s: float = 30.0
    #: The same while another connection of the same player would take something.
    rival_s: float = 1.0


class Copy:
    """One turn: from one open source to one demand."""

    def __init__(
        self,
        demand: Demand,
        source: FileSource,
        first: bytes,
        body_left: int | None,
        *,
        wake_fd: int,
        rivals: Callable[[], bool],
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`first` are bytes already read; `body_left` is what the source still has behind them, None = nobody knows.

        `wake_fd` is readable when the copier is called away; `rivals` says whether another connection of the player
        waits for bytes.
        """
        self._demand = demand
        self._source = source
        self._first = first
        self._left = body_left
        self._wake_fd = wake_fd
        self._rivals = rivals
        self._patience = patience
        self._clock = clock
        self._copied = 0
        self._gathering = 0
        self._wake = select.poll()
        self._wake.register(wake_fd, select.POLLIN)

    def run(self) -> Outcome:
        """Copy until one of the outcomes."""
        try:
            self._drain()
            self._hold(self._first)
            self._drain()
            direct = self._direct()
            while not self._demand.complete:
                if self._called():
                    return Outcome.CALLED
                if self._left == 0:
                    return Outcome.DONE if self._demand.last is None else Outcome.BROKEN
                if direct is not None:
                    self._splice(direct)
                else:
                    self._read()
                self._drain()
        except _Over as over:
            return over.outcome
        return Outcome.DONE

    def _direct(self) -> socket.socket | None:
        """The provider's socket when its bytes are the file's."""
        sock = self._source.direct_socket()
        framing = framing_of(self._source)
        # Exactly the plain class: TLS is decoded, and only the kernel's own bytes can be spliced.
        if type(sock) is not socket.socket or not (framing is None or isinstance(framing, Length)):
            return None
        return sock

    # --- in -------------------------------------------------------------------------------------------------------

    def _hold(self, data: bytes) -> None:
        """Bytes that came through our own memory."""
        wanted = self._wanted(len(data))
        self._demand.pending = memoryview(data)[:wanted]
        self._came(wanted)

    def _read(self) -> None:
        try:
            piece = self._source.read()
        except UpstreamError as err:
            raise _Over(self._end(err)) from err
        if self._left is not None:
            self._left = max(0, self._left - len(piece))
        self._hold(piece)

    def _end(self, err: UpstreamError) -> Outcome:
        """A source that ends: rightly where nobody knows the length."""
        if self._called():
            return Outcome.CALLED
        return Outcome.DONE if err.fault is Fault.ENDED and self._demand.last is None else Outcome.BROKEN

    def _splice(self, sock: socket.socket) -> None:
        most = self._wanted(PIPE_BYTES)
        if self._left is not None:
            most = min(most, self._left)
        quiet_until = self._clock() + self._patience.silence_s
        self._gather(sock, most)
        while True:
            try:
                count = os.splice(sock.fileno(), self._demand.pipe()[1], most, flags=_FLAGS)
            except BlockingIOError:
                self._wait_for(sock, quiet_until)
                continue
            except OSError as err:
                raise _Over(Outcome.CALLED if self._called() else Outcome.BROKEN) from err
            if not count:
                if self._called():
                    raise _Over(Outcome.CALLED)
                endless = self._demand.last is None and self._left is None
                raise _Over(Outcome.DONE if endless else Outcome.BROKEN)
            self._demand.piped += count
            if self._left is not None:
                self._left -= count
            self._came(count)
            return

    def _gather(self, sock: socket.socket, most: int) -> None:
        """Have the kernel wake us for a worthwhile amount, once the player has its beginning."""
        wanted = min(_GATHER_BYTES, most) if self._copied > _EAGER_BYTES else 1
        if wanted != self._gathering:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
            self._gathering = wanted

    def _wait_for(self, sock: socket.socket, until: float) -> None:
        """Until the provider has something. Raises _Over."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        poll.register(self._demand.sock, select.POLLRDHUP)
        poll.register(self._wake_fd, select.POLLIN)
        ready = dict(poll.poll(_GATHER_MS))
        if self._wake_fd in ready:
            raise _Over(Outcome.CALLED)
        if self._demand.sock.fileno() in ready:
            raise _Over(Outcome.LEFT)
        if not ready and self._clock() >= until:
            raise _Over(Outcome.BROKEN)

    def _wanted(self, most: int) -> int:
        """How many of so many bytes the demand still lacks."""
        demand = self._demand
        assert demand.next is not None
        return most if demand.last is None else max(0, min(most, demand.last - demand.next + 1))

    def _came(self, count: int) -> None:
        assert self._demand.next is not None
        self._demand.next += count
        self._copied += count

    # --- out ------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Until the player has everything that was fetched. Raises _Over."""
        demand = self._demand
        moved_at = self._clock()
        while demand.pending or demand.piped:
            try:
                count = self._push()
            except BlockingIOError:
                self._wait_for_player(moved_at)
                continue
            except OSError as err:
                raise _Over(Outcome.LEFT) from err
            demand.bytes_out += count
            moved_at = self._clock()

    def _push(self) -> int:
        demand = self._demand
        if demand.pending:
            count = demand.sock.send(demand.pending)
            demand.pending = demand.pending[count:]
            return count
        count = os.splice(demand.pipe()[0], demand.sock.fileno(), demand.piped, flags=_FLAGS)
        demand.piped -= count
        return count

    def _wait_for_player(self, moved_at: float) -> None:
        poll = select.poll()
        poll.register(self._demand.sock, select.POLLOUT)
        poll.register(self._wake_fd, select.POLLIN)
        ready = dict(poll.poll(_LOOK_MS))
        if self._wake_fd in ready:
            raise _Over(Outcome.CALLED)
        if ready:
            return
        still_s = self._clock() - moved_at
        if still_s >= self._patience.paused_s or (still_s >= self._patience.rival_s and self._rivals()):
            raise _Over(Outcome.STUCK)

    def _called(self) -> bool:
        return bool(self._wake.poll(0))
