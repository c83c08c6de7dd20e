"""One HTTP door: every request to a provider is bounded in time and size, here and nowhere else."""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from restreamer.lib import redact
from restreamer.lib.fence import Fence
from restreamer.lib.http_deadline import Deadline, WatchedAdapter
from restreamer.lib.http_errors import (
    FOREIGN,
    BadAddress,
    BadRedirect,
    BrokenAnswer,
    FencedOff,
    HttpError,
    TimedOut,
    TooLarge,
    Unreachable,
    host_and_port,
    worded,
)

__all__ = [
    "MIB",
    "Answer",
    "BadAddress",
    "BadRedirect",
    "Bounds",
    "BrokenAnswer",
    "FencedOff",
    "HttpDoor",
    "HttpError",
    "OpenAnswer",
    "TimedOut",
    "TooLarge",
    "Unreachable",
    "host_of",
]

MIB = 1024 * 1024
_READ_BYTES = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
#: What must not follow a redirect to another host.
_HOST_BOUND = ("authorization", "cookie", "proxy-authorization")
# An owner who switches verification off has been asked once; a warning per request would only hide others.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
_DEFAULT_HEADERS = {"Accept": "*/*", "Accept-Encoding": "gzip", "Connection": "keep-alive", "User-Agent": "Restreamer"}


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
        self._session = _Session()
        self._session.trust_env = False
        self._session.verify = verify_tls
        self._session.headers = CaseInsensitiveDict(_DEFAULT_HEADERS)
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        if proxy_url:
            self._session.proxies = {"http": proxy_url, "https": proxy_url}
        adapter = WatchedAdapter(fence)
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
        deadline = Deadline(bounds.total_s)
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

    def _follow(self, url: str, headers: dict[str, str], bounds: Bounds, deadline: Deadline) -> OpenAnswer:
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
        raise BadRedirect(f"{host_and_port(url)} redirects more than {bounds.redirects} times.")

    def _send(self, url: str, headers: dict[str, str], bounds: Bounds, deadline: Deadline) -> requests.Response:
        if host_of(url) is None:
            raise BadAddress(f"{redact.url(url)!r} is no http address.")
        # Credentials in the address become an Authorization header of their own, unless the caller brings one.
        auth = _leave_alone if any(name.lower() == "authorization" for name in headers) else None
        with deadline.watching():
            try:
                return self._session.get(
                    url,
                    headers=headers,
                    auth=auth,
                    timeout=(bounds.connect_s, bounds.silence_s),
                    allow_redirects=False,
                    stream=True,
                )
            except FOREIGN as err:
                raise worded(err, url, too_long_s=deadline.exceeded_s) from err


class _Session(requests.Session):
    """A session that leaves redirects to us: it would read a redirect's whole body, however long."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class OpenAnswer:
    """Status and headers are here, the body is still to come."""

    def __init__(
        self, response: requests.Response, url: str, bounds: Bounds, deadline: Deadline, *, redirected: bool
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
            except FOREIGN as err:
                raise worded(err, self.url, too_long_s=self._deadline.exceeded_s) from err
            # A connection cut at the deadline looks like a normal end when nobody announced the length.
            if self._deadline.passed:
                raise TimedOut(
                    f"{host_and_port(self.url)} did not finish its answer within {self._bounds.total_s:g} s."
                )
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
        return TooLarge(
            f"{host_and_port(self.url)} sends more than the {self._bounds.max_bytes // MIB} MiB expected here."
        )


def host_of(url: str) -> str | None:
    """The host of an http(s) address; None when it is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises on a port out of range
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") and parts.hostname else None


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _redirect_target(here: str, location: str) -> str:
    """Absolute address of a Location header; header bytes beyond ASCII are UTF-8 in practice."""
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    try:
        there = urljoin(here, location.strip())
    except ValueError as err:
        raise BadRedirect(f"{host_and_port(here)} redirects to something that is no address.") from err
    if host_of(there) is None:
        raise BadRedirect(f"{host_and_port(here)} redirects to something that is no http address.")
    return there


def _same_host(here: str, there: str) -> bool:
    """Same host, and not from TLS to clear text. Another port is the same machine: panels move between theirs."""
    a, b = urlsplit(here), urlsplit(there)
    return a.hostname == b.hostname and not (a.scheme == "https" and b.scheme == "http")
