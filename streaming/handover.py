"""The web side of the relay: hands a ticket and a viewer's socket over, in one of two ways the relay cannot tell apart.

Fast path: the server exposes the client's own plain TCP socket (gunicorn does). The relay gets it and answers the
client itself; the worker's descriptor is replaced by a dead one, so whatever the server still writes, shuts down or
closes cannot reach the viewer, and the worker may restart while he watches.

Portable path (TLS in the server, runserver, ASGI, tests): the relay gets one end of a socket pair, and the response
passes on what arrives at the other.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from restreamer.lib.errors import RestreamerError
from streaming.dealing import number_of, socket_of
from streaming.relay.control import MESSAGE_BYTES
from streaming.relay.polling import Heard, Presence
from streaming.relay.seams import Ticket

#: The relay acknowledges within milliseconds; one that restarts is back within two seconds.
ACK_S = 3.0

#: The relay answers every viewer within its own start time-out; a little longer here, so that its reason arrives.
HEAD_MARGIN_S = 5.0

PIECE_BYTES = 262_144
HEAD_BYTES = 16_384


class RelayUnreachable(RestreamerError):
    """The relay process is not there, or does not answer."""

    status = 503
    retry_after_s = 2.0
    public = "The streaming process is starting. Try again in a moment."


def hand_over(request: HttpRequest, ticket: Ticket) -> HttpResponseBase:
    """The response that lets the relay answer this request. Raises RelayUnreachable.

    The caller has checked everything and holds nothing open: database connections are closed here, because a viewing
    lasts for hours.
    """
    for connection in connections.all(initialized_only=True):
        # Inside a transaction (tests) it is not ours to close.
        if not connection.in_atomic_block:
            connection.close()
    client = _client_socket(request)
    if client is not None:
        return _fast(client, ticket)
    return _portable(request, ticket)


def ping(number: int = 1) -> None:
    """Returns when that relay process answers. Raises RelayUnreachable."""
    _send(socket_of(number), b'{"ping": true}', [])


def hear(key: str, poll: str, sent_bytes: int = 0, newest: int = 0) -> Heard:
    """Tell the relay that an HLS player asked for something, and learn what it is to it. Raises RelayUnreachable.

    `newest` is the last segment of the list it is to get, when it asked for the list.
    """
    news = json.dumps({"poll": poll, "bytes": sent_bytes, "list": newest}).encode()
    said = _send(socket_of(number_of(key)), news, [])
    try:
        return Heard(Presence(str(said.get("state"))), str(said.get("session", "")))
    except ValueError as err:
        raise RelayUnreachable(f"The relay says of a player: {said!r:.200}.") from err


def _fast(client: socket.socket, ticket: Ticket) -> HttpResponseBase:
    ours, dead = socket.socketpair()
    try:
        _send(_door(ticket), ticket.to_json(), [client.fileno()])
        dead.close()
        # From here on the server talks to a closed pair: its writes fail with EPIPE, which it takes for a client that
        # has left, and closes at once. The descriptor's number stays, so its own bookkeeping stays right.
        os.dup2(ours.fileno(), client.fileno(), inheritable=False)
    finally:
        ours.close()
        dead.close()
    # Never seen by anyone but the access log.
    return StreamingHttpResponse(iter(()), content_type="video/mp2t")


def _portable(request: HttpRequest, ticket: Ticket) -> HttpResponseBase:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            _send(_door(ticket), ticket.to_json(), [theirs.fileno()])
        status, headers, rest = _read_head(ours)
    except BaseException:
        # Whatever ended it, this end has no other owner.
        ours.close()
        raise
    body: Any = _pieces_async(ours, rest) if isinstance(request, ASGIRequest) else _Pieces(ours, rest)
    response = StreamingHttpResponse(body, status=status)
    for name, value in headers:
        # Hop-by-hop: the server decides how this connection ends.
        if name.lower() != "connection":
            response[name] = value
    return response


class _Pieces(Iterator[bytes]):
    """What arrives from the relay, until its end; closing it tells the relay that the viewer left."""

    def __init__(self, sock: socket.socket, first: bytes) -> None:
        sock.settimeout(None)
        self._sock = sock
        self._first = first

    def __next__(self) -> bytes:
        first, self._first = self._first, b""
        try:
            piece = first or self._sock.recv(PIECE_BYTES)
        except OSError:
            piece = b""
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Called by Django when the response is over, whoever ended it."""
        self._sock.close()


async def _pieces_async(sock: socket.socket, first: bytes) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    with sock:
        sock.setblocking(False)
        piece = first or await loop.sock_recv(sock, PIECE_BYTES)
        while piece:
            yield piece
            piece = await loop.sock_recv(sock, PIECE_BYTES)


def _client_socket(request: HttpRequest) -> socket.socket | None:
    """The client's own socket when bytes written to it reach him unchanged."""
    client = request.META.get("gunicorn.socket")
    # Exactly the plain class: not TLS, not gevent's, which keeps the descriptor in its own event loop.
    if type(client) is not socket.socket or client.type != socket.SOCK_STREAM:
        return None
    # HTTP/2 frames belong to the server. It names itself in HTTP_VERSION, a header nobody else sends.
    plain = request.META.get("SERVER_PROTOCOL") in ("HTTP/1.0", "HTTP/1.1") and "HTTP_VERSION" not in request.META
    return client if plain else None


def _door(ticket: Ticket) -> Path:
    """The socket of the relay process that serves what the ticket is for."""
    return socket_of(number_of(ticket.key))


def _send(path: Path, message: bytes, fds: list[int]) -> dict[str, Any]:
    """One message to a relay process and its answer. Raises RelayUnreachable."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(ACK_S)
            control.connect(str(path))
            line = message + b"\n"
            # The descriptors travel with the first bytes. Nothing may be sent after the last: the relay may already
            # have answered and hung up, and even an empty send would fail.
            rest = line[socket.send_fds(control, [line], fds) :]
            if rest:
                control.sendall(rest)
            with control.makefile("rb") as answers:
                answer = json.loads(answers.readline(MESSAGE_BYTES) or b"{}")
    except (OSError, ValueError) as err:
        raise RelayUnreachable(f"The relay does not answer: {err}.") from err
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise RelayUnreachable(f"The relay refused the ticket: {answer!r:.200}.")
    return answer


def _read_head(sock: socket.socket) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and what came of the body. Raises RelayUnreachable when the relay went away before that."""
    until = time.monotonic() + settings.RELAY_START_TIMEOUT_S + HEAD_MARGIN_S
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            sock.settimeout(max(0.01, until - time.monotonic()))
            piece = sock.recv(PIECE_BYTES)
            if not piece or len(data) > HEAD_BYTES:
                raise RelayUnreachable("The relay went away before it answered.")
            data += piece
    except OSError as err:
        raise RelayUnreachable(f"The relay gave no answer: {err}.") from err
    head, rest = data.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    return int(first.split(" ")[1]), [(name, value.strip()) for name, _, value in pairs], rest
