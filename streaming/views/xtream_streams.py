"""Streams under the addresses of the Xtream scheme: `/live/U/P/ID.ts` and `/U/P/ID`."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from streaming.views import live as live_view
from streaming.views.access import admitted_by_login
from streaming.views.errors import for_players


@for_players
def live(request: HttpRequest, name: str, password: str, public_id: str, extension: str = "ts") -> HttpResponseBase:
    """A channel as MPEG-TS."""
    sight = admitted_by_login(request, name, password)
    return live_view.watch(request, sight.viewer, sight.channel(int(public_id)))
