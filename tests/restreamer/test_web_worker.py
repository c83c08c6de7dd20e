"""Requests that arrive too slowly, too large or broken, at the real server."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from restreamer import web_worker
from restreamer.web_worker import WebWorker
from tests.house import ROOT, free_port

LIMITS = ("--limit-request-line", "4094", "--limit-request-fields", "60", "--limit-request-field_size", "8190")


#: More than any buffer on the way holds.
LONG = 30_000_000


class Hasty(WebWorker):
    """Our worker with less patience."""

    def init_process(self):
        web_worker.HEAD_S, web_worker.BODY_S = 0.5, 0.5
        web_worker.READING_S, web_worker.READING_BYTES = 1.0, 4096
        super().init_process()


def app(environ, start_response):
    size = len(environ["wsgi.input"].read())
    if environ["PATH_INFO"] == "/long":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(LONG))])
        return iter([b"x" * LONG])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [f"{size:3}".encode()]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The server with a single thread: what holds it holds everybody."""
    yield from serving("tests.restreamer.test_web_worker.Hasty")


@pytest.fixture(scope="module")
def patient() -> Iterator[int]:
    """The same with all the patience it has."""
    yield from serving("restreamer.web_worker.WebWorker")


def serving(worker: str) -> Iterator[int]:
    number = free_port()
    where = ("--bind", f"127.0.0.1:{number}", "--worker-class", worker, "--threads", "1")
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "tests.restreamer.test_web_worker:app",
        *where,
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen([*command, *LIMITS], cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 1):
            break
        time.sleep(0.05)
    yield number
    process.terminate()
    _, complaints = process.communicate(timeout=15)
    assert b"Traceback" not in complaints, complaints
    assert b"s3cret" not in complaints, complaints


def answer(port: int, said: bytes, *, more: bytes = b"") -> bytes:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(said)
        with contextlib.suppress(OSError):
            connection.sendall(more)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(4096):
                got += piece
        return got


GET = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc",
    ],
    ids=["line", "headers", "body"],
)
def test_who_stops_in_the_middle_of_a_request_holds_nobody_for_long(port, begun):
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            slow.sendall(begun)
        assert answer(port, GET).endswith(b"\r\n\r\n  0")


HALVES = [
    b"",
    b"GET / HT",
    b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc",
    # Behind a whole request the beginning of another.
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HT",
]


def test_half_a_request_has_no_thread(patient):
    with contextlib.ExitStack() as stack:
        halves = [stack.enter_context(socket.create_connection(("127.0.0.1", patient), 30)) for _ in HALVES * 3]
        for slow, begun in zip(halves, HALVES * 3, strict=True):
            slow.sendall(begun)
        assert answer(patient, GET).endswith(b"\r\n\r\n  0")
        for slow, begun in zip(halves, HALVES * 3, strict=True):
            slow.setblocking(False)
            if begun == HALVES[-1]:
                with contextlib.suppress(BlockingIOError):
                    assert slow.recv(4096).endswith(b"  0")
            with pytest.raises(BlockingIOError):
                slow.recv(1)
        # And each of them is answered when the rest comes.
        for slow, begun, rest in zip(halves, HALVES, [GET, GET[8:], b"b\r\n\r\n", b"x" * 97, GET[8:]], strict=False):
            slow.settimeout(30)
            slow.sendall(rest)
            assert slow.recv(4096).startswith(b"HTTP/1.1 200 OK"), begun


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_request_may_come_in_pieces(port, step):
    body = b"b" * 3000
    said = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n" + body
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, 120, step):
            sock.sendall(said[at : min(at + step, 120)])
        sock.sendall(said[min(120, -(-120 // step) * step) :])
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 OK")


def test_large_bodies_do_not_take_all_threads(port):
    begun = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 30) as first:
        first.sendall(begun + b"x" * 100_000)
        told = [answer(port, begun) for _ in range(2)]
        assert any(one.startswith(b"HTTP/1.1 503 ") for one in told)
    assert answer(port, GET).endswith(b"\r\n\r\n  0")


def test_what_cannot_be_read_is_not_repeated(port):
    for line in (
        b"GET /live/me/s3cret/1.ts",
        b"GET  /s3cret  HTTP/1.1",
        b"G\0T /s3cret HTTP/1.1",
        b"GET /s3cret HTTP/9",
    ):
        got = answer(port, line + b"\r\nHost: h\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 400 ")
        assert b"s3cret" not in got


def test_a_drip_is_no_way_around_it(port):
    with socket.create_connection(("127.0.0.1", port), 30) as slow:
        ended = False
        for letter in b"GET /" + b"x" * 400:
            try:
                slow.sendall(bytes([letter]))
            except OSError:
                ended = True
                break
            time.sleep(0.02)
        with contextlib.suppress(ConnectionResetError):
            assert ended or slow.recv(1) == b""


def reader(port: int) -> socket.socket:
    """Somebody who has asked for something long, with little room for it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", port))
    sock.sendall(b"GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
    return sock


@pytest.mark.parametrize("sips", [False, True], ids=["not at all", "in sips"])
def test_who_does_not_read_an_answer_holds_nobody_for_long(port, sips):
    with contextlib.ExitStack() as stack:
        lazy = [stack.enter_context(reader(port)) for _ in range(2)]
        stop = threading.Event()

        def sip() -> None:
            with contextlib.suppress(OSError):
                while not stop.wait(0.05):
                    lazy[0].recv(64)

        sipping = threading.Thread(target=sip)
        if sips:
            sipping.start()
            stack.callback(sipping.join)
            stack.callback(stop.set)
        assert answer(port, GET).endswith(b"\r\n\r\n  0")


def test_a_slow_reader_gets_it_all(port):
    with reader(port) as slow:
        got, pauses = 0, 30
        while got < LONG and (piece := slow.recv(200_000)):
            got += len(piece)
            if pauses:
                pauses -= 1
                time.sleep(0.1)
    assert got >= LONG


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X-A: " + b"a" * 80_000, b"431"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX-A: b\r\n c: d\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00", b""),
    ],
    ids=["line", "header", "head without end", "headers", "two lengths", "folded", "tls"],
)
def test_what_is_too_large_or_broken_is_refused(port, said, status):
    got = answer(port, said)
    assert got[9:12] == status or (not status and not got.startswith(b"HTTP/1.1 200"))
    assert answer(port, GET).startswith(b"HTTP/1.1 200")
