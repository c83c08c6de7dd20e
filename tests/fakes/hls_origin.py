"""A strict HLS provider on loopback: live windows, ranges, keys, redirects and scripted faults.

It counts connections as a provider does: a second one that is open at the same time is a violation, and a request
for something it never announced is remembered in `unannounced`.
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Answer:
    """What is sent for a path. `pause` is waited for after `pause_after` bytes of the body (a stall)."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: The length announced is another than the real one (a cut), and the connection ends after the body.
    announced: int | None = None
    chunked: bool = False
    ignores_range: bool = False
    pause: threading.Event | None = None
    pause_after: int = 0
    #: Drop the connection without an answer.
    drop: bool = False
    close: bool = False


class HlsOrigin:
    """Serves what `serve` was told. Use it in a `with`."""

    def __init__(self, limit: int = 1, tls: ssl.SSLContext | None = None) -> None:
        self.limit = limit
        self.scheme = "https" if tls else "http"
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.unannounced: list[str] = []
        self.violations: list[str] = []
        self.opened = 0
        self._routes: dict[str, Answer | Callable[[str, dict[str, str]], Answer]] = {}
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._ending = threading.Event()
        self._requested = threading.Condition(self._lock)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.origin = self
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on and break the open ones."""
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self.break_connections()

    def break_connections(self) -> None:
        """Reset everything that is open."""
        with self._lock:
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a path; "localhost" is another host to a client."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def serve(self, path: str, answer: Answer | bytes | str | Callable[[str, dict[str, str]], Answer]) -> None:
        """Announce what `path` (without its query) is answered with, replacing what it was."""
        if isinstance(answer, str):
            answer = answer.encode()
        if isinstance(answer, bytes):
            answer = Answer(answer)
        with self._lock:
            self._routes[path] = answer

    def withdraw(self, path: str) -> None:
        """From now on 404, and no surprise."""
        self.serve(path, Answer(b"<html>404</html>", status=404))

    def paths(self) -> list[str]:
        """What was asked for, in order, without queries."""
        with self._lock:
            return [target.partition("?")[0] for target, _ in self.requests]

    def wait_for(self, path: str, count: int = 1, timeout_s: float = 10.0) -> None:
        """Until `path` was asked for so many times. Raises TimeoutError."""

        def seen() -> bool:
            return sum(target.partition("?")[0] == path for target, _ in self.requests) >= count

        with self._requested:
            if not self._requested.wait_for(seen, timeout_s):
                raise TimeoutError(f"{path} was not asked for {count} times: {self.requests}")

    def open_connections(self) -> int:
        """Connections whose other end has not closed."""
        with self._lock:
            return sum(_is_open(sock) for sock in self._sockets)

    # For the handler --------------------------------------------------------------------------------------------

    def _accepted(self, sock: socket.socket, peer: Any) -> None:
        with self._lock:
            others = [other for other in self._sockets if _is_open(other)]
            self._sockets.add(sock)
            self.opened += 1
            if len(others) + 1 > self.limit:
                self.violations.append(f"{peer} while {len(others)} open")

    def _gone(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(sock)

    def _answer(self, target: str, headers: dict[str, str]) -> Answer:
        path = target.partition("?")[0]
        with self._requested:
            self.requests.append((target, headers))
            self._requested.notify_all()
            route = self._routes.get(path)
            if route is None:
                self.unannounced.append(target)
                return Answer(b"<html>404</html>", status=404)
        return route(target, headers) if callable(route) else route


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    origin: HlsOrigin

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is what these tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.origin._accepted(self.connection, self.client_address)

    def finish(self) -> None:
        self.server.origin._gone(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        answer = self.server.origin._answer(self.path, {k.lower(): v for k, v in self.headers.items()})
        if answer.drop:
            self.close_connection = True
            return
        body, status, headers = self._ranged(answer)
        self.send_response(status)
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body) if answer.announced is None else answer.announced))
        self.end_headers()
        for piece in self._pieces(body, answer):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.chunked else piece)
        if answer.chunked:
            self.wfile.write(b"0\r\n\r\n")
        if answer.close or (answer.announced is not None and answer.announced != len(body)):
            self.close_connection = True

    def _ranged(self, answer: Answer) -> tuple[bytes, int, dict[str, str]]:
        wanted = self.headers.get("Range", "")
        if not wanted.startswith("bytes=") or answer.ignores_range or answer.status != 200:
            return answer.body, answer.status, {}
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        end = int(last) if last else len(answer.body) - 1
        said = f"bytes {first}-{end}/{len(answer.body)}"
        return answer.body[int(first) : end + 1], 206, {"Content-Range": said}

    def _pieces(self, body: bytes, answer: Answer) -> Iterator[bytes]:
        if answer.pause is not None:
            yield body[: answer.pause_after]
            self.wfile.flush()
            while not answer.pause.wait(0.02) and not self.server.origin._ending.is_set():
                if not _is_open(self.connection):
                    return
            body = body[answer.pause_after :]
        for at in range(0, len(body), 50_000):
            yield body[at : at + 50_000]

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def _is_open(sock: socket.socket) -> bool:
    """The other end has not closed. (A client that pipelines would look closed; ours does not.)"""
    try:
        # Not by the TLS layer, which cannot peek.
        return socket.socket.recv(sock, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def playlist(
    names: list[str] | list[tuple[str, float]],
    *,
    first: int | None = 0,
    target: float = 1,
    ended: bool = False,
    head: tuple[str, ...] = (),
    before: dict[int, tuple[str, ...]] | None = None,
) -> str:
    """The text of a media list: `names` (one second each unless said), extra tags before the n-th of them."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{target:g}"]
    if first is not None:
        lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
    lines += head
    for n, entry in enumerate(names):
        name, duration = entry if isinstance(entry, tuple) else (entry, 1.0)
        lines += (before or {}).get(n, ())
        lines += [f"#EXTINF:{duration:.3f},", name]
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"
