"""Sending a player to the provider itself, where that is chosen: what a request asks for, and the answer."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.encoding import iri_to_uri

from accounts.models import Viewer
from restreamer.lib.redis_client import connection
from streaming.redirecting import Redirector, Way
from streaming.relay.seams import Ticket


def away_for(request: HttpRequest, viewer: Viewer, key: str, ways: Callable[..., list[Way]]) -> list[Way]:
    """Where to send the player; empty when it is to be served here. `ways` knows the key, see streaming.redirecting."""
    return ways(key, asked=request.GET.get("direct") == "1") if viewer.may_redirect else []


def redirect(ticket: Ticket, away: list[Way]) -> HttpResponse:
    """302 to the provider; no cache and no other site learns the address."""
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    address = Redirector(connection()).address(ticket, away)
    return HttpResponse(status=302, headers={**headers, "Location": iri_to_uri(address)})
