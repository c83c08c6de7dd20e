"""Where connections wait until their request has arrived whole, without a thread of their own.

A server of threads that reads a request in one of them can be held by whoever sends half a request: as many of those as
there are threads, and nobody is answered. Here what has arrived is looked at and left in the kernel, which says when
there is more.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: A head or a body up to here is waited for; what is larger a thread reads.
MOST_HEAD_BYTES = MOST_BODY_BYTES = 64 * 1024
_PEEK_BYTES = MOST_HEAD_BYTES + MOST_BODY_BYTES
_END = b"\r\n\r\n"
_NO_BODY = (b"GET ", b"HEAD ", b"OPTIONS ")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_SPECIAL_BODY = re.compile(rb"\r\n(?:transfer-encoding|expect):", re.IGNORECASE)


@dataclass(slots=True)
class _Guest:
    until: float
    seen: int = -1
    has_head: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a look at the beginning of a request says."""

    #: As much as is to be waited for is here: a thread may read it without waiting, or there is no end to its head.
    whole: bool
    has_head: bool = False
    #: The body is one that only a thread can read, which may take long.
    large_body: bool = False


def look(said: bytes) -> Arrival:
    """The state of a request of which this has arrived.

    >>> look(b"GET / HTTP/1.1\\r\\nHost: h\\r\\n").whole, look(b"GET / HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n").whole
    (False, True)
    """
    end = said.find(_END)
    if end < 0:
        return Arrival(len(said) >= MOST_HEAD_BYTES)
    head = said[: end + 2]
    if head.startswith(_NO_BODY):
        return Arrival(True, True)
    if _SPECIAL_BODY.search(head):
        return Arrival(True, True, large_body=True)
    told = _LENGTH.search(head)
    length = int(told[1]) if told else 0
    if length > MOST_BODY_BYTES:
        return Arrival(True, True, large_body=True)
    return Arrival(len(said) - end - len(_END) >= length, True)


class WaitingRoom:
    """The main loop's; `ready(conn, arrival)` and `end(conn)` are called in it. Never holds more than `most`."""

    def __init__(
        self,
        poller: selectors.BaseSelector,
        *,
        ready: Callable[[Any, Arrival], None],
        end: Callable[[Any], None],
        most: int,
        head_s: float,
        body_s: float,
    ) -> None:
        self._poller = poller
        self._ready, self._end = ready, end
        self._most = most
        self._head_s, self._body_s = head_s, body_s
        self._guests: dict[Any, _Guest] = {}

    def enter(self, conn: Any) -> None:
        """A connection whose next request begins."""
        guest = _Guest(time.monotonic() + self._head_s)
        if self._gone_on(conn, guest):
            return
        if len(self._guests) >= self._most:
            # Who means well has waited a moment at most.
            self._leave(next(iter(self._guests)), self._end)
        self._guests[conn] = guest
        self._poller.register(conn.sock, selectors.EVENT_READ, lambda _sock: self._heard(conn))

    def tidy(self) -> None:
        """End those whose time is up."""
        now = time.monotonic()
        for conn, guest in list(self._guests.items()):
            if now > guest.until:
                self._leave(conn, self._end)

    def hurry(self, seconds: float) -> None:
        """The server stops: whose request is on its way is still answered, nobody waits longer than this."""
        latest = time.monotonic() + seconds
        for guest in self._guests.values():
            guest.until = min(guest.until, latest)

    def _heard(self, conn: Any) -> None:
        guest = self._guests.get(conn)
        if guest is None:
            return
        self._gone_on(conn, guest)

    def _gone_on(self, conn: Any, guest: _Guest) -> bool:
        """Look what there is; True when it does not wait any more."""
        try:
            said = conn.sock.recv(_PEEK_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            # Readable and nothing new: the other side will send no more.
            over = not said or len(said) == guest.seen
        except BlockingIOError:
            said, over = b"", False
        except OSError:
            said, over = b"", True
        guest.seen = len(said)
        # Behind a request there may be the beginning of the next, read already.
        buffered = conn.parser.unreader.buf.getvalue() if conn.parser is not None else b""
        arrival = look(buffered + said)
        if over or arrival.whole:
            self._leave(conn, lambda conn: self._ready(conn, arrival))
            return True
        if arrival.has_head and not guest.has_head:
            guest.has_head, guest.until = True, time.monotonic() + self._body_s
        with contextlib.suppress(OSError):
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(said) + 1)
        return False

    def _leave(self, conn: Any, then: Callable[[Any], None]) -> None:
        if self._guests.pop(conn, None) is not None:
            with contextlib.suppress(OSError, KeyError, ValueError):
                self._poller.unregister(conn.sock)
        with contextlib.suppress(OSError):
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        then(conn)
