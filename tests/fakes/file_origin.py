"""A provider's file server for tests: real sockets, ranges, a strict connection limit, scripted faults.

Like `TsOrigin` it counts connections per `mac=` of the address; one too many is refused and noted in `violations`.
"""

from __future__ import annotations

import random
import re
import select
import socket
import ssl
import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.fakes.upstream import GONE

_PIECE = 65_536


def content(size: int, seed: int = 1) -> bytes:
    """Bytes in which no two places look alike."""
    return random.Random(seed).randbytes(size)


@dataclass(frozen=True)
class File:
    """What a name serves."""

    data: bytes
    etag: str = '"one"'
    content_type: str = "video/x-matroska"


@dataclass(frozen=True)
class Act:
    """How one connection behaves. The default serves ranges and never hurries nor breaks."""

    status: int = 0
    #: Takes no notice of ranges, or answers with this many bytes too late a place.
    no_ranges: bool = False
    shifted: int = 0
    chunked: bool = False
    no_length: bool = False
    #: Bytes of the body after which it breaks off, or falls silent.
    cut_after: int | None = None
    silent_after: int | None = None
    #: At most so many bytes per answer, honestly announced.
    at_most: int | None = None
    body: bytes | None = None
    content_type: str = ""
    redirect_to: str = ""
    etag: str = ""


@dataclass(eq=False)
class _Open:
    sock: socket.socket
    key: str


@dataclass
class Asked:
    """One request as it came in."""

    name: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def range(self) -> str:
        return self.headers.get("range", "")


class FileOrigin:
    """Serves `/file/<name>?mac=…&link=…` on loopback."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.files: dict[str, File] = {}
        self.limits: dict[str, int] = {}
        self.peak: Counter[str] = Counter()
        self.violations: list[str] = []
        self.asked: list[Asked] = []
        #: Links that are good for nothing any more, and whether each is good once.
        self.expired: set[str] = set()
        self.links_good_once = False
        #: Bytes per second; 0 = as fast as it goes.
        self.rate = 0.0
        self._acts: dict[str, deque[Act]] = defaultdict(deque)
        self._always: dict[str, Act] = {}
        self._used: set[str] = set()
        self._open: list[_Open] = []
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._accepter = threading.Thread(target=self._accept, name="file-origin", daemon=True)
        self._accepter.start()

    def url(self, name: str, key: str = "", link: str = "") -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/file/{name}?mac={key}&link={link}"

    def script(self, name: str, *acts: Act) -> None:
        """The next connections to `name` behave like these, one each."""
        self._acts[name].extend(acts)

    def always(self, name: str, act: Act) -> None:
        self._always[name] = act

    def open(self, key: str | None = None) -> int:
        with self._lock:
            self._bury()
            return sum(1 for one in self._open if key in (None, one.key))

    def close(self) -> None:
        self._stopping.set()
        with self._lock:
            for one in self._open:
                _shut(one.sock)
        _shut(self._listener)
        self._listener.close()
        self._accepter.join(2)
        for thread in self._threads:
            thread.join(2)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), name="file-origin-one", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(10)
        if self._tls is not None:
            try:
                sock = self._tls.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        with sock:
            try:
                asked = _request(sock)
                if asked is not None:
                    self._answer(sock, asked)
            except OSError:
                pass

    def _answer(self, sock: socket.socket, asked: Asked) -> None:
        query = parse_qs(urlsplit(asked.target).query)
        key, link = query.get("mac", [""])[0], query.get("link", [""])[0]
        one = _Open(sock, key)
        with self._lock:
            self.asked.append(asked)
            self._bury()
            now_open = sum(1 for other in self._open if other.key == key) + 1
            if key in self.limits and now_open > self.limits[key]:
                self.violations.append(f"{now_open} connections of {key} at once")
                _reply(sock, 429)
                return
            if link in self.expired or (self.links_good_once and link in self._used):
                _reply(sock, 403)
                return
            self._used.add(link)
            act = self._acts[asked.name].popleft() if self._acts[asked.name] else self._always.get(asked.name, Act())
            self.peak[key] = max(self.peak[key], now_open)
            self._open.append(one)
        try:
            self._body(sock, asked, act)
        finally:
            with self._lock:
                if one in self._open:
                    self._open.remove(one)
                _shut(sock)

    def _body(self, sock: socket.socket, asked: Asked, act: Act) -> None:
        if act.redirect_to:
            sock.sendall(f"HTTP/1.1 302 Found\r\nLocation: {act.redirect_to}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        file = self.files.get(asked.name)
        if act.status or file is None:
            _reply(sock, act.status or 404)
            return
        data = file.data if act.body is None else act.body
        status, first, last = _place(asked.range, len(data), act)
        if status == 416:
            _reply(sock, 416, f"Content-Range: bytes */{len(data)}\r\n")
            return
        if act.at_most is not None and status == 206:
            last = min(last, first + act.at_most - 1)
        head = [f"HTTP/1.1 {status} X", f"Content-Type: {act.content_type or file.content_type}"]
        tag = act.etag or file.etag
        head += [f"ETag: {tag}"] if tag else []
        if act.chunked:
            head.append("Transfer-Encoding: chunked")
        elif not act.no_length:
            head.append(f"Content-Length: {last - first + 1}")
        if status == 206:
            head.append(f"Content-Range: bytes {first + act.shifted}-{last}/{len(data)}")
        sock.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        self._pour(sock, data[first : last + 1], act)

    def _pour(self, sock: socket.socket, body: bytes, act: Act) -> None:
        stop = min(one for one in (act.cut_after, act.silent_after, len(body)) if one is not None)
        at = 0
        while at < stop and not self._stopping.is_set():
            piece = body[at : min(at + _PIECE, stop)]
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if act.chunked else piece)
            at += len(piece)
            if self.rate:
                time.sleep(len(piece) / self.rate)
        if act.silent_after is not None:
            while not self._stopping.wait(0.02) and not _gone(sock):
                pass
        elif act.chunked and stop == len(body):
            sock.sendall(b"0\r\n\r\n")

    def _bury(self) -> None:
        self._open = [one for one in self._open if not _gone(one.sock)]


def _request(sock: socket.socket) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    first, *lines = data.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    target = first.split(" ")[1]
    pairs = [line.partition(":") for line in lines]
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Asked(urlsplit(target).path.rpartition("/")[2], target, headers)


def _place(asked: str, size: int, act: Act) -> tuple[int, int, int]:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if match is None or act.no_ranges or act.chunked or act.no_length:
        return 200, 0, size - 1
    if not match[1]:
        return 206, max(0, size - int(match[2])), size - 1
    first, last = int(match[1]), min(int(match[2] or size), size - 1)
    return (416, 0, 0) if first >= size else (206, first, last)


def _reply(sock: socket.socket, status: int, more: str = "") -> None:
    sock.sendall(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 2\r\n\r\nno".encode())


def _gone(sock: socket.socket) -> bool:
    poll = select.poll()
    try:
        poll.register(sock, select.POLLRDHUP)
        return any(events & (GONE | select.POLLNVAL) for _, events in poll.poll(0))
    except (OSError, ValueError):
        return True


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
