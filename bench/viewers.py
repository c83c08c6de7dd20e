"""Any number of viewers who discard what they get in the kernel; a process of its own, so that it is not measured.

Prints JSON: bytes, rates and the largest gap over the measured seconds. Viewers either reach an HTTP address, or are
handed to a relay as a web worker would do it.
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from streaming.relay.seams import Ticket


class Viewer:
    """One viewer and what it has seen."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.since = time.monotonic()
        self.first: float | None = None
        self.last = 0.0
        self.gap = 0.0
        self.bytes = 0


def from_relay(path: Path, listener: socket.socket, key: str, number: int) -> socket.socket:
    """Both ends of a TCP connection are ours; the relay gets the server's."""
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    ticket = Ticket(f"s{number}", key, number, "bench", key)
    with server, socket.socket(socket.AF_UNIX) as control:
        control.connect(str(path))
        socket.send_fds(control, [ticket.to_json() + b"\n"], [server.fileno()])
        answer = json.loads(control.recv(65536))
    if not answer["ok"]:
        raise ConnectionError(answer["error"])
    return client


def from_web(url: str) -> socket.socket:
    """A plain HTTP request."""
    parts = urlsplit(url)
    sock = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
    sock.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    return sock


def connect(given: argparse.Namespace) -> list[Viewer]:
    """All viewers, dealt over the keys."""
    viewers = []
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        for number in range(given.viewers):
            key = f"key{number % given.keys}"
            if given.socket:
                sock = from_relay(given.socket, listener, key, number + 1)
            else:
                sock = from_web(given.url)
            sock.setblocking(False)
            viewers.append(Viewer(sock))
    return viewers


def drink(viewers: list[Viewer], poll: select.epoll, by_fd: dict[int, Viewer], until: float) -> int:
    """Read until then; returns how many viewers lost their connection."""
    scratch = bytearray(1 << 20)
    lost = 0
    while (now := time.monotonic()) < until:
        for fd, _ in poll.poll(min(0.5, until - now)):
            viewer = by_fd[fd]
            try:
                count = viewer.sock.recv_into(scratch, len(scratch), socket.MSG_TRUNC)
            except BlockingIOError:
                continue
            except OSError:
                count = 0
            if not count:
                poll.unregister(fd)
                lost += 1
                continue
            now = time.monotonic()
            if viewer.first is None:
                viewer.first = now - viewer.since
            else:
                viewer.gap = max(viewer.gap, now - viewer.last)
            viewer.last = now
            viewer.bytes += count
    return lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, required=True)
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("--warm", type=float, default=8.0)
    parser.add_argument("--socket", type=Path)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    viewers = connect(given)
    poll = select.epoll()
    by_fd = {viewer.sock.fileno(): viewer for viewer in viewers}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    lost = drink(viewers, poll, by_fd, time.monotonic() + given.warm)
    # The parent measures between these two lines.
    print("ready", flush=True)
    seconds = float(sys.stdin.readline())
    for viewer in viewers:
        viewer.gap, viewer.last, viewer.bytes = 0.0, time.monotonic(), 0
    began = time.monotonic()
    lost += drink(viewers, poll, by_fd, began + seconds)
    span = time.monotonic() - began
    rates = sorted(viewer.bytes / span for viewer in viewers)
    first = sorted(viewer.first for viewer in viewers if viewer.first is not None)
    result = {
        "bytes": sum(viewer.bytes for viewer in viewers),
        "seconds": span,
        "slowest_bytes_per_s": rates[0],
        "gap_s": max(max(viewer.gap, time.monotonic() - viewer.last) for viewer in viewers),
        "first_byte_s": first[len(first) // 2] if first else None,
        "lost": lost,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
