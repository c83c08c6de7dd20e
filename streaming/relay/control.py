"""The relay's front door: a unix socket on which views hand over a ticket and a viewer's descriptor.

One connection per ticket, one line each way: JSON with one descriptor in, `{"ok": true}` or `{"ok": false, "error": …}`
back. `{"ping": true}` without a descriptor is answered too, and `{"poll": …, "bytes": …, "list": …}`: an HLS player
asked for something, maybe for the list, whose last segment has that number; the answer's `state` says what we know of
it, its `session` under which session. Whatever else comes is refused; no descriptor is ever kept that was not asked
for.
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
from dataclasses import dataclass, field
from pathlib import Path

from restreamer.lib.errors import ConfigurationError
from streaming.relay.polling import Heard, Presence
from streaming.relay.seams import Ticket

#: A ticket is some hundred bytes; a User-Agent may be long.
MESSAGE_BYTES = 65_536

#: So long a connection may take to say what it wants.
PATIENCE_S = 2.0

#: Room for unwanted descriptors, so that they can be closed instead of lingering in the kernel's queue.
_DESCRIPTORS = 8


@dataclass(slots=True)
class _Caller:
    """A connection that has not said everything yet."""

    until: float
    said: bytearray = field(default_factory=bytearray)
    fds: list[int] = field(default_factory=list)
    #: What the answer says besides.
    extra: dict[str, str] = field(default_factory=dict)

    def drop_descriptors(self) -> None:
        while self.fds:
            os.close(self.fds.pop())


class ControlSocket:
    """Accepts tickets in a thread of its own; `take(ticket, sock)` gets each, and owns the socket from then on."""

    def __init__(
        self,
        path: Path,
        take: Callable[[Ticket, socket.socket], None],
        hear: Callable[[str, int, int], Heard] = lambda poll, sent_bytes, newest: Heard(Presence.UNKNOWN),
    ) -> None:
        """`hear(poll, bytes, list)` is told of each request of an HLS player, and says what the player is to us."""
        self._path = path
        self._take = take
        self._hear = hear
        self._callers: dict[socket.socket, _Caller] = {}
        self._listener = _listen(path)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._closing = threading.Lock()
        self._running = True
        self._thread = threading.Thread(target=self._run, name="relay-control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Accept nothing more; returns when the socket's file is gone."""
        with self._closing:
            if not self._running:
                return
            self._running = False
            self._wake_out.send(b"x")
            self._thread.join(2)
            self._path.unlink(missing_ok=True)
            for sock in list(self._callers):
                self._forget(sock)
            for sock in (self._listener, self._wake_in, self._wake_out):
                sock.close()
            self._selector.close()

    def _run(self) -> None:
        while self._running:
            for key, _ in self._selector.select(0.5 if self._callers else None):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj is not self._wake_in:
                    self._serve(key.fileobj)
            now = time.monotonic()
            for sock in [sock for sock, caller in self._callers.items() if caller.until < now]:
                self._forget(sock)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            # Already gone, or no descriptor is left: the listener stays readable, so do not spin until one is.
            time.sleep(0.02)
            return
        sock.setblocking(False)
        self._callers[sock] = _Caller(time.monotonic() + PATIENCE_S)
        self._selector.register(sock, selectors.EVENT_READ)

    def _serve(self, sock: socket.socket) -> None:
        caller = self._callers[sock]
        try:
            error = self._listen_to(sock, caller)
        except (ValueError, OSError, RecursionError) as err:
            # Not JSON, not a ticket, JSON nested a thousand deep, a descriptor that is no socket, a caller who left.
            error = str(err) or type(err).__name__
        if error is None:
            return
        with contextlib.suppress(OSError):
            sock.send(json.dumps({"ok": not error, "error": error} | caller.extra).encode() + b"\n")
        self._forget(sock)

    def _listen_to(self, sock: socket.socket, caller: _Caller) -> str | None:
        """Hear the next piece: None when more is to come, "" when all is well, else what is wrong."""
        piece, whole = _receive(sock, caller.fds)
        caller.said += piece
        if not whole:
            return "too many descriptors came along"
        if b"\n" in piece:
            message = bytes(caller.said.partition(b"\n")[0])
            return self._understand(message, caller.fds) if caller.fds else self._hear_out(message, caller)
        if not piece:
            return "the message has no end"
        return "the message is too long" if len(caller.said) > MESSAGE_BYTES else None

    def _understand(self, message: bytes, fds: list[int]) -> str:
        """Take the ticket; returns what is wrong with it, or nothing. A descriptor that is taken leaves the list."""
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

    def _hear_out(self, message: bytes, caller: _Caller) -> str:
        """What comes without a descriptor: a ping, or news of an HLS player."""
        said = json.loads(message)
        if said == {"ping": True}:
            return ""
        news = said if isinstance(said, dict) else {}
        poll, sent_bytes, newest = news.get("poll"), news.get("bytes"), news.get("list", 0)
        if not isinstance(poll, str) or type(sent_bytes) is not int or type(newest) is not int:
            return "no descriptor came along"
        heard = self._hear(poll, sent_bytes, newest)
        caller.extra |= {"state": str(heard.presence), "session": heard.session_id}
        return ""

    def _forget(self, sock: socket.socket) -> None:
        self._callers.pop(sock).drop_descriptors()
        self._selector.unregister(sock)
        sock.close()


def check(ticket: Ticket) -> None:
    """Raises ValueError when a field is not of its type: JSON promises nothing."""
    texts = ("session_id", "key", "viewer_name", "title", "peer", "agent", "protocol", "hls", "uri")
    for name in (*texts, "byte_range", "if_range"):
        if not isinstance(getattr(ticket, name), str):
            raise ValueError(f"{name} is no text")
    if type(ticket.viewer_id) is not int:
        raise ValueError("viewer_id is no number")
    if not ticket.key or not ticket.session_id:
        raise ValueError("key and session_id must not be empty")


def _receive(sock: socket.socket, fds: list[int]) -> tuple[bytes, bool]:
    """The next piece, its descriptors added to `fds`, and whether all of those fitted."""
    room = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
    piece, ancillary, flags, _ = sock.recvmsg(MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            came = array.array("i")
            came.frombytes(data[: len(data) - len(data) % came.itemsize])
            fds.extend(came)
    return piece, not flags & socket.MSG_CTRUNC


def _listen(path: Path) -> socket.socket:
    """A listening socket only its owner may use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as err:
        listener.close()
        raise ConfigurationError(f"The relay's socket {path} cannot be made: {err.strerror or err}.") from err
    finally:
        os.umask(mask)
    listener.listen(1024)
    listener.setblocking(False)
    return listener


def _clear(path: Path) -> None:
    """Remove what a dead relay left behind. Raises ConfigurationError when a living one answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ConfigurationError(f"Another relay already listens on {path}. Stop it first.")
