"""Streams under the addresses of the Xtream scheme: `/live/U/P/ID.ts`, `/live/U/P/ID.m3u8` and `/U/P/ID`."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from streaming.views import hls
from streaming.views import live as live_view
from streaming.views.access import admitted_by_login
from streaming.views.errors import for_players


@for_players
def live(request: HttpRequest, name: str, password: str, public_id: str, extension: str = "ts") -> HttpResponseBase:
    """A channel as MPEG-TS, or as HLS."""
    sight = admitted_by_login(request, name, password)
    if extension == "m3u8":
        return hls.begin_elsewhere(request, sight, sight.channel(int(public_id)))
    return live_view.watch(request, sight.viewer, sight.channel(int(public_id)))
