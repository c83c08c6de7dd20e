"""A real web server on loopback that serves what a test puts into it, with scripted faults."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass
class Served:
    """One file and how it is sent."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Send ETag and Last-Modified, and answer 304 to whoever knows them.
    conditional: bool = False
    #: Bytes after which the connection is cut, though Content-Length promised all.
    cut_at: int | None = None
    #: No Content-Length: the end is only the closing of the connection.
    until_close: bool = False
    #: Wait before the first byte.
    delay_s: float = 0.0
    modified_at: float = 1_700_000_000.0

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]


class WebFiles:
    """`with WebFiles() as web: web.files["/list.m3u"] = Served(b"…")`; an unknown path is a 404."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, path: str, body: bytes | str, **how: Any) -> str:
        """Serve this at the path; returns its address."""
        self.files[path] = Served(body.encode() if isinstance(body, str) else body, **how)
        return self.url + path

    def __enter__(self) -> WebFiles:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            #: A small answer goes out at once; else each waits 40 ms for the client to acknowledge its headers.
            disable_nagle_algorithm = True
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                web.asked.append(Asked(self.path, dict(self.headers.items())))
                served = web.files.get(self.path) or Served(b"not here", status=404)
                time.sleep(served.delay_s)
                if served.conditional and self._knows(served):
                    self.send_response(304)
                    self.send_header("ETag", served.etag)
                    self.end_headers()
                    return
                self._send(served)

            def _knows(self, served: Served) -> bool:
                if "If-None-Match" in self.headers:
                    return self.headers["If-None-Match"] == served.etag
                return self.headers.get("If-Modified-Since") == formatdate(served.modified_at, usegmt=True)

            def _send(self, served: Served) -> None:
                self.send_response(served.status)
                for name, value in served.headers.items():
                    self.send_header(name, value)
                if served.conditional:
                    self.send_header("ETag", served.etag)
                    self.send_header("Last-Modified", formatdate(served.modified_at, usegmt=True))
                if served.until_close:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                else:
                    self.send_header("Content-Length", str(len(served.body)))
                self.end_headers()
                # Whoever has seen enough hangs up.
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(served.body[: served.cut_at])
                if served.cut_at is not None:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
