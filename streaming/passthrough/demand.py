"""One request of a player for a file, and how much of it is sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket

from streaming.passthrough import ranges
from streaming.passthrough.seams import FileFacts
from streaming.relay.seams import Ticket

#: The most that is ever between a provider and a player who does not read.
PIPE_BYTES = 1 << 19
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Demand:
    """Owns the player's socket and a pipe into it."""

    def __init__(self, ticket: Ticket, sock: socket.socket, now: float) -> None:
        sock.setblocking(False)
        self.ticket = ticket
        self.sock = sock
        self.since = now
        #: What it asks for; None = the whole.
        self.wanted = ranges.asked(ticket.byte_range)
        #: Has its turn come yet?
        self.begun = False
        #: What its head said; None while none is sent.
        self.facts: FileFacts | None = None
        #: The next byte to fetch, None when only the answer will tell (the last bytes of a file of unknown length); and
        #: the last one, None = to the end of the body.
        self.next = None if self.wanted and self.wanted.first is None else (self.wanted or ranges.WHOLE).first
        self.last = self.wanted.last if self.wanted and self.wanted.first is not None else None
        #: Fetched and not sent: bytes here, then bytes in the pipe. Never both from different times.
        self.pending = memoryview(b"")
        self.piped = 0
        self.bytes_out = 0
        self._pipe: tuple[int, int] | None = None

    @property
    def complete(self) -> bool:
        """Everything was fetched."""
        return self.last is not None and self.next is not None and self.next > self.last

    def ask_whole(self) -> None:
        """What it has is of another file, or no ranges are served: it gets everything."""
        self.wanted, self.next, self.last = None, 0, None

    def byte_range(self) -> str:
        """What is still to be fetched, as a provider is asked for it."""
        if self.next is None:
            assert self.wanted is not None
            return self.wanted.header
        return ranges.ByteRange(self.next, self.last).header

    def pipe(self) -> tuple[int, int]:
        """Reading and writing end; made when first needed."""
        if self._pipe is None:
            self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            with contextlib.suppress(OSError):
                # Beyond the user's share of pipe memory it stays small, and works.
                fcntl.fcntl(self._pipe[1], fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return self._pipe

    def gone(self) -> bool:
        """Has the player closed it?"""
        return bool(self._events() & _GONE)

    def writable(self) -> bool:
        """Would the player take more?"""
        return bool(self._events(select.POLLOUT) & select.POLLOUT)

    def say(self, answer: bytes) -> None:
        """Send a whole short answer, for what it is worth."""
        with contextlib.suppress(OSError):
            self.bytes_out += self.sock.send(answer)

    def close(self) -> None:
        """Let go of everything; what the kernel has is still delivered."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self.sock.close()
        for fd in self._pipe or ():
            os.close(fd)
        self._pipe = None

    def _events(self, also: int = 0) -> int:
        poll = select.poll()
        try:
            poll.register(self.sock, select.POLLRDHUP | also)
        except (OSError, ValueError):
            return select.POLLNVAL
        return next((events for _, events in poll.poll(0)), 0)
