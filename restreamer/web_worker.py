"""gunicorn's worker of threads, with an end for requests that arrive too slowly and answers nobody reads.

A client that sends half a request and then nothing would hold one of few threads, and so would one that asks for a long
list and reads none of it; a handful of them would hold all. So a request gets a thread when it is here.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import socket
import struct
import termios
import time
from typing import Any, cast

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from restreamer.lib.redact import RedactingFilter
from restreamer.web_waiting import Arrival, WaitingRoom

#: From the first byte of a request to the last of its head, and from there to the last of its body.
HEAD_S, BODY_S = 15.0, 60.0
#: The same for both when the server stops.
STOPPING_S = 1.0
#: While an answer waits to be read, so many bytes of it must be taken in each such time.
READING_S, READING_BYTES = 30.0, 64 * 1024
#: Where the kernel's `struct tcp_info` says how many bytes the other side has received.
_BYTES_ACKED = 120


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """Ends the reading side of connections whose request is overdue; the main loop looks about once a second."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: By connection: until when its request must have arrived. Threads add and take away, the main loop looks.
        self._overdue_at: dict[Any, float] = {}
        #: By connection that is being answered: when the time to read began, and what had been taken by then.
        self._reading: dict[Any, tuple[float, int]] = {}
        #: Those whose body a thread reads while it comes.
        self._large: set[Any] = set()
        self._room: WaitingRoom | None = None

    def init_process(self) -> None:
        """gunicorn's own words of a request hold its address, and so a token."""
        logging.getLogger("gunicorn.error").addFilter(RedactingFilter())
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """A connection whose next request begins: it waits until that is here."""
        if not self.alive or self.cfg.is_ssl or conn.sock.family == socket.AF_UNIX:
            # TLS cannot be looked into; behind a unix socket is a proxy that waits itself.
            super().enqueue_req(conn)
            return
        if self._room is None:
            most = max(1, self.worker_connections // 2)
            self._room = WaitingRoom(
                self.poller, ready=self._arrived, end=self._end, most=most, head_s=HEAD_S, body_s=BODY_S
            )
        self._room.enter(conn)

    def _arrived(self, conn: Any, arrival: Arrival) -> None:
        if arrival.whole and not arrival.has_head:
            self._refuse(conn, "431 Request Header Fields Too Large")
        elif arrival.large_body and len(self._large) >= max(1, self.cfg.threads // 4):
            self._refuse(conn, "503 Service Unavailable")
        else:
            if arrival.large_body:
                self._large.add(conn)
            conn.data_ready = True
            super().enqueue_req(conn)

    def _refuse(self, conn: Any, status: str) -> None:
        with contextlib.suppress(OSError):
            conn.sock.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            # What is left unread when a connection is closed would take our answer with it.
            conn.sock.recv(256 * 1024, socket.MSG_DONTWAIT)
        self._end(conn)

    def _end(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def finish_request(self, conn: Any, fs: Any) -> None:
        """In the main loop, when a thread is done with a connection."""
        self._large.discard(conn)
        super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        """gunicorn repeats what it could not read, to the log and to the client, and there may be a secret in it."""
        super().handle_error(req, client, addr, _muted(exc) if isinstance(exc, ParseException) else exc)

    def handle(self, conn: Any) -> Any:
        """One request, from its first byte."""
        self._overdue_at[conn] = time.monotonic() + HEAD_S
        try:
            return super().handle(conn)
        finally:
            self._overdue_at.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The head is here."""
        if req.method in ("GET", "HEAD", "OPTIONS"):
            # Nothing more is read; the socket may soon be the relay's.
            self._overdue_at.pop(conn, None)
        else:
            self._overdue_at[conn] = time.monotonic() + BODY_S
        self._reading[conn] = (time.monotonic(), 0)
        try:
            return super().handle_request(req, conn)
        finally:
            self._reading.pop(conn, None)

    def murder_keepalived(self, force: bool = False) -> None:
        """Called at every turn of the main loop."""
        super().murder_keepalived(force)
        if self._room is not None:
            if not self.alive:
                self._room.hurry(STOPPING_S)
            self._room.tidy()
        now = time.monotonic()
        for conn, overdue_at in list(self._overdue_at.items()):
            if now > overdue_at:
                self._overdue_at.pop(conn, None)
                # Whoever reads it sees its end; an answer that is being written goes on.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)
        for conn, (since, taken_before) in list(self._reading.items()):
            if now - since >= READING_S:
                self._look_at_reader(conn, taken_before, now)

    def _look_at_reader(self, conn: Any, taken_before: int, now: float) -> None:
        """End the connection when its answer lies there and hardly any of it was taken."""
        try:
            taken, waiting = _progress(conn.sock)
            if waiting and taken - taken_before < READING_BYTES:
                conn.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, struct.error):
            # No TCP (a reverse proxy's unix socket, a stream that is the relay's by now), or closed already.
            self._reading.pop(conn, None)
            return
        if conn in self._reading:
            self._reading[conn] = (now, taken)


def _muted(exc: ParseException) -> ParseException:
    """The same kind of error, which says no more than its kind."""
    kind = type(exc)
    quiet: Any = type(kind.__name__, (kind,), {"__init__": lambda self: None, "__str__": lambda self: kind.__name__})
    return cast(ParseException, quiet())


def _progress(sock: socket.socket) -> tuple[int, int]:
    """Bytes of the connection that the other side has received, and bytes that still wait. Raises OSError."""
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    (taken,) = struct.unpack_from("=Q", told, _BYTES_ACKED)
    (waiting,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
    return taken, waiting
