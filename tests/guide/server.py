"""A real server of guides on loopback, with the faults of real ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class GuideServer(ThreadingHTTPServer):
    """Serves `body` at any path; what it was asked stands in `asked`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.body = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        #: Announce this much more than is sent.
        self.cut_bytes = 0
        self.etag = ""
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/guide.xml"


class _Answer(BaseHTTPRequestHandler):
    #: A small answer goes out at once; else each waits 40 ms for the client to acknowledge its headers.
    disable_nagle_algorithm = True
    server: GuideServer

    def do_GET(self) -> None:
        server = self.server
        server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if server.etag and self.headers.get("If-None-Match") == server.etag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(server.status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        if server.etag:
            self.send_header("ETag", server.etag)
        self.send_header("Content-Length", str(len(server.body) + server.cut_bytes))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[GuideServer]:
    """The server while the block runs."""
    server = GuideServer()
    # A short poll, because shutdown waits for it.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
