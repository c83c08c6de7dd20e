"""Playlists, keys and segments by HTTP, over one connection at a time and none after `close`."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from portals.providers.records import PlayUrl
from restreamer.lib.http_errors import FencedOff
from streaming.faults import Fault, UpstreamError
from streaming.hls.addresses import checked, resolve
from streaming.hls.connection import OneConnection, OneConnectionAdapter
from streaming.hls.forms import ENOUGH_BYTES, Form, form_of
from streaming.hls.playlist import Range
from streaming.sources.fencing import fenced_off
from streaming.sources.status import refusal

_CHUNK_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
#: A redirect's own body is read this far so that the connection can be used again.
_DRAIN_BYTES = 16 * 1024
#: A server that ignores Range is read past what we do not want, up to here.
_MAX_SKIP_BYTES = 64 * 1024 * 1024
_SYNC = b"\x47"
_FOREIGN = (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, UnicodeError)


@dataclass(frozen=True, slots=True)
class Page:
    """A small answer, whole. `url` is where the redirects ended."""

    url: str
    body: bytes


class TelevisionAnswer(UpstreamError):
    """A transport stream came in place of a list: the same address wants another source."""

    def __init__(self, message: str) -> None:
        super().__init__(Fault.NOT_TS, message)


class Fetcher:
    """Speaks to one provider for one stream: its headers, cookies, proxy and TLS rule; one open socket at most.

    A provider counts connections, so an idle kept-alive socket to one host is closed before another host is asked.
    Used by one thread; `close` may come from any.
    """

    def __init__(
        self,
        play: PlayUrl,
        *,
        connect_timeout_s: float = 6.0,
        silence_s: float = 8.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._silence_s = silence_s
        self._connect_timeout_s = connect_timeout_s
        self._home = _host(play.url)
        self._one = OneConnection()
        #: Held while the connection is waited for or read.
        self.using = threading.Lock()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = play.verify_tls
        self._session.headers = _headers(play)
        for name, value in {**_cookies_of(play.headers), **play.cookies}.items():
            self._session.cookies.set(name, value)
        if play.proxy_url:
            self._session.proxies = {"http": play.proxy_url, "https": play.proxy_url}
        adapter = OneConnectionAdapter(self._one, play.fence)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def page(
        self,
        url: str,
        subject: str,
        *,
        max_bytes: int,
        total_s: float = 10.0,
        byte_range: Range | None = None,
    ) -> Page:
        """A whole small answer. `subject` names it in errors.

        Raises UpstreamError.
        """
        body = self.body(url, subject, byte_range=byte_range, total_s=total_s, encoding="gzip")
        whole = b""
        with contextlib.closing(body):
            for piece in body:
                whole += piece
                if _is_media(whole):
                    raise TelevisionAnswer(f"The provider sent television where {subject} was expected.")
                if len(whole) > max_bytes:
                    raise UpstreamError(Fault.NOT_TS, f"The provider sent too much where {subject} was expected.")
        return Page(body.url, whole)

    def body(
        self,
        url: str,
        subject: str,
        *,
        byte_range: Range | None = None,
        total_s: float | None = None,
        encoding: str = "identity",
    ) -> Body:
        """An answer to be read in pieces; `total_s` bounds the time spent waiting for its bytes.

        Raises UpstreamError.
        """
        headers = {"Accept-Encoding": encoding}
        if byte_range is not None:
            headers["Range"] = f"bytes={byte_range.offset}-{byte_range.offset + byte_range.length - 1}"
        response, here = self._follow(url, subject, headers)
        body = Body(self, response, here, subject, total_s)
        if response.status_code not in (200, 206):
            if not _drain(response):
                body.close()
            raise refusal(response.status_code, subject, response.headers.get("Retry-After", ""))
        body.expect(byte_range)
        return body

    def close(self) -> None:
        """Close the connection; whoever reads from it gets UpstreamError. Safe to call twice, from any thread."""
        self._one.close()
        # A reader is awake now and lets go; one that is still connecting closes what it gets at once.
        if self.using.acquire(timeout=self._connect_timeout_s):
            self._one.hang_up()
            self.using.release()
        self._session.close()

    @property
    def closed(self) -> bool:
        """`close` was called."""
        return self._one.closed.is_set()

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._one.opened

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        self._one.hang_up()

    def now(self) -> float:
        """Seconds on the clock handed in."""
        return self._clock()

    def error(self, err: Exception, subject: str, *, begun: bool) -> UpstreamError:
        """Our error for one of the network's. `begun` = the answer had begun."""
        if self.closed:
            return UpstreamError(Fault.ENDED, "The stream was closed.")
        causes = tuple(_causes(err))
        if _is_late(causes):
            if begun:
                return UpstreamError(Fault.SILENT, f"The provider stopped sending {subject}.")
            return UpstreamError(Fault.TIMED_OUT, f"The provider did not answer in time for {subject}.")
        if begun:
            return UpstreamError(Fault.RESET, f"The connection broke while {subject} was read.")
        for kinds, sentence in _SENTENCES:
            if any(isinstance(cause, kinds) for cause in causes):
                return UpstreamError(Fault.REFUSED, sentence.format(subject=subject))
        return UpstreamError(Fault.RESET, f"The provider broke the connection off when asked for {subject}.")

    def _follow(self, url: str, subject: str, headers: Mapping[str, str]) -> tuple[requests.Response, str]:
        here = checked(url)
        for _hop in range(_MAX_REDIRECTS + 1):
            response = self._send(here, subject, headers)
            location = response.headers.get("Location", "") if response.status_code in _REDIRECTS else ""
            if not location:
                return response, here
            if not _drain(response):
                self.hang_up()
            here = checked(resolve(here, _decoded(location)))
        raise UpstreamError(Fault.REFUSED, f"The provider redirects more than {_MAX_REDIRECTS} times for {subject}.")

    def _send(self, url: str, subject: str, headers: Mapping[str, str]) -> requests.Response:
        before = self._one.opened
        try:
            return self._get(url, headers)
        except _FOREIGN as err:
            # A kept-alive connection the provider had closed meanwhile says nothing about the stream.
            stale = self._one.opened == before and isinstance(err, requests.ConnectionError) and not self.closed
            if not stale or _is_late(_causes(err)):
                raise self.error(err, subject, begun=False) from err
        try:
            return self._get(url, headers)
        except _FOREIGN as err:
            raise self.error(err, subject, begun=False) from err

    def _get(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        given: dict[str, str | None] = dict(headers)
        if _host(url) != self._home:
            given["Authorization"] = None
        try:
            with self.using:
                return self._session.get(
                    url,
                    headers=given,
                    stream=True,
                    allow_redirects=False,
                    timeout=(self._connect_timeout_s, self._silence_s),
                )
        except FencedOff as err:
            raise fenced_off(err) from err


class Body:
    """The body of an answer, in pieces of at most 64 KiB as they arrive."""

    def __init__(
        self, fetcher: Fetcher, response: requests.Response, url: str, subject: str, total_s: float | None
    ) -> None:
        self.url = url
        #: Bytes that will come, when the provider says so.
        self.length: int | None = None
        self._fetcher = fetcher
        self._response = response
        self._subject = subject
        self._budget_s = total_s
        self._spent_s = 0.0
        self._skip = 0
        self._left: int | None = None
        self._ended = False

    def expect(self, byte_range: Range | None) -> None:
        """Hold the body to the range asked for, also when the server sends the whole resource instead."""
        if not self._response.headers.get("Content-Encoding"):
            length = self._response.headers.get("Content-Length", "")
            self.length = int(length) if length.isascii() and length.isdigit() else None
        if byte_range is None:
            return
        self.length = self._left = byte_range.length
        begins = _first_byte(self._response)
        self._skip = byte_range.offset - begins
        if not 0 <= self._skip <= _MAX_SKIP_BYTES:
            self.close()
            raise UpstreamError(
                Fault.REFUSED, "The provider's server does not send the part of a file it was asked for."
            )

    def __iter__(self) -> Iterator[bytes]:
        """Raises UpstreamError when the body ends too early, comes too late or not at all."""
        while self._left is None or self._left > 0:
            piece = self._piece()
            if not piece:
                self._ended = True
                if self._left:
                    raise UpstreamError(Fault.RESET, f"The provider sent less than all of {self._subject}.")
                break
            if self._skip:
                skipped = min(self._skip, len(piece))
                self._skip -= skipped
                piece = piece[skipped:]
            if self._left is not None:
                piece = piece[: self._left]
                self._left -= len(piece)
            if piece:
                yield piece
        self._finish()

    def close(self) -> None:
        """Give up what is unread; the connection goes with it unless the body was read to its end."""
        self._response.close()
        if not self._ended:
            self._fetcher.hang_up()

    def _piece(self) -> bytes:
        asked_at = self._fetcher.now()
        try:
            with self._fetcher.using:
                if self._fetcher.closed:
                    raise UpstreamError(Fault.ENDED, "The stream was closed.")
                piece: bytes = self._response.raw.read1(_CHUNK_BYTES, decode_content=True)
        except _FOREIGN as err:
            raise self._fetcher.error(err, self._subject, begun=True) from err
        if not piece and self._fetcher.closed:
            raise UpstreamError(Fault.ENDED, "The stream was closed.")
        # Only waiting counts: a reader that takes its time is not the provider's fault.
        self._spent_s += self._fetcher.now() - asked_at
        if self._budget_s is not None and self._spent_s > self._budget_s:
            raise UpstreamError(Fault.STARVED, f"The provider sends {self._subject} too slowly.")
        return piece

    def _finish(self) -> None:
        """Read the end mark, so that the connection can serve the next request."""
        if not self._ended and self._response.status_code == 206:
            with contextlib.suppress(*_FOREIGN):
                self._ended = not self._response.raw.read1(1)
        if not self._ended:
            self.close()


_SENTENCES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((requests.exceptions.ProxyError, urllib3.exceptions.ProxyError), "The proxy does not connect to the provider."),
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError),
        "The provider's TLS certificate is not acceptable.",
    ),
    (
        (urllib3.exceptions.NameResolutionError, socket.gaierror),
        "The host named for {subject} does not exist.",
    ),
    ((ConnectionRefusedError,), "The provider's server refuses connections for {subject}."),
    ((urllib3.exceptions.NewConnectionError,), "There is no way to the provider's server for {subject}."),
    (
        (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, requests.exceptions.InvalidProxyURL),
        "The address of {subject} is not usable.",
    ),
)


def _is_late(causes: Iterable[BaseException]) -> bool:
    """Time ran out. urllib3 counts every failure to connect (NewConnectionError) as a time-out: that says nothing."""
    late = (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)
    return any(isinstance(cause, late) or type(cause) is urllib3.exceptions.ConnectTimeoutError for cause in causes)


def _causes(err: BaseException) -> Iterator[BaseException]:
    """The error with all it wraps."""
    queue: list[Any] = [err]
    seen: set[int] = set()
    while queue and len(seen) < 30:
        item = queue.pop(0)
        if isinstance(item, BaseException) and id(item) not in seen:
            seen.add(id(item))
            yield item
            queue += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _headers(play: PlayUrl) -> Any:
    given = requests.structures.CaseInsensitiveDict({"Accept": "*/*", "User-Agent": "Restreamer"})
    given.update({name: value for name, value in play.headers.items() if name.lower() != "cookie"})
    return given


def _cookies_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Cookies given as a header, so that those the provider sets later join them instead of replacing them."""
    written = next((value for name, value in headers.items() if name.lower() == "cookie"), "")
    try:
        return {name: morsel.coded_value for name, morsel in SimpleCookie(written).items()}
    except CookieError:
        return {}


def _is_media(start: bytes) -> bool:
    return start.startswith(_SYNC) and form_of(start) is Form.TS and len(start) >= ENOUGH_BYTES


def _first_byte(response: requests.Response) -> int:
    """Where in the resource the body begins: 0 unless the server says otherwise in a 206."""
    said = response.headers.get("Content-Range", "") if response.status_code == 206 else ""
    begins = said.strip().lower().removeprefix("bytes").strip().partition("-")[0]
    return int(begins) if begins.isascii() and begins.isdigit() else 0


def _drain(response: requests.Response) -> bool:
    """Read a small body to its end, so that the connection serves the next request; False when it is not small."""
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length) <= _DRAIN_BYTES:
        with contextlib.suppress(*_FOREIGN):
            response.raw.drain_conn()
            return True
    response.close()
    return False


def _decoded(location: str) -> str:
    """A Location as written: header bytes beyond ASCII are UTF-8 in practice."""
    try:
        return location.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return location


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
