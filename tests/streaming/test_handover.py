"""Handing a viewer over to the relay: from gunicorn's own socket, and through a pair where that is not possible."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connection
from django.test import AsyncClient, Client, override_settings

from streaming.handover import RelayUnreachable, ping
from tests.fakes.upstream import Script, TsOrigin
from tests.streaming.relay.rig import PACKET, Player, Rig, begins_cleanly, continuity_errors, wait_for

HERE = Path(__file__).resolve().parents[2]


@pytest.fixture
def rig(origin: TsOrigin, tmp_path: Path, settings: Any) -> Iterator[Rig]:
    origin.pace = 5.0
    with Rig(tmp_path) as running:
        running.opener.urls["one"] = [origin.url("one", "m1")]
        settings.RELAY_SOCKET = running.path
        settings.ROOT_URLCONF = "tests.streaming.handover_app"
        yield running


class Web:
    """A gunicorn of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path, tls: bool) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.tls = tls

    def get(self, path: str, headers: str = "Connection: close\r\n", version: str = "1.1") -> Player:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            sock = context.wrap_socket(sock)
        sock.sendall(f"GET {path} HTTP/{version}\r\nHost: x\r\n{headers}\r\n".encode())
        return Player(sock, None)

    def workers(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def complaints(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if "Traceback" in line or "[ERROR]" in line]


@contextmanager
def gunicorn(rig: Rig, folder: Path, *options: str, tls: bool = False) -> Iterator[Web]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "web.log"
    command = [sys.executable, "-m", "gunicorn", "tests.streaming.handover_app:application"]
    command += ["--bind", f"127.0.0.1:{port}", "--no-control-socket", "--worker-tmp-dir", str(folder), *options]
    if tls:
        make_certificate(folder)
        command += ["--certfile", str(folder / "cert.pem"), "--keyfile", str(folder / "key.pem")]
    environment = {**os.environ, "TEST_RELAY_SOCKET": str(rig.path)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=output, stderr=output)
    web = Web(process, port, log, tls)
    try:
        assert wait_for(lambda: listens(port), 15), log.read_text()
        yield web
    finally:
        process.terminate()
        process.wait(15)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)


THREADS = ("--worker-class", "restreamer.web_worker.WebWorker", "--threads", "4")


@pytest.mark.parametrize(
    ("options", "tls"),
    [(THREADS, False), (("--worker-class", "sync", "--workers", "2"), False), (THREADS, True)],
    ids=["gthread", "sync", "gthread-tls"],
)
def test_gunicorn_hands_its_viewers_over(rig: Rig, tmp_path: Path, options: tuple[str, ...], tls: bool) -> None:
    with gunicorn(rig, tmp_path, *options, tls=tls) as web:
        with web.get("/play/one") as player:
            assert player.status() == 200
            body = player.body(100_000) if not tls else dechunked(player, 100_000)
        assert begins_cleanly(body)
        assert continuity_errors(body) == 0
        assert web.complaints() == []
    assert wait_for(lambda: rig.book.over)


def test_viewers_stay_when_their_worker_is_killed(rig: Rig, tmp_path: Path) -> None:
    with gunicorn(rig, tmp_path, *THREADS, "--workers", "1") as web:
        players = [web.get(f"/play/one?viewer={i}") for i in range(20)]
        for player in players:
            player.body(20_000)
        os.kill(web.workers()[0], signal.SIGKILL)
        for player in players:
            body = player.body(200_000)
            assert continuity_errors(body) == 0
            player.close()


def test_viewers_stay_when_gunicorn_ends(rig: Rig, tmp_path: Path) -> None:
    with gunicorn(rig, tmp_path, *THREADS) as web:
        player = web.get("/play/one")
        player.body(20_000)
        began = time.monotonic()
        web.process.terminate()
        web.process.wait(10)
        # Nothing of the viewing keeps the worker busy.
        assert time.monotonic() - began < 5
    with player:
        assert continuity_errors(player.body(200_000)) == 0


def test_a_worker_has_no_thread_or_socket_in_a_viewing(rig: Rig, tmp_path: Path) -> None:
    with gunicorn(rig, tmp_path, *THREADS) as web:
        with web.get("/hello") as player:
            player.rest()
        (worker,) = web.workers()
        before = sockets_of(worker)
        players = [web.get(f"/play/one?viewer={i}", headers="") for i in range(12)]
        for player in players:
            player.body(10_000)
        assert wait_for(lambda: sockets_of(worker) <= before)
        with web.get("/hello") as player:
            assert b"hello from" in player.rest()
        for player in players:
            player.close()


def sockets_of(pid: int) -> int:
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        # The worker goes on meanwhile: what it closes is no socket of its any more.
        with contextlib.suppress(FileNotFoundError):
            count += str(entry.readlink()).startswith("socket:")
    return count


def test_pipelined_and_http_1_0_requests_are_answered_once(rig: Rig, tmp_path: Path) -> None:
    with gunicorn(rig, tmp_path, *THREADS) as web:
        pipelined = "\r\nGET /hello HTTP/1.1\r\nHost: x\r\n"
        for headers, version in ((pipelined, "1.1"), ("", "1.0")):
            with web.get("/play/one", headers=headers, version=version) as player:
                assert player.head().startswith(f"HTTP/{version} 200")
                body = player.body(100_000)
                assert b"HTTP/1." not in body
                assert continuity_errors(body) == 0


def test_a_refusal_reaches_the_player_whole(rig: Rig, origin: TsOrigin, tmp_path: Path) -> None:
    origin.always("one", Script(status=404))
    with gunicorn(rig, tmp_path, *THREADS) as web, web.get("/play/one") as player:
        assert player.status() == 503
        assert player.rest() == b"Nothing left to try.\n"


def test_without_a_relay_the_view_can_say_so(rig: Rig, tmp_path: Path) -> None:
    with gunicorn(rig, tmp_path, *THREADS) as web:
        rig.stop()
        with web.get("/play/one") as player:
            assert player.status() == 503
            assert "Retry-After: 2" in player.head()
            assert b"is starting" in player.rest()
        assert web.complaints() == []


def dechunked(player: Player, size: int) -> bytes:
    """The body of a chunked answer, at least `size` bytes."""
    out = b""
    rest = player.body(size + size // 10)
    while len(out) < size:
        length, _, rest = rest.partition(b"\r\n")
        count = int(length, 16)
        if len(rest) < count:
            break
        out += rest[:count]
        rest = rest[count + 2 :]
    return out[: len(out) - len(out) % PACKET]


# --- without a server's socket --------------------------------------------------------------------------------------


def collect(pieces: Iterator[bytes], size: int) -> bytes:
    got = b""
    while len(got) < size:
        got += next(pieces)
    return got


def test_the_test_client_gets_the_stream(rig: Rig) -> None:
    response: Any = Client().get("/play/one")
    body = collect(iter(response.streaming_content), 100_000)
    response.close()
    assert response.status_code == 200
    assert response["Content-Type"] == "video/mp2t"
    assert begins_cleanly(body)
    assert wait_for(lambda: rig.book.over)


def test_the_test_client_gets_the_refusal(rig: Rig) -> None:
    response: Any = Client().get("/play/unknown")
    assert response.status_code == 503
    assert response["Retry-After"] == "7"
    assert b"".join(response.streaming_content) == b"Nothing left to try.\n"


def test_asgi_gets_the_stream_without_a_thread_per_viewer(rig: Rig) -> None:
    async def watch() -> bytes:
        response: Any = await AsyncClient().get("/play/one")
        got = b""
        async for piece in response.streaming_content:
            got += piece
            if len(got) > 100_000:
                break
        await response.streaming_content.aclose()
        return got

    assert begins_cleanly(asyncio.run(watch()))
    assert wait_for(lambda: rig.book.over)


def test_wsgiref_serves_it_too(rig: Rig) -> None:
    """runserver is wsgiref: it refuses hop-by-hop headers with an assertion."""
    from tests.streaming.handover_app import application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args: object) -> None: ...

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with socket.create_connection(server.server_address[:2], timeout=5) as sock:
            sock.sendall(b"GET /play/one HTTP/1.1\r\nHost: x\r\n\r\n")
            player = Player(sock, None)
            assert player.status() == 200
            assert begins_cleanly(player.body(50_000))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_who_waits_when_the_relay_ends_is_told(rig: Rig) -> None:
    rig.opener.gate.clear()
    answers: list[bytes] = []

    def ask() -> None:
        response: Any = Client().get("/play/one")
        answers.append(b"%d " % response.status_code + b"".join(response.streaming_content))

    thread = threading.Thread(target=ask)
    thread.start()
    assert wait_for(lambda: rig.opener.opens)
    rig.process.stop()
    thread.join(6)
    rig.opener.gate.set()
    assert answers == [b"503 The channel was stopped. Try again in a moment.\n"]


@pytest.mark.parametrize("answer", [b"", b"garbage", b"[]", b'{"ok": false, "error": "full"}', b"5"])
def test_an_answer_that_is_no_yes_is_an_error(tmp_path: Path, answer: bytes, nothing_left: None) -> None:
    relay = fake_relay(tmp_path / "r.sock", answer)
    with relay as path, override_settings(RELAY_SOCKET=path), pytest.raises(RelayUnreachable):
        ping()


def test_a_relay_that_is_not_there_is_an_error(tmp_path: Path, nothing_left: None) -> None:
    with override_settings(RELAY_SOCKET=tmp_path / "none.sock"), pytest.raises(RelayUnreachable):
        ping()


def test_a_relay_that_is_there_answers(rig: Rig) -> None:
    ping()


@contextmanager
def fake_relay(path: Path, answer: bytes) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(1000)
                if answer:
                    sock.send(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield path
        thread.join(5)


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_by_a_viewing(rig: Rig) -> None:
    connection.ensure_connection()
    response: Any = Client().get("/play/one")
    assert connection.connection is None
    response.close()
