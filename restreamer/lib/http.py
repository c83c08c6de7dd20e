"""One HTTP door: every request to a provider is bounded in time and size, here and nowhere else."""

from __future__ import annotations

import contextlib
import functools
import http.client
import http.cookiejar
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import socks  # type: ignore[import-untyped]  # PySocks, by requests[socks]
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from restreamer.lib import redact
from restreamer.lib.errors import RestreamerError
from restreamer.lib.fence import Fence

MIB = 1024 * 1024
_READ_BYTES = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
#: What must not follow a redirect to another host.
_HOST_BOUND = ("authorization", "cookie", "proxy-authorization")
# An owner who switches verification off has been asked once; a warning per request would only hide others.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
_DEFAULT_HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip", "Connection": "keep-alive", "User-Agent": "Restreamer"}


class HttpError(RestreamerError):
    """A request that brought no usable answer. The message names the host, never the whole address."""

    status = 503


class BadAddress(HttpError):
    """What was given is no http(s) address, or the proxy is none."""

    permanent = True


class FencedOff(HttpError):
    """Somebody else's word leads into a private network that no owner opened."""

    permanent = True

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host} is in a private network, where what a provider names must not lead. If it should, "
            "name the network in RESTREAMER_PROVIDER_NETWORKS."
        )


class Unreachable(HttpError):
    """No connection. `reason` is "dns", "refused", "timeout", "tls", "proxy" or "network"."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class TimedOut(HttpError):
    """Connected, but the answer did not come, or did not end, in time."""


class TooLarge(HttpError):
    """The answer is larger than the caller allows, unpacked."""


class BadRedirect(HttpError):
    """Too many redirects, or one to something that is no http(s) address."""


class BrokenAnswer(HttpError):
    """The connection broke inside an answer, or the answer is not HTTP, or its compression is damaged."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one request may cost."""

    #: Per address tried.
    connect_s: float = 6.0
    #: Longest pause between two reads.
    silence_s: float = 15.0
    #: From the first packet to the last byte, redirects included: a server that drips bytes ends here.
    total_s: float = 30.0
    #: Of the body, after decompression.
    max_bytes: int = 8 * MIB
    redirects: int = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `url` is where the redirects ended."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    redirected: bool = False

    def header(self, name: str) -> str:
        """One header, "" when missing; names in any case."""
        return self.headers.get(name, "")


class HttpDoor:
    """A requests session with our rules: no environment proxies, no netrc, no cookie jar, no unbounded wait.

    Each request sends exactly the headers it was given. Safe to use from several threads.
    """

    def __init__(self, *, proxy_url: str = "", verify_tls: bool = True, fence: Fence | None = None) -> None:
        """`fence`: how far its addresses may lead, redirects included; None = anywhere, for what an owner typed."""
        self._fence = fence
        self._proxied = bool(proxy_url)
        self._session = _Session()
        self._session.trust_env = False
        self._session.verify = verify_tls
        self._session.headers = CaseInsensitiveDict(_DEFAULT_HEADERS)
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        if proxy_url:
            self._session.proxies = {"http": proxy_url, "https": proxy_url}
        adapter = _WatchedAdapter()
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None, bounds: Bounds | None = None) -> Answer:
        """The whole answer, whatever its status.

        Raises HttpError.
        """
        with self.open(url, headers=headers, bounds=bounds) as answer:
            return answer.whole()

    def open(self, url: str, *, headers: Mapping[str, str] | None = None, bounds: Bounds | None = None) -> OpenAnswer:
        """An answer whose body is still to be read; use it in a `with`. Its deadline runs on while it is read.

        Raises HttpError.
        """
        bounds = bounds or Bounds()
        deadline = _Deadline(bounds.total_s)
        try:
            return self._follow(url, dict(headers or {}), bounds, deadline)
        except HttpError:
            deadline.close()
            raise

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def __enter__(self) -> HttpDoor:
        return self

    def __exit__(self, *_trouble: object) -> None:
        self.close()

    def _follow(self, url: str, headers: dict[str, str], bounds: Bounds, deadline: _Deadline) -> OpenAnswer:
        here = url
        for _hop in range(bounds.redirects + 1):
            response = self._send(here, headers, bounds, deadline)
            location = response.headers.get("Location", "") if response.status_code in _REDIRECTS else ""
            if not location:
                return OpenAnswer(response, here, bounds, deadline, redirected=here != url)
            response.close()
            there = _redirect_target(here, location)
            if not _same_host(here, there):
                headers = {name: value for name, value in headers.items() if name.lower() not in _HOST_BOUND}
            here = there
        raise BadRedirect(f"{_host(url)} redirects more than {bounds.redirects} times.")

    def _send(self, url: str, headers: dict[str, str], bounds: Bounds, deadline: _Deadline) -> requests.Response:
        host = host_of(url)
        if host is None:
            raise BadAddress(f"{redact.url(url)!r} is no http address.")
        fence = self._within_fence(host)
        # Credentials in the address become an Authorization header of their own, unless the caller brings one.
        auth = _leave_alone if any(name.lower() == "authorization" for name in headers) else None
        with deadline.watching(fence):
            try:
                return self._session.get(
                    url,
                    headers=headers,
                    auth=auth,
                    timeout=(bounds.connect_s, bounds.silence_s),
                    allow_redirects=False,
                    stream=True,
                )
            except _FOREIGN as err:
                raise _worded(err, url, deadline) from err

    def _within_fence(self, host: str) -> Fence | None:
        """What the connection's own address must hold to besides. Raises FencedOff."""
        fence = self._fence
        if fence is None or fence.knows(host):
            return None
        # A proxy looks names up itself, and its own address is the owner's word.
        if not (fence.holds_written(host) if self._proxied else fence.holds(host)):
            raise FencedOff(host)
        return None if self._proxied else fence


class _Session(requests.Session):
    """A session that leaves redirects to us: it would read a redirect's whole body, however long."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class OpenAnswer:
    """Status and headers are here, the body is still to come."""

    def __init__(
        self, response: requests.Response, url: str, bounds: Bounds, deadline: _Deadline, *, redirected: bool
    ) -> None:
        self.status = response.status_code
        self.url = url
        self.headers: Mapping[str, str] = CaseInsensitiveDict(response.headers)
        self.redirected = redirected
        self._response = response
        self._bounds = bounds
        self._deadline = deadline

    def __enter__(self) -> OpenAnswer:
        return self

    def __exit__(self, *_trouble: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is unread. Safe to call twice."""
        self._deadline.close()
        self._response.close()

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, decompressed.

        Raises TooLarge, TimedOut, BrokenAnswer.
        """
        length = self.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > self._bounds.max_bytes:
            raise self._too_large()
        seen = 0
        pieces = self._response.iter_content(_READ_BYTES)
        while True:
            try:
                piece = next(pieces, b"")
            except _FOREIGN as err:
                raise _worded(err, self.url, self._deadline) from err
            # A connection cut at the deadline looks like a normal end when nobody announced the length.
            if self._deadline.passed:
                raise TimedOut(f"{_host(self.url)} did not finish its answer within {self._bounds.total_s:g} s.")
            if not piece:
                return
            seen += len(piece)
            if seen > self._bounds.max_bytes:
                raise self._too_large()
            yield piece

    def whole(self) -> Answer:
        """The rest of the body, read to its end."""
        body = b"".join(self.chunks())
        return Answer(self.status, self.url, self.headers, body, self.redirected)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"{_host(self.url)} sends more than the {self._bounds.max_bytes // MIB} MiB expected here.")


def host_of(url: str) -> str | None:
    """The host of an http(s) address; None when it is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises on a port out of range
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") and parts.hostname else None


class _Deadline:
    """Ends a request when its time is up, whatever it is doing: a timer shuts the connection down under it."""

    def __init__(self, total_s: float) -> None:
        self.passed = False
        self.total_s = total_s
        self._lock = threading.Lock()
        self._spares: list[socket.socket] = []
        self._timer = threading.Timer(total_s, self._fire)
        self._timer.daemon = True
        self._timer.start()

    @contextlib.contextmanager
    def watching(self, fence: Fence | None = None) -> Iterator[None]:
        """Connections made or reused by this thread inside the block end with this deadline, and hold to the fence."""
        _watched.deadline, _watched.fence = self, fence
        try:
            yield
        finally:
            _watched.deadline, _watched.fence = None, None

    def adopt(self, sock: socket.socket) -> None:
        """Keep a second handle on the connection: the first may be wrapped in TLS or handed on by then."""
        try:
            spare = socket.socket(fileno=os.dup(sock.fileno()))
        except OSError:  # closed already: nothing left to end
            return
        with self._lock:
            self._spares.append(spare)
            if self.passed:
                _shut(spare)

    def close(self) -> None:
        """The request is over."""
        self._timer.cancel()
        with self._lock:
            for spare in self._spares:
                spare.close()
            self._spares.clear()

    def _fire(self) -> None:
        with self._lock:
            self.passed = True
            for spare in self._spares:
                _shut(spare)


class _Watched(threading.local):
    """The deadline of the request this thread is sending."""

    deadline: _Deadline | None = None
    #: A name may mean another address by now than when it was judged.
    fence: Fence | None = None


_watched = _Watched()


class _WatchedAdapter(HTTPAdapter):
    """An adapter whose connections report themselves to the deadline of the request that uses them."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        _watch_pools(manager)
        return manager


def _watch_pools(manager: Any) -> None:
    """Let all pools of an urllib3 manager (plain, proxy or SOCKS) make watched connections."""
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _watched_pool(pool) for scheme, pool in pools.items()}


@functools.cache
def _watched_pool(pool: Any) -> Any:
    connection = pool.ConnectionCls

    def _new_conn(self: Any) -> socket.socket:
        sock: socket.socket = connection._new_conn(self)
        if _watched.fence is not None:
            _must_hold(sock, self.host, _watched.fence)
        if _watched.deadline is not None:
            _watched.deadline.adopt(sock)
        return sock

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _watched.deadline is not None and self.sock is not None:
            _watched.deadline.adopt(self.sock)
        return connection.request(self, *args, **kwargs)

    watched = type(
        connection.__name__,
        (connection,),
        {"_new_conn": _new_conn, "request": request},
    )
    return type(pool.__name__, (pool,), {"ConnectionCls": watched})


def _must_hold(sock: socket.socket, host: str, fence: Fence) -> None:
    """Nothing was sent yet. Raises FencedOff."""
    if not fence.holds_peer(str(sock.getpeername()[0])):
        sock.close()
        raise FencedOff(host)


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _redirect_target(here: str, location: str) -> str:
    """Absolute address of a Location header; header bytes beyond ASCII are UTF-8 in practice."""
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    try:
        there = urljoin(here, location.strip())
    except ValueError as err:
        raise BadRedirect(f"{_host(here)} redirects to something that is no address.") from err
    if host_of(there) is None:
        raise BadRedirect(f"{_host(here)} redirects to something that is no http address.")
    return there


def _same_host(here: str, there: str) -> bool:
    """Same host, and not from TLS to clear text. Another port is the same machine: panels move between theirs."""
    a, b = urlsplit(here), urlsplit(there)
    return a.hostname == b.hostname and not (a.scheme == "https" and b.scheme == "http")


def _host(url: str) -> str:
    """Host and port for a sentence."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "the address") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "the address"


#: All that requests, urllib3 and http.client let through.
_FOREIGN = (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, UnicodeError)


def _worded(err: BaseException, url: str, deadline: _Deadline) -> HttpError:
    """Our error for one of theirs."""
    host = _host(url)
    if deadline.passed:
        return TimedOut(f"{host} did not answer within {deadline.total_s:g} s.")
    causes = list(_causes(err))
    for kinds, make in _WORDINGS:
        if any(isinstance(cause, kinds) for cause in causes):
            named: HttpError = make(host)
            return named
    if isinstance(err, requests.ConnectionError):
        return BrokenAnswer(f"{host} broke the connection off before its answer was complete.")
    return BrokenAnswer(f"{host} sent something that is no HTTP answer.")


#: First match wins; an error carries its causes, so the most telling kinds come first.
_WORDINGS: list[tuple[tuple[type[BaseException], ...], Any]] = [
    (
        (
            requests.exceptions.InvalidProxyURL,
            urllib3.exceptions.ProxySchemeUnknown,
            urllib3.exceptions.ProxySchemeUnsupported,
        ),
        lambda host: BadAddress(
            "The proxy address is not usable; it looks like http://host:3128 or socks5h://host:1080."
        ),
    ),
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError, socks.ProxyError),
        lambda host: Unreachable(f"The proxy does not connect to {host}.", "proxy"),
    ),
    (
        (
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidHeader,
            urllib3.exceptions.LocationValueError,
            UnicodeError,
        ),
        lambda host: BadAddress(f"The address with host {host} is not usable."),
    ),
    (
        (urllib3.exceptions.NameResolutionError, socket.gaierror),
        lambda host: Unreachable(f"There is no host named {host}.", "dns"),
    ),
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError),
        lambda host: Unreachable(f"The TLS certificate or protocol of {host} is not acceptable.", "tls"),
    ),
    ((ConnectionRefusedError,), lambda host: Unreachable(f"{host} refuses the connection.", "refused")),
    (
        (requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError),
        lambda host: Unreachable(f"{host} does not accept the connection in time.", "timeout"),
    ),
    (
        (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError),
        lambda host: TimedOut(f"{host} stopped answering."),
    ),
    (
        (urllib3.exceptions.NewConnectionError,),
        lambda host: Unreachable(f"There is no way to {host} from here.", "network"),
    ),
    (
        (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError),
        lambda host: BrokenAnswer(f"The compressed answer of {host} is damaged."),
    ),
    (
        (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.IncompleteRead),
        lambda host: BrokenAnswer(f"{host} broke the connection off before its answer was complete."),
    ),
]


def _causes(err: BaseException) -> Iterator[BaseException]:
    """The error with all it wraps: `args`, urllib3's `reason`, and the chain Python keeps."""
    queue: list[Any] = [err]
    seen: set[int] = set()
    while queue and len(seen) < 30:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        queue += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
