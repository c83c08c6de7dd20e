"""The door for relays of other nodes: an HTTP endpoint that gives them a channel from the ring, like viewers.

`GET /peer/<key>` with a proof. Whoever has none is refused before anything is looked up, and nobody holds more than a
thread of ours for two seconds.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import unquote

from restreamer.lib.errors import ConfigurationError
from streaming.relay.seams import Ticket

logger = logging.getLogger(__name__)

PATH = "/peer/"
#: A request is some hundred bytes.
_HEAD_BYTES = 8192
#: So long a caller may take to say what it wants, and so many may be saying it at once.
_PATIENCE_S = 2.0
_MOST_CALLERS = 32

#: Judges a request by relay key and headers (names in lower case): the ticket it is worth, or the refusal's status.
Judge = Callable[[str, dict[str, str]], Ticket | int]
#: Gives the socket to the relay of the ticket's key; whether there is one that feeds others is found out there.
Take = Callable[[Ticket, socket.socket], None]


class NodeDoor:
    """Accepts in a thread of its own."""

    def __init__(self, where: tuple[str, int], judge: Judge, take: Take) -> None:
        """Raises ConfigurationError when it cannot listen there."""
        self._judge = judge
        self._take = take
        self._callers = threading.BoundedSemaphore(_MOST_CALLERS)
        self._listener = _listen(where)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="relay-nodes", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def close(self) -> None:
        """Accept nobody more."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(_PATIENCE_S)
        self._listener.close()

    def _run(self) -> None:
        while not self._closed:
            try:
                sock, address = self._listener.accept()
            except OSError:
                # Closed, or no descriptor is left: do not spin until one is.
                time.sleep(0.02)
                continue
            if not self._callers.acquire(blocking=False):
                sock.close()
                continue
            threading.Thread(target=self._meet, args=(sock, address[0]), name="relay-node", daemon=True).start()

    def _meet(self, sock: socket.socket, address: str) -> None:
        try:
            if not self._hear(sock):
                sock.close()
        except (OSError, ValueError) as err:
            # A caller who left, or says nothing that could be a request.
            logger.debug("A caller from %s was not understood: %s", address, err)
            sock.close()
        finally:
            self._callers.release()

    def _hear(self, sock: socket.socket) -> bool:
        """Whether the socket is the relay's now."""
        method, path, headers = _request(sock)
        if method != "GET" or not path.startswith(PATH):
            return _refuse(sock, 404)
        verdict = self._judge(unquote(path.removeprefix(PATH)), headers)
        if isinstance(verdict, int):
            return _refuse(sock, verdict)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._take(verdict, sock)
        return True


def ticket_for_node(key: str, owner: str, address: str, title: str = "") -> Ticket:
    """What another node is attached by."""
    session_id = f"node-{secrets.token_hex(8)}"
    return Ticket(session_id, key, 0, owner, title or key, peer=address, node=owner, node_address=address)


def not_here(sock: socket.socket) -> None:
    """Tell a node that it must look again who owns the key."""
    with contextlib.suppress(OSError):
        _refuse(sock, 409)
    sock.close()


def _refuse(sock: socket.socket, status: int) -> bool:
    sock.sendall(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
    sock.shutdown(socket.SHUT_WR)
    return False


def _request(sock: socket.socket) -> tuple[str, str, dict[str, str]]:
    """Method, path, headers. Raises OSError, ValueError."""
    until = time.monotonic() + _PATIENCE_S
    said = b""
    while b"\r\n\r\n" not in said:
        sock.settimeout(max(0.01, until - time.monotonic()))
        piece = sock.recv(_HEAD_BYTES)
        said += piece
        if not piece or len(said) > _HEAD_BYTES or time.monotonic() > until:
            raise ValueError("no request came")
    first, *lines = said.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _listen(where: tuple[str, int]) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            where[0] or None, where[1], type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except OSError as err:
        raise ConfigurationError(f"RESTREAMER_INTERNAL_BIND names an unknown host, {where[0]!r}.") from err
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as err:
        listener.close()
        raise ConfigurationError(
            f"Other nodes cannot be listened to on {where[0]}:{where[1]} ({err.strerror}). "
            "Choose another RESTREAMER_INTERNAL_BIND; each relay process takes one port from there on."
        ) from err
    return listener
