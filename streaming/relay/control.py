"""The relay's front door: a unix socket on which views hand over a ticket and a viewer's descriptor.

One connection per ticket, one message each way: JSON with one descriptor in, `{"ok": true}` or `{"ok": false, "error":
…}` back. `{"ping": true}` without a descriptor is answered too. Whatever else comes is refused; no descriptor is
ever kept that was not asked for.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import selectors
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from restreamer.lib.errors import ConfigurationError
from streaming.relay.seams import Ticket

#: A ticket is some hundred bytes; a User-Agent may be long.
MESSAGE_BYTES = 65_536

#: So long a connection may take to say what it wants.
PATIENCE_S = 2.0

#: Room for unwanted descriptors, so that they can be closed instead of lingering in the kernel's queue.
_DESCRIPTORS = 8


class ControlSocket:
    """Accepts tickets in a thread of its own; `take(ticket, sock)` gets each, and owns the socket from then on."""

    def __init__(self, path: Path, take: Callable[[Ticket, socket.socket], None]) -> None:
        self._path = path
        self._take = take
        self._listener = _listen(path)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._deadlines: dict[socket.socket, float] = {}
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._running = True
        self._thread = threading.Thread(target=self._run, name="relay-control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Accept nothing more; returns when the socket's file is gone."""
        if not self._running:
            return
        self._running = False
        self._wake_out.send(b"x")
        self._thread.join(2)
        with contextlib.suppress(OSError):
            self._path.unlink()
        for sock in (*self._deadlines, self._listener, self._wake_in, self._wake_out):
            sock.close()
        self._selector.close()

    def _run(self) -> None:
        while self._running:
            for key, _ in self._selector.select(0.5 if self._deadlines else None):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj is not self._wake_in:
                    self._serve(key.fileobj)
            now = time.monotonic()
            for sock in [sock for sock, until in self._deadlines.items() if until < now]:
                self._forget(sock)

    def _accept(self) -> None:
        # Refused for want of descriptors, or already gone: the view sees it and says so.
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            self._deadlines[sock] = time.monotonic() + PATIENCE_S
            self._selector.register(sock, selectors.EVENT_READ)

    def _serve(self, sock: socket.socket) -> None:
        try:
            message, fds, whole = _receive(sock)
        except OSError:
            self._forget(sock)
            return
        try:
            error = self._understand(message, fds) if whole else "the message is too long"
        except ValueError as err:
            error = str(err)
        finally:
            for fd in fds:
                os.close(fd)
        with contextlib.suppress(OSError):
            sock.send(json.dumps({"ok": not error, "error": error}).encode())
        self._forget(sock)

    def _understand(self, message: bytes, fds: list[int]) -> str:
        """Take the ticket; returns what is wrong with it, or nothing. Descriptors taken leave the list."""
        if not fds:
            return "" if json.loads(message) == {"ping": True} else "no descriptor came along"
        if len(fds) != 1:
            return "more than one descriptor came along"
        ticket = Ticket.from_json(message)
        check(ticket)
        if not stat.S_ISSOCK(os.fstat(fds[0]).st_mode):
            return "the descriptor is no socket"
        sock = socket.socket(fileno=fds.pop())
        if sock.type != socket.SOCK_STREAM:
            sock.close()
            return "the descriptor is no stream socket"
        self._take(ticket, sock)
        return ""

    def _forget(self, sock: socket.socket) -> None:
        self._deadlines.pop(sock, None)
        self._selector.unregister(sock)
        sock.close()


def check(ticket: Ticket) -> None:
    """Raises ValueError when a field is not of its type: JSON promises nothing."""
    for name in ("session_id", "key", "viewer_name", "title", "peer", "agent", "protocol"):
        if not isinstance(getattr(ticket, name), str):
            raise ValueError(f"{name} is no text")
    if type(ticket.viewer_id) is not int:
        raise ValueError("viewer_id is no number")
    if not ticket.key or not ticket.session_id:
        raise ValueError("key and session_id must not be empty")


def _receive(sock: socket.socket) -> tuple[bytes, list[int], bool]:
    """The message, its descriptors, and whether it fitted."""
    room = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
    message, ancillary, flags, _ = sock.recvmsg(MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return message, list(fds), not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)


def _listen(path: Path) -> socket.socket:
    """A listening socket only its owner may use. Packets, not a stream: a message comes whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as err:
        listener.close()
        raise ConfigurationError(f"The relay's socket {path} cannot be made: {err.strerror}.") from err
    finally:
        os.umask(mask)
    listener.listen(1024)
    listener.setblocking(False)
    return listener


def _clear(path: Path) -> None:
    """Remove what a dead relay left behind. Raises ConfigurationError when a living one answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ConfigurationError(f"Another relay already listens on {path}. Stop it first.")
