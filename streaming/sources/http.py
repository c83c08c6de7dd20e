"""MPEG-TS over HTTP: opened by requests, judged by its first bytes, then read by the relay's loop or by a thread."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3

from portals.providers.records import PlayUrl
from restreamer import __version__
from restreamer.lib.dialling import DiallingAdapter
from restreamer.lib.fence import Fence
from restreamer.lib.http_errors import FencedOff
from streaming.faults import Fault, UpstreamError
from streaming.sources.fencing import fenced_off
from streaming.sources.firstbytes import PlaylistAnswer, is_television
from streaming.sources.framing import Chunked, Framing, Length
from streaming.sources.status import refusal

# An owner who switched the check off for a portal has been told so in admin; a line per connection helps nobody.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

REDIRECTS = 5
PIECE_BYTES = 262_144

#: After this much a stream is no longer starting, and waits so long for more to gather between two reads.
SETTLED_BYTES = 1_000_000
GATHER_S = 0.04

#: All that requests and the libraries below it raise while a connection is opened or read. A connection that another
#: thread closed shows itself as ValueError or AttributeError in http.client.
TRANSPORT_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    AttributeError,
)

#: Closing with this set sends RST: the provider's end is gone at once, not when it next tries to write.
_ABORT = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what."""

    connect_s: float = 6.0
    #: Between two pieces while head and first bytes come in.
    answer_s: float = 8.0
    #: From the call of `open` to its return, redirects and dribbling heads included.
    open_s: float = 15.0
    #: `read` gives up after this; the relay's own rule of silence is stricter and comes first.
    silence_s: float = 60.0


class HttpSource:
    """One GET whose answer is an endless transport stream."""

    def __init__(self, play: PlayUrl, patience: Patience | None = None) -> None:
        self.head = b""
        self._play = play
        self._patience = patience or Patience()
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._closed = threading.Event()
        self._late = False
        self._response: requests.Response | None = None
        #: What the body's bytes are cut by; None when they last until the connection ends.
        self.framing: Framing | None = None
        self._wire: Wire | None = None
        self._read_bytes = 0
        self._piece_bytes = 0
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = play.verify_tls
        if play.proxy_url:
            self._session.proxies = {"http": play.proxy_url, "https": play.proxy_url}
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _WatchedAdapter(self._watch, play.fence))

    def open(self) -> None:
        """Connect, follow redirects, judge the first bytes."""
        deadline = threading.Timer(self._patience.open_s, self._expire)
        deadline.daemon = True
        deadline.start()
        try:
            with self._reading:
                self._response = self._request()
                self.framing, self._wire = _body_of(self._response)
                self._judge()
        except UpstreamError:
            self.close()
            raise
        except FencedOff as err:
            self.close()
            raise fenced_off(err) from err
        except TRANSPORT_ERRORS as err:
            fault = self._fault(err)
            self.close()
            raise fault from err
        finally:
            deadline.cancel()

    def direct_socket(self) -> socket.socket | None:
        """The TCP socket, or TLS upon it; nothing of the body is left in any buffer but `head` and those of TLS."""
        wire = self._wire
        return None if wire is None else wire.sock

    def read(self) -> bytes:
        """The next piece, decoded from chunks, TLS or compression."""
        if self._read_bytes > SETTLED_BYTES and self._piece_bytes < PIECE_BYTES:
            # A running stream is fetched some dozen times a second: each time costs as much as the bytes themselves.
            self._closed.wait(GATHER_S)
        with self._reading:
            try:
                piece = self._piece()
            except TRANSPORT_ERRORS as err:
                raise self._fault(err) from err
        if not piece:
            raise UpstreamError(Fault.ENDED)
        return piece

    def close(self) -> None:
        """Abort the connection from any thread; a blocked `read` or `open` wakes with UpstreamError."""
        self._closed.set()
        self._abort()
        # A descriptor lives as long as anybody holds it: let the woken reader leave first. One that resolves a name
        # cannot be woken; it holds no connection, and `_watch` lets it have none.
        if not self._reading.acquire(timeout=2.0):
            return
        try:
            self._release()
        finally:
            self._reading.release()

    # --- opening ------------------------------------------------------------------------------------------------

    def _request(self) -> requests.Response:
        url = self._play.url
        headers = {"User-Agent": f"Restreamer/{__version__}", "Accept-Encoding": "identity", "Connection": "close"}
        headers |= self._play.headers
        self._session.headers.clear()
        self._session.cookies.update(dict(self._play.cookies))
        timeouts = (self._patience.connect_s, self._patience.answer_s)
        for _ in range(REDIRECTS + 1):
            response = self._session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeouts)
            target = self._session.get_redirect_target(response)
            if target is None:
                return response
            # One connection at a time: the provider counts the redirecting one too.
            response.close()
            self._abort()
            self._release()
            following = urljoin(url, target)
            if self._session.should_strip_auth(url, following):  # type: ignore[no-untyped-call]
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            url = following
        raise UpstreamError(Fault.REFUSED, f"The provider redirected more than {REDIRECTS} times.")

    def _judge(self) -> None:
        response = self._response
        assert response is not None
        if response.status_code not in (200, 206):
            raise refusal(response.status_code, retry_after=response.headers.get("Retry-After", ""))
        try:
            while not is_television(self.head):
                piece = self._piece()
                self.head += piece
                if not piece:
                    is_television(self.head, complete=True)
                    break
        except PlaylistAnswer as answer:
            raise PlaylistAnswer(response.url) from answer
        if self.direct_socket() is None:
            self._set_timeout(self._patience.silence_s)

    # --- sockets --------------------------------------------------------------------------------------------------

    def _watch(self, sock: socket.socket) -> None:
        """A connection was made: remember it, so that `close` can wake whoever waits on it."""
        with self._lock:
            self._sockets.append(sock)
        if self._closed.is_set():
            self._abort()
            raise OSError("closed while connecting")

    def _abort(self) -> None:
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                # Not SSLSocket's own shutdown: it takes the TLS state away from a reader in another thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _release(self) -> None:
        """Really close every descriptor: socket.close() alone waits for http.client's file objects."""
        with contextlib.suppress(*TRANSPORT_ERRORS):
            if self._response is not None:
                self._response.close()
            self._session.close()
        self._response = self._wire = None
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for sock in sockets:
            fd = sock.detach()
            if fd >= 0:
                os.close(fd)

    def _expire(self) -> None:
        self._late = True
        self._abort()

    def _set_timeout(self, seconds: float) -> None:
        with self._lock:
            for sock in self._sockets:
                if sock.fileno() >= 0:
                    sock.settimeout(seconds)

    # --- reading --------------------------------------------------------------------------------------------------

    def _piece(self) -> bytes:
        """What there is of the body, at least one byte; b"" at the end."""
        response, wire = self._response, self._wire
        if response is None or self._closed.is_set():
            raise UpstreamError(Fault.ENDED, "The connection was closed by us.")
        if wire is None:
            raw: Any = response.raw
            return raw.read1(PIECE_BYTES, decode_content=True) or b""
        piece = b""
        while not piece and not (self.framing and self.framing.ended):
            data = wire.read(PIECE_BYTES)
            if not data and self.framing:
                raise UpstreamError(Fault.RESET)
            if not data:
                break
            piece = b"".join(self.framing.pieces(data)) if self.framing else data
        self._read_bytes += len(piece)
        self._piece_bytes = len(piece)
        return piece

    def _fault(self, err: Exception) -> UpstreamError:
        """The error in our words."""
        if isinstance(err, UpstreamError):
            return err
        if self._closed.is_set():
            return UpstreamError(Fault.ENDED, "The connection was closed by us.")
        if self._late or _is_timeout(err):
            opened = self._response is not None and bool(self.head)
            return UpstreamError(Fault.SILENT if opened else Fault.TIMED_OUT)
        for kind, fault, sentence in _FAULTS:
            if isinstance(err, kind):
                return UpstreamError(fault, sentence)
        return UpstreamError(Fault.RESET)


#: First match wins; requests' ConnectionError is the parent of several.
_FAULTS: tuple[tuple[type[Exception], Fault, str], ...] = (
    (requests.exceptions.SSLError, Fault.REFUSED, "The provider's TLS certificate was not accepted."),
    (requests.exceptions.ProxyError, Fault.REFUSED, "The proxy could not reach the provider."),
    (requests.exceptions.InvalidURL, Fault.PORTAL, "The portal gave an address that cannot be used."),
    (requests.exceptions.MissingSchema, Fault.PORTAL, "The portal gave an address that cannot be used."),
    (requests.exceptions.InvalidSchema, Fault.PORTAL, "The portal gave an address of a kind that cannot be used."),
    (requests.exceptions.InvalidHeader, Fault.PORTAL, "The portal gave a header that cannot be sent."),
    (requests.exceptions.ConnectionError, Fault.REFUSED, "The provider's media server could not be reached."),
)


def _is_timeout(err: BaseException) -> bool:
    kinds = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    return isinstance(err, kinds) or any(isinstance(arg, kinds) for arg in err.args)


class Wire:
    """The bytes of an answer's body as they stand on the wire, past urllib3 and http.client.

    `read1` of their buffered file returns what is buffered, and after that never fills the buffer: so the socket stands
    exactly where our bytes end, and whoever reads it next misses none.
    """

    def __init__(self, file: Any, sock: socket.socket) -> None:
        self.sock = sock
        self._file = file

    def read(self, most: int) -> bytes:
        """What there is, at least one byte; b"" at the end."""
        data: bytes = self._file.read1(most)
        pieces = [data]
        size = len(data)
        while data and size < most and self._more_is_there():
            data = self._file.read1(most - size)
            pieces.append(data)
            size += len(data)
        return b"".join(pieces)

    def _more_is_there(self) -> bool:
        # TLS comes in records of 16 KiB at most, and may hold the next one already.
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))


def _body_of(response: requests.Response) -> tuple[Framing | None, Wire | None]:
    """How the body is framed, and the wire it stands on; no wire when it is compressed or cannot be reached."""
    if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        return None, None
    raw: Any = response.raw
    # The attributes of http.client and socket are the only way to the connection of an answer that is being read.
    file = getattr(raw._fp, "fp", None)
    sock = getattr(getattr(file, "raw", None), "_sock", None)
    if not isinstance(sock, socket.socket):
        return None, None
    if raw.chunked:
        return Chunked(), Wire(file, sock)
    length = response.headers.get("Content-Length", "")
    return (Length(int(length)) if length.isascii() and length.isdigit() else None), Wire(file, sock)


class _WatchedAdapter(DiallingAdapter):
    """Reports the socket of every connection requests makes, directly, by TLS, or through any kind of proxy."""

    def __init__(self, watch: Callable[[socket.socket], None], fence: Fence | None) -> None:
        self._tell = watch
        super().__init__(fence)

    def taught(self, kind: Any) -> Any:
        """Connections reported."""
        tell = self._tell

        def _new_conn(connection: Any) -> socket.socket:
            sock: socket.socket = kind._new_conn(connection)
            tell(sock)
            return sock

        def connect(connection: Any) -> None:
            kind.connect(connection)
            # TLS wraps the socket into another object.
            if isinstance(connection.sock, ssl.SSLSocket):
                tell(connection.sock)

        return type(kind.__name__, (kind,), {"_new_conn": _new_conn, "connect": connect})
