"""What can become of a request, as errors of ours with a sentence each; foreign ones get theirs here."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import socks  # type: ignore[import-untyped]  # PySocks, by requests[socks]
import urllib3

from restreamer.lib.errors import RestreamerError


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
        self.host = host
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


def host_and_port(url: str) -> str:
    """Host and port for a sentence."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "the address") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "the address"


#: All that requests, urllib3 and http.client let through.
FOREIGN = (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, UnicodeError)


def worded(err: BaseException, url: str, *, too_long_s: float | None) -> HttpError:
    """Our error for one of theirs; `too_long_s` when the time that was given is up."""
    host = host_and_port(url)
    if too_long_s is not None:
        return TimedOut(f"{host} did not answer within {too_long_s:g} s.")
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
