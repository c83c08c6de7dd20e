"""A provider for measurements: any number of paced, endless streams from one process. Not measured itself."""

from __future__ import annotations

import argparse
import contextlib
import select
import socket
import ssl
import time

from tests.fakes import material
from tests.fakes.upstream import self_signed

#: One megabyte per second, constant.
MUXING = ("-muxrate", "8000000", "-pat_period", "0.1")
#: Sound packed as encoders do. Such a file does not loop without two sound frames of one time, which decoders mention.
PACKED = ("-pes_payload_size", "2930")
TICK_S = 0.05


def heavy(gop_s: float = 2.0, *, seamless: bool = False) -> bytes:
    """Television of 8 Mbit/s."""
    extra = MUXING if seamless else MUXING + PACKED
    return material.ts(gop_s=gop_s, size="1280x720", bitrate="7200k", extra=extra)


class Connection:
    """One viewer of the provider: the relay."""

    def __init__(self, sock: socket.socket, chunked: bool) -> None:
        self.sock = sock
        self.chunked = chunked
        self.asked = b""
        self.since = 0.0
        self.sent = 0
        self.left = b""


def accept(listener: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    """The next connection. TLS is agreed on while it is heard: nobody's stream waits for another's handshake."""
    sock, _ = listener.accept()
    sock.setblocking(False)
    return tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False) if tls is not None else sock


def serve(
    listener: socket.socket, endless: material.Endless, rate: float, burst_s: float, tls: ssl.SSLContext | None
) -> None:
    """Until killed."""
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections: dict[int, Connection] = {}
    next_tick = time.monotonic()
    while True:
        for fd, _ in poll.poll(max(0.0, next_tick - time.monotonic())):
            if fd == listener.fileno():
                sock = accept(listener, tls)
                connections[sock.fileno()] = Connection(sock, False)
                poll.register(sock, select.EPOLLIN | select.EPOLLRDHUP)
            elif not hear(connections[fd]):
                poll.unregister(fd)
                connections.pop(fd).sock.close()
        if time.monotonic() >= next_tick:
            next_tick = max(next_tick + TICK_S, time.monotonic())
            for connection in connections.values():
                if connection.since:
                    send_due(connection, endless, rate, burst_s)


def hear(connection: Connection) -> bool:
    """Take the request; False when the other side has gone."""
    try:
        piece = connection.sock.recv(65536)
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False
    connection.asked += piece
    if b"\r\n\r\n" in connection.asked and not connection.since:
        connection.chunked = b"chunked" in connection.asked
        framing = b"Transfer-Encoding: chunked\r\n" if connection.chunked else b""
        connection.sock.send(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n" + framing + b"\r\n")
        connection.since = time.monotonic()
    return bool(piece)


def send_due(connection: Connection, endless: material.Endless, rate: float, burst_s: float) -> None:
    """What has come due since the last tick."""
    due = int((time.monotonic() - connection.since + burst_s) * rate) - connection.sent
    if due > 0 and not connection.left:
        block = endless.read(connection.sent, due)
        connection.sent += due
        # Providers write in small pieces.
        pieces = (block[at : at + 8192] for at in range(0, due, 8192))
        connection.left = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) if connection.chunked else block
    with contextlib.suppress(OSError):
        connection.left = connection.left[connection.sock.send(connection.left) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="listening socket")
    parser.add_argument("--gop", type=float, default=2.0)
    parser.add_argument("--burst", type=float, default=1.0, help="seconds sent at once at the beginning")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--seamless", action="store_true", help="sound that loops without a flaw")
    given = parser.parse_args()
    endless = material.Endless(heavy(given.gop, seamless=given.seamless))
    serve(
        socket.socket(fileno=given.fd), endless, endless.bytes_per_s, given.burst, self_signed() if given.tls else None
    )


if __name__ == "__main__":
    main()
