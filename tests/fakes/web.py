"""A small loopback web server: a path, what it answers, and what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.fakes.portal_wire import Answerer, Reply, page


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]


class FakeWeb:
    """Use it in a `with`; `routes` may be changed while it runs. Unknown paths answer 404."""

    def __init__(
        self, routes: Mapping[str, Reply | Answerer] | None = None, *, certificate: Path | None = None
    ) -> None:
        self.routes: dict[str, Reply | Answerer] = dict(routes or {})
        self.requests: list[Request] = []
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.port: int = self._server.server_address[1]
        self.origin = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> FakeWeb:
        self._thread.start()
        return self

    def __exit__(self, *_trouble: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to print about."""


def _handler(web: FakeWeb) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        #: A small answer goes out at once; else each waits 40 ms for the client to acknowledge its headers.
        disable_nagle_algorithm = True
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            web.requests.append(Request(self.path, dict(self.headers.items())))
            answer = web.routes.get(self.path.partition("?")[0], page(404, "Not Found"))
            if isinstance(answer, Reply):
                answer.send(self)
            else:
                answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
