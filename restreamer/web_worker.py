"""gunicorn's worker of threads, with an end for requests that arrive too slowly and answers nobody reads.

A client that sends half a request line and then nothing holds one of few threads, and so does one that asks for a long
list and reads none of it; a handful of them would hold all.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import socket
import struct
import termios
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from restreamer.lib.redact import RedactingFilter

#: From the first byte of a request to the last of its head, and from there to the last of its body.
HEAD_S, BODY_S = 15.0, 60.0
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

    def init_process(self) -> None:
        """gunicorn's own words of a request hold its address, and so a token."""
        logging.getLogger("gunicorn.error").addFilter(RedactingFilter())
        super().init_process()

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


def _progress(sock: socket.socket) -> tuple[int, int]:
    """Bytes of the connection that the other side has received, and bytes that still wait. Raises OSError."""
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    (taken,) = struct.unpack_from("=Q", told, _BYTES_ACKED)
    (waiting,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
    return taken, waiting
