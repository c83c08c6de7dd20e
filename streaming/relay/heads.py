"""The HTTP heads a relay writes: the picture's, and refusals in plain text. Never HTML: a player shows or plays it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from http import HTTPStatus

from restreamer.lib.errors import RestreamerError

LIVE_HEADERS = (
    ("Content-Type", "video/mp2t"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
    ("Access-Control-Allow-Origin", "*"),
)

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"


def live(protocol: str) -> bytes:
    """The head before an endless stream: no length, ended by the connection's end."""
    return _head(protocol, HTTPStatus.OK, LIVE_HEADERS)


def playlist(protocol: str, text: str) -> bytes:
    """A whole answer: an HLS playlist."""
    body = text.encode()
    headers = [
        ("Content-Type", PLAYLIST_TYPE),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-cache"),
        ("Access-Control-Allow-Origin", "*"),
    ]
    return _head(protocol, HTTPStatus.OK, headers) + body


def whole(protocol: str, status: int, headers: list[tuple[str, str]]) -> bytes:
    """The head of an answer with these headers, ended by the connection's end."""
    return _head(protocol, status, headers)


def refusal(protocol: str, error: RestreamerError, extra: Sequence[tuple[str, str]] = ()) -> bytes:
    """A whole answer that says why there is no picture, in words a viewer may read."""
    status = error.status if 400 <= error.status <= 599 else 503
    body = (error.public + "\n").encode("utf-8", "replace")
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Access-Control-Allow-Origin", "*"),
        *extra,
    ]
    if error.retry_after_s is not None:
        headers.append(("Retry-After", str(max(1, math.ceil(error.retry_after_s)))))
    if error.tuner_error:
        headers.append(("X-HDHomeRun-Error", error.tuner_error))
    return _head(protocol, status, headers) + body


def _head(protocol: str, status: int, headers: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> bytes:
    version = protocol if protocol in ("HTTP/1.0", "HTTP/1.1") else "HTTP/1.1"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Refused"
    lines = [f"{version} {int(status)} {phrase}", *(f"{name}: {value}" for name, value in headers), "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
