"""How bytes come from a source to the relay's loop: straight from its socket, or through a thread that reads."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import socket
import ssl
import sys
import termios
import threading
from collections import deque
from typing import Protocol

from streaming.faults import Fault, UpstreamError
from streaming.mpegts.packets import PACKET_SIZE
from streaming.sources.base import Source, framing_of
from streaming.sources.framing import Piece

logger = logging.getLogger(__name__)

#: At most so much is taken from one source at a time.
MOST_BYTES = 11_000 * PACKET_SIZE

#: What may come between two reads: television of 20 Mbit/s for half a second.
ROOM_BYTES = 1_250_000

#: A reading thread that is so far ahead of the loop waits: the provider is slowed by its own socket.
AHEAD_BYTES = 8 * 1024 * 1024


class Feed(Protocol):
    """What the loop asks for bytes; never blocks."""

    def pump(self) -> bytes:
        """What has come since the last call. Raises UpstreamError when the source ended and all of it was taken."""

    def stop(self) -> None:
        """No more; the source itself is closed elsewhere."""


def feed_for(source: Source, scratch: memoryview) -> Feed:
    """The cheapest way to read an opened source. `scratch` is the loop's own reading buffer."""
    sock = source.direct_socket()
    if sock is not None:
        return DirectFeed(source, sock, scratch)
    return ThreadFeed(source)


class DirectFeed:
    """The loop reads the upstream's socket itself, also through TLS: a thread per upstream would cost more."""

    def __init__(self, source: Source, sock: socket.socket, scratch: memoryview) -> None:
        sock.setblocking(False)
        _make_room(sock)
        self._sock = sock
        #: TLS gives one record at a time, 16 KiB at most, and may have the next one already.
        self._in_records = isinstance(sock, ssl.SSLSocket)
        self._framing = framing_of(source)
        #: Of the body, read and not handed on: at first all of the head, then less than a packet.
        self._rest = source.head
        self._scratch = scratch
        self._error: UpstreamError | None = None

    def pump(self) -> bytes:
        """Whole packets only, which spares copies of them later."""
        data = b"" if self._error is not None else self._packets(self._read())
        if not data and self._error is not None:
            raise self._error
        return data

    def stop(self) -> None:
        self._error = UpstreamError(Fault.ENDED, "The connection was closed by us.")

    def _packets(self, pieces: list[Piece]) -> bytes:
        """The whole packets of the rest and what has come behind it, joined once; what is less is the next rest."""
        if self._rest:
            pieces.insert(0, self._rest)
            self._rest = b""
        over = sum(map(len, pieces)) % PACKET_SIZE
        while over:
            last = pieces.pop()
            begin = max(len(last) - over, 0)
            self._rest = bytes(last[begin:]) + self._rest
            over -= len(last) - begin
            if begin:
                pieces.append(last[:begin])
        return b"".join(pieces)

    def _read(self) -> list[Piece]:
        """What there is of the body behind the rest."""
        read = self._records() if self._in_records else self._direct()
        framing = self._framing
        if framing is None:
            return [read] if read else []
        pieces: list[Piece] = []
        try:
            pieces += framing.pieces(bytes(read))
        except UpstreamError as err:
            self._error = err
        if framing.ended and self._error is None:
            self._error = UpstreamError(Fault.ENDED)
        return pieces

    def _direct(self) -> Piece:
        """What there is on the wire. Of a body that stands there as it is only whole packets, the rest counted in."""
        try:
            there, before = _readable(self._sock), 0 if self._framing else len(self._rest)
            due = min(there - (there + before) % PACKET_SIZE, MOST_BYTES)
            # To hear of the end, something must be asked for.
            data = self._sock.recv(due if due > 0 else PACKET_SIZE)
        except BlockingIOError:
            return b""
        except (OSError, ValueError):
            self._error = UpstreamError(Fault.RESET)
            return b""
        if not data:
            self._end()
        return data

    def _records(self) -> Piece:
        """What there is on the wire, out of TLS; it stays what it is until the next one is read."""
        filled = 0
        while self._error is None and filled < len(self._scratch):
            try:
                count = self._sock.recv_into(self._scratch[filled:])
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError:
                self._error = UpstreamError(Fault.RESET)
                break
            filled += count
            if not count:
                self._end()
        return self._scratch[:filled]

    def _end(self) -> None:
        """A framed body says itself where it ends; this one did not."""
        self._error = UpstreamError(Fault.RESET if self._framing else Fault.ENDED)


def _make_room(sock: socket.socket) -> None:
    """Have the kernel keep what comes between two reads, from the first second on.

    Its buffer grows by itself, but only after the provider was slowed for a while. A low-water mark makes it grow at
    once and, unlike a size that is set, does not keep it from growing further.
    """
    with contextlib.suppress(OSError):
        for mark in (ROOM_BYTES, 1):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark)


def _readable(sock: socket.socket) -> int:
    """How many bytes a socket has for us. Raises ValueError when it was closed meanwhile."""
    return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


class ThreadFeed:
    """A thread reads the source in its own way; the loop fetches what it has."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pieces: deque[bytes] = deque((source.head,) if source.head else ())
        self._ahead_bytes = len(source.head)
        self._error: UpstreamError | None = None
        self._stopped = False
        self._room = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="relay-read", daemon=True)
        self._thread.start()

    def pump(self) -> bytes:
        with self._room:
            error = self._error
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._ahead_bytes = 0
            self._room.notify()
        if not data and error is not None:
            raise error
        return data

    def stop(self) -> None:
        with self._room:
            self._stopped = True
            self._room.notify()

    def _read(self) -> None:
        try:
            while self._put(self._source.read()):
                pass
        except UpstreamError as err:
            self._end(err)
        except Exception:
            # The boundary of the thread: a defect in a source is a fault of this upstream, not a silent thread.
            logger.exception("A source failed as none should")
            self._end(UpstreamError(Fault.RESET))

    def _end(self, error: UpstreamError) -> None:
        with self._room:
            self._error = error

    def _put(self, piece: bytes) -> bool:
        with self._room:
            self._pieces.append(piece)
            self._ahead_bytes += len(piece)
            self._room.wait_for(lambda: self._stopped or self._ahead_bytes < AHEAD_BYTES)
            return not self._stopped
