"""gunicorn's worker of threads, with an end for requests that arrive too slowly.

A client that sends half a request line and then nothing holds one of few threads; a handful of them would hold all.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from restreamer.lib.redact import RedactingFilter

#: From the first byte of a request to the last of its head, and from there to the last of its body.
HEAD_S, BODY_S = 15.0, 60.0


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """Ends the reading side of connections whose request is overdue; the main loop looks about once a second."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: By connection: until when its request must have arrived. Threads add and take away, the main loop looks.
        self._overdue_at: dict[Any, float] = {}

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
        return super().handle_request(req, conn)

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
