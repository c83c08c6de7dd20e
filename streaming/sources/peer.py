"""A relay of another node as a source: the channel comes from its ring as viewers get it, normalised and clean."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault, UpstreamError
from streaming.relay.nodedoor import PATH

_CONNECT_S = 2.0
_LOOK_S = 0.1
_HEAD_BYTES = 16_384
_PIECE_BYTES = 262_144


class PeerAbsent(UpstreamError):
    """The other node is not reached, or does not own the channel (any more): look again who does."""

    def __init__(self, message: str) -> None:
        super().__init__(Fault.ENDED, message)


class PeerRefused(RestreamerError):
    """The owner has no picture either; its reason is what our viewers are told."""

    status = 503
    retry_after_s = 5.0
    slate = "nothing_available"
    public = "The source of this channel does not work right now."


class PeerSource:
    """Implements `sources.base.Source`. `open` waits as a viewer would, and ends soon after `cancelled` is set."""

    #: An owner whose own source is lost sends null packets every other second.
    quiet_s = 4.0

    def __init__(
        self, address: str, key: str, headers: Mapping[str, str], *, patience_s: float, cancelled: threading.Event
    ) -> None:
        self.head = b""
        self._address = address
        self._key = key
        self._headers = headers
        self._patience_s = patience_s
        self._cancelled = cancelled
        self._sock: socket.socket | None = None

    def open(self) -> None:
        """Connect and wait for the first bytes. Raises PeerAbsent, PeerRefused."""
        try:
            self._connect()
            head, self.head = self._answer()
            self._judge(head)
        except BaseException:
            self.close()
            raise

    def direct_socket(self) -> socket.socket | None:
        """The connection: the body lasts until its end."""
        return self._sock

    def read(self) -> bytes:
        """The next piece; the relay's loop reads the socket itself."""
        sock = self._sock
        try:
            piece = sock.recv(_PIECE_BYTES) if sock is not None else b""
        except OSError as err:
            raise UpstreamError(Fault.RESET) from err
        if not piece:
            raise UpstreamError(Fault.ENDED)
        return piece

    def close(self) -> None:
        """Hang up."""
        sock, self._sock = self._sock, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _connect(self) -> None:
        lines = [f"GET {PATH}{quote(self._key, safe='')} HTTP/1.1", f"Host: {self._address}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        try:
            parts = urlsplit(f"//{self._address}")
            self._sock = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_CONNECT_S)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        except (OSError, ValueError) as err:
            raise PeerAbsent(f"The relay at {self._address} is not reached: {err}.") from err

    def _answer(self) -> tuple[bytes, bytes]:
        """Head and what came of the body."""
        assert self._sock is not None
        self._sock.settimeout(_LOOK_S)
        until = time.monotonic() + self._patience_s
        data = b""
        while b"\r\n\r\n" not in data:
            if self._cancelled.is_set() or time.monotonic() > until or len(data) > _HEAD_BYTES:
                raise PeerAbsent(f"The relay at {self._address} did not answer in time.")
            try:
                piece = self._sock.recv(_HEAD_BYTES)
            except TimeoutError:
                continue
            except OSError as err:
                raise PeerAbsent(f"The relay at {self._address} went away: {err}.") from err
            if not piece:
                raise PeerAbsent(f"The relay at {self._address} went away.")
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        return head, body

    def _judge(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        status = int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0
        if status == 200:
            return
        if status == 403:
            raise PeerAbsent(
                f"The relay at {self._address} does not believe that we are of one installation: "
                "RESTREAMER_SECRET_KEY must be the same on all nodes."
            )
        if status < 500:
            raise PeerAbsent(f"The relay at {self._address} does not own this channel (any more).")
        said = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        retry = said.get("retry-after", "")
        error = PeerRefused(
            f"The relay at {self._address} has no picture either: {self._text(said)}",
            public=self._text(said),
            retry_after_s=float(retry) if retry.isdecimal() else None,
        )
        error.status = status
        error.tuner_error = said.get("x-hdhomerun-error", "")
        raise error

    def _text(self, headers: Mapping[str, str]) -> str:
        """The sentence in the body of a refusal."""
        length = headers.get("content-length", "")
        wanted = min(int(length), 1000) if length.isdecimal() else 0
        with contextlib.suppress(OSError):
            while self._sock is not None and len(self.head) < wanted:
                piece = self._sock.recv(wanted - len(self.head))
                if not piece:
                    break
                self.head += piece
        return self.head[:wanted].decode("utf-8", "replace").strip() or PeerRefused.public
