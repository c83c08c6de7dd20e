"""What an owner reads when the way to a provider is blocked: one sentence per kind of trouble."""

from __future__ import annotations

import pytest

from portals import errors
from portals.models import Portal
from portals.providers import reach
from restreamer.lib import http

URL = "http://user:secret@h.example:8080/get.php?username=u&password=secret"


@pytest.mark.parametrize(
    ("trouble", "error", "sentence"),
    [
        (
            http.Unreachable("", "dns"),
            errors.PortalUnreachable,
            "There is no host named h.example. Check the address for typing errors.",
        ),
        (
            http.Unreachable("", "refused"),
            errors.PortalUnreachable,
            "h.example:8080 refuses the connection. Check the port in the address; if it is right, the provider is "
            "down: try again later or ask your provider.",
        ),
        (
            http.Unreachable("", "timeout"),
            errors.PortalUnreachable,
            "h.example:8080 cannot be reached from here. Check address and port; if they are right, the provider is "
            "down or blocks your network: try again later or set a proxy.",
        ),
        (
            http.Unreachable("", "tls"),
            errors.PortalUnreachable,
            "The TLS certificate of h.example:8080 is not valid. Try the address with http:// instead, or switch off "
            "“verify tls” for this portal if your provider says so.",
        ),
        (
            http.Unreachable("", "proxy"),
            errors.PortalUnreachable,
            "The proxy of this portal does not connect to h.example:8080. Check the proxy address, or empty it.",
        ),
        (
            http.TimedOut(""),
            errors.PortalUnreachable,
            "h.example:8080 did not answer in time. Try again later; if it stays so, tell your provider.",
        ),
        (
            http.BadAddress("The proxy address is not usable"),
            errors.NotAPortal,
            "The proxy address of this portal is not usable. It looks like http://host:3128 or socks5h://host:1080.",
        ),
        (
            http.BadAddress("no"),
            errors.NotAPortal,
            "“http://h.example:8080/get.php?***” is no web address. Enter the address your provider gave you.",
        ),
        (
            http.TooLarge(""),
            errors.AnswerUnreadable,
            "h.example:8080 sends a far larger answer than can be right. Check the address.",
        ),
        (
            http.BadRedirect(""),
            errors.AnswerUnreadable,
            "h.example:8080 sends us round in circles, or on to something that is no web address. Ask your provider.",
        ),
        (
            http.BrokenAnswer(""),
            errors.PortalUnreachable,
            "h.example:8080 broke its answer off half-way. Try again; if it stays so, tell your provider.",
        ),
    ],
)
def test_trouble_on_the_way(trouble, error, sentence):
    worded = reach.worded(trouble, URL)

    assert type(worded) is error
    assert worded.message == sentence


@pytest.mark.parametrize(
    ("status", "retry_after", "error", "wait_s"),
    [
        (429, "7", errors.PortalThrottled, 7),
        (429, "", errors.PortalThrottled, 60),
        (429, "9" * 30, errors.PortalThrottled, 86400),
        (429, "Thu, 01 Jan 1970 00:02:00 GMT", errors.PortalThrottled, 120),
        (429, "soon", errors.PortalThrottled, 60),
        (503, "5", errors.PortalThrottled, 5),
        (503, "", errors.PortalOverloaded, None),
        (502, "", errors.PortalOverloaded, None),
        (418, "", errors.AnswerUnreadable, None),
    ],
)
def test_a_status_that_is_no_answer(status, retry_after, error, wait_s):
    found = reach.refused_status(status, URL, retry_after, now=0.0)

    assert (type(found), found.retry_after_s) == (error, wait_s)


def test_what_every_request_carries():
    assert reach.headers_of(Portal()) == {"User-Agent": reach.PLAYER_USER_AGENT, "Accept": "*/*"}
    assert reach.headers_of(Portal(user_agent="M", referer="r", origin="o")) == {
        "User-Agent": "M",
        "Accept": "*/*",
        "Referer": "r",
        "Origin": "o",
    }
