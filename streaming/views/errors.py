"""The edge towards players: errors become short plain text, never an HTML page."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from restreamer.lib.errors import RestreamerError

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

#: Players on other pages (web players, casting) may read everything a token allows.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range",
    "Access-Control-Max-Age": "86400",
}


def for_players(view: View) -> View:
    """GET and HEAD only, errors as plain text, open to other origins."""
    return _edge(view, ("GET", "HEAD"))


def for_players_with_post(view: View) -> View:
    """The same, and POST with what would else stand behind the question mark.

    Without CSRF tokens: a player has no cookie that a foreign page could ride on; each request carries its login.
    """
    return csrf_exempt(_edge(view, ("GET", "HEAD", "POST")))


def _edge(view: View, methods: tuple[str, ...]) -> View:
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = _answer(view, methods, request, *args, **kwargs)
        if response.status_code >= 400 or request.method == "OPTIONS" or _brings_its_login(request, kwargs):
            for name, value in CORS.items():
                response.headers.setdefault(name, value)
        # Addresses hold tokens: no other site learns them from us.
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response

    return answer


def _brings_its_login(request: HttpRequest, path: dict[str, Any]) -> bool:
    """Who is let in by network alone brings none: a page elsewhere must not read for its visitor what only he may."""
    named = ("token", "username", "password")
    if request.method == "POST":
        return True
    return bool(path.get("token") or path.get("password") or any(request.GET.get(name) for name in named))


def _answer(view: View, methods: tuple[str, ...], request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    if request.method not in methods:
        allowed = " and ".join((", ".join(methods[:-1]), methods[-1]))
        return plain(405, f"Only {allowed} are answered here.", {"Allow": ", ".join((*methods, "OPTIONS"))})
    try:
        return view(request, *args, **kwargs)
    except RestreamerError as err:
        logger.info("%s refused: %s", request.path, err.message)
        return refusal(err)
    except Http404:
        return plain(404, "There is no such thing.")
    except Exception:
        # Wide on purpose: whatever goes wrong in a view, a player gets plain text and we get the traceback.
        logger.exception("A player's request failed: %s", request.path)
        return plain(500, RestreamerError.public)


def refusal(err: RestreamerError) -> HttpResponse:
    """The reply to a viewer: status, when to come back, and the sentence meant for viewers."""
    headers = {}
    if err.tuner_error:
        headers["X-HDHomeRun-Error"] = err.tuner_error
    if err.retry_after_s is not None and err.status in (429, 503):
        headers["Retry-After"] = str(max(1, math.ceil(err.retry_after_s)))
    return plain(err.status, err.public, headers)


def plain(status: int, text: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """A line of text that no cache keeps."""
    return HttpResponse(
        text + "\n",
        status=status,
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "no-store"} | (headers or {}),
    )
