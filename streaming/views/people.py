"""The edge towards people who watch in a browser: pages in our frame, as the viewer they own or bring the token of."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Concatenate
from urllib.parse import unquote

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.views.pages import page
from restreamer.lib.errors import InvalidInput, RestreamerError
from restreamer.lib.time_zones import zone_named
from streaming.errors import TokenMissing
from streaming.views.access import admitted_to_page
from streaming.views.errors import for_players
from streaming.visible import Sight

View = Callable[Concatenate[HttpRequest, Sight, ...], HttpResponseBase]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
    "worker-src 'self' blob:; font-src 'self'; img-src 'self' data:{more}; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {framed}"
)


def for_people(view: View) -> Callable[..., HttpResponseBase]:
    """For pages: the view gets what its viewer sees, and whoever is nobody's viewer is told what to do.

    Errors become a page with their sentence; what is no page to begin with is as for players.
    """

    @for_players
    @never_cache
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, token: str = "", **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, admitted_to_page(request, token), *args, **kwargs)
        except TokenMissing as err:
            with_token = token or "token" in request.GET
            return refused(request, err) if with_token or not is_browser(request) else to_a_person(request)
        except RestreamerError as err:
            return refused(request, err)

    return answer


def refused(request: HttpRequest, err: RestreamerError) -> HttpResponseBase:
    """The sentence meant for viewers, in our frame."""
    response = shown(request, "streaming/refused.html", {"sentence": err.public}, err.status)
    if err.retry_after_s is not None and err.status in (429, 503):
        response.headers["Retry-After"] = str(math.ceil(err.retry_after_s))
    return response


def is_browser(request: HttpRequest) -> bool:
    """Does a page answer what was asked for?"""
    return "text/html" in request.headers.get("Accept", "")


def to_a_person(request: HttpRequest) -> HttpResponseBase:
    """Who comes with a browser and nothing else logs in first, or is told that none of the viewers is theirs."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), reverse("login"))
    may = request.user.has_perm("accounts.change_viewer")
    return page(request, "streaming/no_player.html", {"may_change_viewers": may}, 403)


def shown(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponseBase:
    """A page that shows pictures and plays; `carried` is what its links to others of its kind end in."""
    given = given_login(request)
    response = page(request, template, {"carried": urlencode(given), "given": given, **(context or {})}, status)
    response.headers["Content-Security-Policy"] = policy()
    if not given:
        # Logging out over TLS asks where one comes from; an address without a token may be told to ourselves.
        response.headers["Referrer-Policy"] = "same-origin"
    return response


def policy(*, framed: str = "'none'") -> str:
    """What browsers may load on a page that plays; `framed` says who may show it in a frame."""
    return _POLICY.format(more="" if settings.PICTURES == "kept" else " http: https:", framed=framed)


def given_login(request: HttpRequest) -> dict[str, str]:
    """What links and forms must carry on, as it came: token and PIN."""
    return {name: request.GET[name][:64] for name in ("token", "pin") if request.GET.get(name)}


def zone_of(request: HttpRequest) -> tzinfo:
    """Where the person's clock stands, as their browser said (see static/viewer/clock.js); else the house's."""
    try:
        named = unquote(request.COOKIES.get("tz", ""))[:60]
        return zone_named(named) if named else timezone.get_default_timezone()
    except InvalidInput:
        return timezone.get_default_timezone()
