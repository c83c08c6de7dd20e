"""Movies passed through, beside nginx doing the same in the same run: CPU seconds per GB, slowest movie.

python -m bench.movies [--movies 20] [--rate 20e6] [--seconds 10]

The provider sends files as fast as they are taken; players take each at `rate` bytes per second. The relay's process
and nginx's processes are counted, not the provider and not the players.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import measure
from bench.relay_process import AddressOpener, EmptyBook
from portals.providers.records import PlayUrl
from streaming.passthrough.seams import FileFacts, FileSource, Seat
from streaming.passthrough.upstream import RangedSource, playlist_source
from streaming.relay.process import RelayProcess, prepare_process, stop_on_signals
from streaming.relay.seams import Ticket
from streaming.sources.firstbytes import PlaylistAnswer

FILE_BYTES = 8 << 30
_PIECE_BYTES = 1 << 20

_NGINX = """
worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location / {{
    proxy_pass {origin}; proxy_max_temp_file_size 0; {buffers}
  }} }}
}}
"""
#: As it comes, and with as much memory per movie as our pipe has.
_BUFFERS = {"nginx": "", "nginx, 1 MiB of buffers": "proxy_buffers 16 64k; proxy_busy_buffers_size 512k;"}


class AddressSeat:
    """A slot nobody counts, on the one file there is."""

    candidate = offer = lease_id = "one"
    label, container, subscription_id = "bench", "mkv", 1

    def __init__(self, url: str) -> None:
        self._play = PlayUrl(url)

    def source(self, byte_range: str) -> FileSource:
        return RangedSource(self._play, byte_range)

    def as_playlist(self, answer: PlaylistAnswer) -> FileSource:
        return playlist_source(self._play, answer.final_url)

    def worked(self, facts: FileFacts) -> None:
        return

    def again_in_s(self, error: Exception, closed_ago_s: float) -> float | None:
        return None


class AddressSeats:
    """As many as are wanted."""

    def __init__(self, url: str) -> None:
        self._url = url

    def take(self, ticket: Ticket, tried: Collection[str], cancelled: threading.Event) -> Seat:
        return AddressSeat(self._url)

    def leave(self, seat: Seat, *, used: bool) -> None:
        return

    def renew(self, lease_ids: Collection[str]) -> set[str]:
        return set()


def serve_relay(path: Path, url: str) -> None:
    """The relay process as in production, with slots that nobody counts."""
    logging.basicConfig(level=logging.WARNING)
    prepare_process()
    process = RelayProcess(AddressOpener(url), EmptyBook(), path, seats=AddressSeats(url))
    stop_on_signals(process)
    process.run()


def serve_file(fd: int) -> None:
    """The provider: a long file, ranges, a thread per connection, the kernel's own sending."""
    listener = socket.socket(fileno=fd)
    with tempfile.TemporaryFile() as file:
        file.truncate(FILE_BYTES)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_send, args=(sock, file.fileno()), daemon=True).start()


def _send(sock: socket.socket, file: int) -> None:
    with sock:
        asked = b""
        while b"\r\n\r\n" not in asked:
            piece = sock.recv(65536)
            if not piece:
                return
            asked += piece
        head = "HTTP/1.1 200 OK\r\n"
        if b"range:" in asked.lower():
            head = f"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-{FILE_BYTES - 1}/{FILE_BYTES}\r\n"
        head += f"Content-Type: video/x-matroska\r\nContent-Length: {FILE_BYTES}\r\nConnection: close\r\n\r\n"
        at = 0
        try:
            sock.sendall(head.encode())
            while at < FILE_BYTES:
                at += os.sendfile(sock.fileno(), file, at, _PIECE_BYTES)
        except OSError:
            return


def drink(count: int, rate: float, *, relay: Path | None, url: str) -> None:
    """The players: each takes `rate` bytes per second. Prints "ready", is told for how long, prints what it got."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        socks = [_from_relay(relay, listener, n) if relay else _from_web(url) for n in range(count)]
    scratch = bytearray(_PIECE_BYTES)
    _take(socks, rate, 2.0, scratch)
    print("ready", flush=True)
    seconds = float(sys.stdin.readline())
    began = time.monotonic()
    got = _take(socks, rate, seconds, scratch)
    span = time.monotonic() - began
    print(json.dumps({"bytes": sum(got), "seconds": span, "slowest": min(got) / span}), flush=True)


def _take(socks: list[socket.socket], rate: float, seconds: float, scratch: bytearray) -> list[int]:
    began, got = time.monotonic(), [0] * len(socks)
    while (now := time.monotonic() - began) < seconds:
        for index, sock in enumerate(socks):
            while (due := int(now * rate) - got[index]) > 0:
                try:
                    count = sock.recv_into(scratch, min(due, len(scratch)), socket.MSG_TRUNC | socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                if not count:
                    raise ConnectionError("a movie ended")
                got[index] += count
        select.select([], [], [], 0.005)
    return got


def _from_relay(path: Path, listener: socket.socket, number: int) -> socket.socket:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    ticket = Ticket(f"s{number}", f"movie:{number}:ab", number, "bench", "a movie")
    with server, socket.socket(socket.AF_UNIX) as control:
        control.connect(str(path))
        socket.send_fds(control, [ticket.to_json() + b"\n"], [server.fileno()])
        if not json.loads(control.recv(65536))["ok"]:
            raise ConnectionError("the relay takes no ticket")
    return client


def _from_web(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").strip("/").partition(":")
    sock = socket.create_connection((host, int(port)))
    sock.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
    return sock


@contextmanager
def provider() -> Iterator[str]:
    """The file server, in its own process."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        port = listener.getsockname()[1]
        command = ("-m", "bench.movies", "--serve-file", str(listener.fileno()))
        with measure.started(*command, pass_fds=(listener.fileno(),)):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def nginx(folder: Path, origin: str, buffers: str) -> Iterator[tuple[int, str]]:
    """nginx in front of it; its process and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, origin=origin, buffers=buffers))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", port)) and time.monotonic() < until:
                time.sleep(0.05)
        yield process.pid, f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def run(given: argparse.Namespace, pid: int, *where: str) -> dict[str, float]:
    """Let the players take their movies and measure the tree of `pid` meanwhile."""
    command = [sys.executable, "-m", "bench.movies", "--drink", str(given.movies), "--rate", str(given.rate), *where]
    client = subprocess.Popen(command, cwd=measure.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdin is not None
    assert client.stdout is not None
    if client.stdout.readline().strip() != "ready":
        raise RuntimeError("the players did not get ready")
    before = measure.cpu_s(pid)
    client.stdin.write(f"{given.seconds}\n")
    client.stdin.flush()
    result: dict[str, float] = json.loads(client.stdout.readline())
    result |= {"cpu_s": measure.cpu_s(pid) - before, "memory": measure.memory_bytes(pid)}
    client.wait(30)
    return result


def line(label: str, result: dict[str, float]) -> str:
    """One row of the table."""
    return (
        f"{label:<24} {result['cpu_s'] / (result['bytes'] / 1e9):>9.3f} "
        f"{result['bytes'] / result['seconds'] / 1e6:>8.0f} {result['slowest'] / 1e6:>8.1f} "
        f"{result['memory'] / 2**20:>7.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--movies", type=int, default=20)
    parser.add_argument("--rate", type=float, default=20e6, help="bytes per second and movie")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--serve-file", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve-relay", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--drink", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--socket", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve_file is not None:
        serve_file(given.serve_file)
    if given.serve_relay is not None:
        serve_relay(given.serve_relay, given.url)
        return
    if given.drink is not None:
        drink(given.drink, given.rate, relay=given.socket, url=given.url)
        return
    print(f"{given.movies} movies at {given.rate / 1e6:g} MB/s")
    print(f"{'':<24} {'CPU s/GB':>9} {'MB/s':>8} {'slowest':>8} {'MiB':>7}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        origin = stack.enter_context(provider())
        with measure.started(
            "-m", "bench.movies", "--serve-relay", str(folder / "relay.sock"), "--url", origin
        ) as process:
            measure.wait_for_socket(folder / "relay.sock")
            print(line("relay", run(given, process.pid, "--socket", str(folder / "relay.sock"))), flush=True)
        for label, buffers in _BUFFERS.items():
            with nginx(folder, origin, buffers) as (pid, url):
                print(line(label, run(given, pid, "--url", url)), flush=True)


if __name__ == "__main__":
    main()
