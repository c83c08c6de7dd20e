"""A provider's media server for tests: real sockets, strict limits, scripted faults.

It counts what a provider counts: connections open now, at most, and ever, per `mac=` or `key=` of the address. A
connection beyond the limit is refused as strict providers do and noted in `violations`: every test ends with
`assert origin.violations == []` (the `origin` fixture does it).
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.damage import Recipe
from tests.fakes.material import PACKET, Endless, ts

GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR


@dataclass(frozen=True)
class Script:
    """How one connection behaves. The default is a healthy paced stream."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "video/mp2t"
    redirect_to: str = ""
    #: Sent instead of television, then closed.
    body: bytes | None = None
    before_head_s: float = 0.0
    #: The head dribbles out one byte at a time with this pause.
    slow_head_s: float = 0.0
    before_body_s: float = 0.0
    chunked: bool = False
    content_length: int | None = None
    #: Bytes of the stream after which it ends, resets, falls silent (the connection stays) or turns to garbage.
    end_after: int | None = None
    reset_after: int | None = None
    silent_after: int | None = None
    garbage_after: int | None = None
    garbage: bytes = b"<html>not television</html>"
    #: Bytes after which (whole packets) it goes on like this, at this share of real time; see `damage`.
    turn_after: int | None = None
    turn: Recipe | None = None
    turned_speed: float = 1.0
    #: Share of real time at which it sends, and seconds of stream sent at once at the beginning.
    speed: float = 1.0
    burst_s: float = 0.5
    #: Seconds the provider goes on counting the connection after it closed.
    slow_release_s: float = 0.0
    #: Where in the endless stream it begins; not a multiple of 188 = in mid-packet.
    start_at: int = 0
    #: Bytes put in front of every packet (192) or behind it (204).
    packet_prefix: bytes = b""
    packet_suffix: bytes = b""


@dataclass(eq=False)
class Connection:
    """One open media connection."""

    sock: socket.socket
    name: str
    key: str
    headers: dict[str, str]
    target: str
    since: float = field(default_factory=time.monotonic)

    def gone(self) -> bool:
        """Has the other side closed it?"""
        poll = select.poll()
        try:
            poll.register(self.sock, select.POLLRDHUP)
            return any(events & (GONE | select.POLLNVAL) for _, events in poll.poll(0))
        except (OSError, ValueError):
            return True


class TsOrigin:
    """Serves `/live/<name>.ts?mac=…` on loopback, each name an endless stream."""

    def __init__(self, material: bytes | None = None, *, pace: float = 1.0, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        #: How many times faster than real time all streams run: tests need bytes, not patience.
        self.pace = pace
        self.default = Endless(material or ts())
        self.materials: dict[str, Endless] = {}
        self.violations: list[str] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.opened: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.limits: dict[str, int] = {}
        self.refusal_status = 458
        #: Keys the provider refuses from now on: key -> status.
        self.blocked: dict[str, int] = {}
        self._scripts: dict[str, deque[Script]] = defaultdict(deque)
        self._always: dict[str, Script] = {}
        self._open: list[Connection] = []
        self._held: list[tuple[float, str]] = []
        self._lock = threading.RLock()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._accepter = threading.Thread(target=self._accept, name="origin-accept", daemon=True)
        self._accepter.start()

    # --- what tests ask -------------------------------------------------------------------------------------------

    def url(self, name: str = "one", key: str = "") -> str:
        """The address of a stream."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/live/{name}.ts" + (f"?mac={key}" if key else "")

    def script(self, name: str, *steps: Script) -> None:
        """The next connections to `name` behave like these, one each; later ones are healthy."""
        self._scripts[name].extend(steps)

    def always(self, name: str, step: Script) -> None:
        """All connections to `name` that have no step of their own behave like this."""
        self._always[name] = step

    def open(self, name: str | None = None, key: str | None = None) -> int:
        """Media connections open now, of a name, of a key, or all."""
        with self._lock:
            self._bury()
            return sum(1 for c in self._open if name in (None, c.name) and key in (None, c.key))

    def wait_open(self, count: int, *, name: str | None = None, timeout_s: float = 30.0) -> bool:
        """Wait until exactly `count` connections are open."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self.open(name) == count:
                return True
            time.sleep(0.01)
        return False

    def drop(self, key: str | None = None, *, name: str | None = None) -> int:
        """Reset the connections of a key or name (all when neither is given); returns how many."""
        with self._lock:
            hit = [c for c in self._open if key in (None, c.key) and name in (None, c.name)]
            for connection in hit:
                _reset(connection.sock)
                self._open.remove(connection)
        return len(hit)

    def close(self) -> None:
        """End everything and wait for the threads."""
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        self._accepter.join(5)
        for thread in self._threads:
            thread.join(5)

    # --- one connection ----------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), name="origin-serve", daemon=True)
            self._threads = [t for t in self._threads if t.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        connection = None
        script = Script()
        try:
            # Tests hold upstreams that nobody reads, for as long as a busy machine makes them wait.
            sock.settimeout(60)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            target, headers = _request(sock)
            parts = urlsplit(target)
            name = parts.path.rsplit("/", 1)[-1].removesuffix(".ts")
            query = parse_qs(parts.query)
            key = next((query[k][0] for k in ("mac", "key") if k in query), "")
            with self._lock:
                self.requests.append((target, headers))
                script = self._scripts[name].popleft() if self._scripts[name] else self._always.get(name, script)
                refusal = self._refusal(key)
                if not refusal:
                    connection = Connection(sock, name, key, headers, target)
                    self._admit(connection)
            if refusal:
                sock.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % refusal)
                return
            self._answer(sock, name, script)
        except (OSError, ValueError):
            return
        finally:
            with self._lock:
                if connection in self._open:
                    self._open.remove(connection)
                    if script.slow_release_s and connection:
                        self._held.append((time.monotonic() + script.slow_release_s, connection.key))
            sock.close()

    def _refusal(self, key: str) -> int:
        if key in self.blocked:
            return self.blocked[key]
        limit = self.limits.get(key)
        if not limit:
            return 0
        self._bury()
        now = time.monotonic()
        self._held = [(until, k) for until, k in self._held if until > now]
        used = sum(1 for c in self._open if c.key == key)
        if used >= limit:
            self.violations.append(f"{key}: connection {used + 1} of {limit}")
            return self.refusal_status
        return self.refusal_status if used + sum(1 for _, k in self._held if k == key) >= limit else 0

    def _admit(self, connection: Connection) -> None:
        self._open.append(connection)
        for what in {connection.name, connection.key, "all"} - {""}:
            self.opened[what] += 1
            now_open = sum(1 for c in self._open if what in (c.name, c.key, "all"))
            self.peak[what] = max(self.peak[what], now_open)

    def _bury(self) -> None:
        """Forget connections whose other end closed, even if their thread has not noticed."""
        self._open = [c for c in self._open if not c.gone()]

    def _answer(self, sock: socket.socket, name: str, script: Script) -> None:
        if self._pause(sock, script.before_head_s):
            return
        head = _head(script)
        if script.slow_head_s:
            for i in range(len(head)):
                sock.sendall(head[i : i + 1])
                if self._pause(sock, script.slow_head_s):
                    return
        else:
            sock.sendall(head)
        if self._pause(sock, script.before_body_s):
            return
        if script.body is not None or script.redirect_to or script.status != 200:
            sock.sendall(_chunk(script.body or b"", script.chunked))
            if script.chunked:
                sock.sendall(b"0\r\n\r\n")
            sock.shutdown(socket.SHUT_WR)
            self._pause(sock, 2)
            return
        self._stream(sock, self.materials.get(name, self.default), script)

    def _stream(self, sock: socket.socket, endless: Endless, script: Script) -> None:
        sent = 0
        rate = endless.bytes_per_s * script.speed * self.pace
        start = time.monotonic()
        garbage_left = script.garbage_after is not None
        while not self._stopping.is_set():
            due = int((time.monotonic() - start) * rate + script.burst_s * endless.bytes_per_s) - sent
            stop = _first_stop(script, garbage_left)
            size = min(due, 65536) if stop is None else min(due, stop - sent, 65536)
            if size > 0:
                block = endless.read(script.start_at + sent, size)
                sock.sendall(_chunk(_wrapped(block, script), script.chunked))
                sent += size
            if stop is not None and sent >= stop:
                if stop == script.garbage_after and garbage_left:
                    sock.sendall(_chunk(script.garbage, script.chunked))
                    garbage_left = False
                    continue
                if stop == script.turn_after:
                    self._go_on(sock, endless, script, sent)
                    return
                self._stop(sock, script, sent)
                return
            if due <= 65536 and self._pause(sock, 0.02):
                return

    def _go_on(self, sock: socket.socket, endless: Endless, script: Script, begun: int) -> None:
        """The rest of a connection that turned."""
        change = script.turn() if script.turn else bytes
        rate = endless.bytes_per_s * script.turned_speed * self.pace
        start, sent = time.monotonic(), begun
        while not self._stopping.is_set():
            due = begun + int((time.monotonic() - start) * rate) - sent
            size = min(due, 65536) // PACKET * PACKET
            if size > 0:
                block = change(endless.read(script.start_at + sent, size))
                if block:
                    sock.sendall(_chunk(block, script.chunked))
                sent += size
            if due <= 65536 and self._pause(sock, 0.02):
                return

    def _stop(self, sock: socket.socket, script: Script, sent: int) -> None:
        if script.reset_after is not None and sent >= script.reset_after:
            _reset(sock)
        elif script.silent_after is not None and sent >= script.silent_after:
            while not self._pause(sock, 0.5):
                pass
        elif script.chunked:
            sock.sendall(b"0\r\n\r\n")

    def _pause(self, sock: socket.socket, seconds: float) -> bool:
        """Wait; True when the other side has gone meanwhile."""
        if seconds <= 0:
            return False
        poll = select.poll()
        poll.register(sock, select.POLLRDHUP)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stopping.is_set() or poll.poll(min(left, 0.1) * 1000):
                return True
        return False


def self_signed() -> ssl.SSLContext:
    """A server's TLS with a certificate nobody trusts, as many providers have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
    return context


def _request(sock: socket.socket) -> tuple[str, dict[str, str]]:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = sock.recv(65536)
        if not piece:
            raise ValueError("no request")
        raw += piece
    first, *rest = raw.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return first.split(" ")[1], headers


def _head(script: Script) -> bytes:
    status = 302 if script.redirect_to else script.status
    lines: list[Any] = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {script.content_type}", "Connection: close"]
    if script.redirect_to:
        lines.append(f"Location: {script.redirect_to}")
    if script.chunked:
        lines.append("Transfer-Encoding: chunked")
    if script.content_length is not None:
        lines.append(f"Content-Length: {script.content_length}")
    lines += [f"{name}: {value}" for name, value in script.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _chunk(block: bytes, chunked: bool) -> bytes:
    return b"%x\r\n%s\r\n" % (len(block), block) if chunked and block else block


def _wrapped(block: bytes, script: Script) -> bytes:
    """The packets as 192 or 204 bytes. Only for scripts whose sizes are whole packets."""
    if not script.packet_prefix and not script.packet_suffix:
        return block
    packets = (block[i : i + PACKET] for i in range(0, len(block), PACKET))
    return b"".join(script.packet_prefix + packet + script.packet_suffix for packet in packets)


def _first_stop(script: Script, garbage_left: bool) -> int | None:
    stops = [script.end_after, script.reset_after, script.silent_after, script.turn_after]
    if garbage_left:
        stops.append(script.garbage_after)
    return min((stop for stop in stops if stop is not None), default=None)


def _reset(sock: socket.socket) -> None:
    """Close with RST: the linger of zero throws away what is queued. A blocked thread wakes."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RD)
        sock.close()
    except OSError:
        return
