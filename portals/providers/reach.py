"""The way to a provider: what can go wrong before its own protocol begins, in the owner's words."""

from __future__ import annotations

import email.utils
from enum import StrEnum
from urllib.parse import urlsplit

from django.conf import settings

from portals import errors
from portals.models import Portal
from restreamer.lib import http, redact
from restreamer.lib.fence import Fence, around, networks_of
from restreamer.lib.http import HttpDoor

#: What plain players send; panels and content networks turn unknown agents away.
PLAYER_USER_AGENT = "VLC/3.0.21 LibVLC/3.0.21"

_LONGEST_WAIT_S = 24 * 3600.0
_USUAL_WAIT_S = 60.0


class Reach(StrEnum):
    """The table. Names in braces are filled in by `of`."""

    NO_ADDRESS = "“{address}” is no web address. Enter the address your provider gave you."
    NO_SUCH_HOST = "There is no host named {host}. Check the address for typing errors."
    CONNECTION_REFUSED = (
        "{host} refuses the connection. Check the port in the address; if it is right, the provider is down: "
        "try again later or ask your provider."
    )
    NO_CONNECTION = (
        "{host} cannot be reached from here. Check address and port; if they are right, the provider is down or blocks "
        "your network: try again later or set a proxy."
    )
    TLS_REFUSED = (
        "The TLS certificate of {host} is not valid. Try the address with http:// instead, or switch off “verify tls” "
        "for this portal if your provider says so."
    )
    PROXY_FAILED = "The proxy of this portal does not connect to {host}. Check the proxy address, or empty it."
    PROXY_UNUSABLE = (
        "The proxy address of this portal is not usable. It looks like http://host:3128 or socks5h://host:1080."
    )
    TOO_SLOW = "{host} did not answer in time. Try again later; if it stays so, tell your provider."
    BROKEN_OFF = "{host} broke its answer off half-way. Try again; if it stays so, tell your provider."
    TOO_LARGE = "{host} sends a far larger answer than can be right. Check the address."
    REDIRECTS = "{host} sends us round in circles, or on to something that is no web address. Ask your provider."
    FENCED = (
        "{host} is in a private network, or sends us on into one. If that is meant so, name the network in "
        "RESTREAMER_PROVIDER_NETWORKS and restart."
    )
    THROTTLED = "{host} says it is asked too often. It is left alone for {wait}."
    SERVER_FAULT = "{host} failed inside while answering (status {status}). Try again later."
    ODD_STATUS = (
        "{host} answered with status {status}, which says nothing we know. Try again later or ask your provider."
    )

    def of(self, **facts: object) -> str:
        """The sentence with its blanks filled in."""
        return self.value.format(**{name: redact.text(str(fact)) for name, fact in facts.items()})


_REASONS = {
    "dns": Reach.NO_SUCH_HOST,
    "refused": Reach.CONNECTION_REFUSED,
    "timeout": Reach.NO_CONNECTION,
    "network": Reach.NO_CONNECTION,
    "tls": Reach.TLS_REFUSED,
    "proxy": Reach.PROXY_FAILED,
}


def fence_of(portal: Portal) -> Fence | None:
    """How far this portal, and what it names, may lead."""
    return around(portal.address, networks_of(settings.PROVIDER_NETWORKS))


def door_of(portal: Portal) -> HttpDoor:
    """The HTTP door as this portal wants it used. What it redirects to is its word, not the owner's."""
    return HttpDoor(proxy_url=portal.proxy_url, verify_tls=portal.verify_tls, fence=fence_of(portal))


def headers_of(portal: Portal) -> dict[str, str]:
    """What to send with every request to this portal, for its lists and its media alike."""
    headers = {"User-Agent": portal.user_agent or PLAYER_USER_AGENT, "Accept": "*/*"}
    if portal.referer:
        headers["Referer"] = portal.referer
    if portal.origin:
        headers["Origin"] = portal.origin
    return headers


def host_of(url: str) -> str:
    """Host and port, for a sentence."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or "the address"
    except ValueError:
        return "the address"


def worded(err: http.HttpError, url: str) -> errors.PortalError:
    """The provider's error for one of the HTTP door."""
    host = host_of(url)
    if isinstance(err, http.Unreachable):
        if err.reason == "dns":
            # The name alone is what may be mistyped.
            host = host.rpartition(":")[0] or host
        return errors.PortalUnreachable(_REASONS.get(err.reason, Reach.NO_CONNECTION).of(host=host))
    if isinstance(err, http.TimedOut):
        return errors.PortalUnreachable(Reach.TOO_SLOW.of(host=host))
    if isinstance(err, http.BadAddress):
        say = Reach.PROXY_UNUSABLE if "proxy" in err.message else Reach.NO_ADDRESS
        return errors.NotAPortal(say.of(address=redact.url(url)))
    if isinstance(err, http.TooLarge):
        return errors.AnswerUnreadable(Reach.TOO_LARGE.of(host=host))
    if isinstance(err, http.FencedOff):
        return errors.PortalUnreachable(Reach.FENCED.of(host=host))
    if isinstance(err, http.BadRedirect):
        return errors.AnswerUnreadable(Reach.REDIRECTS.of(host=host))
    return errors.PortalUnreachable(Reach.BROKEN_OFF.of(host=host))


def refused_status(status: int, url: str, retry_after: str, *, now: float) -> errors.PortalError:
    """The error for a status no provider means anything special by."""
    host = host_of(url)
    if status == 429 or (status == 503 and retry_after):
        wait_s = retry_after_s(retry_after, now)
        return errors.PortalThrottled(Reach.THROTTLED.of(host=host, wait=for_wait(wait_s)), retry_after_s=wait_s)
    if status >= 500:
        return errors.PortalOverloaded(Reach.SERVER_FAULT.of(host=host, status=status))
    return errors.AnswerUnreadable(Reach.ODD_STATUS.of(host=host, status=status))


def retry_after_s(header: str, now: float) -> float:
    """Seconds a Retry-After header asks for: a number or a date; a minute when it says nothing, a day at most.

    >>> retry_after_s("120", 0.0), retry_after_s("Thu, 01 Jan 1970 00:05:00 GMT", 0.0), retry_after_s("", 0.0)
    (120.0, 300.0, 60.0)
    """
    header = header.strip()
    if header.isdecimal():
        return min(float(header[:9]), _LONGEST_WAIT_S)
    try:
        then = email.utils.parsedate_to_datetime(header).timestamp()
    except (ValueError, OverflowError):
        return _USUAL_WAIT_S
    return min(max(then - now, 0.0), _LONGEST_WAIT_S)


def for_wait(seconds: float) -> str:
    """`45 s`, `5 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{round(seconds / 60)} min"
