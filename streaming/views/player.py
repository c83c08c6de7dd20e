"""`/player/…`: television in a browser, with the keyboard; for a token, an open network, or who is logged in."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.views.pages import page
from channels.listing import ListedChannel, listed
from channels.models import ChannelStream
from streaming.errors import ChannelUnknown, TokenMissing
from streaming.outputs.addresses import Pictures
from streaming.views.access import admitted_to_page, pictures_of
from streaming.views.errors import for_players
from streaming.visible import Sight

#: What the page lists; more are found by searching.
MOST_LISTED = 500
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
    "worker-src 'self' blob:; font-src 'self'; img-src 'self'{more}; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {framed}"
)


@for_players
def player(request: HttpRequest, channel_id: int = 0, token: str = "") -> HttpResponseBase:
    """The page, beginning with this channel or with the list alone."""
    try:
        sight = admitted_to_page(request, token)
    except TokenMissing:
        if token or "token" in request.GET or "text/html" not in request.headers.get("Accept", ""):
            raise
        return _to_a_person(request)
    return _page(request, sight, channel_id)


@for_players
def of_portal(request: HttpRequest, portal: str, provider_id: str, token: str = "") -> HttpResponseBase:
    """The page with the channel that holds this item of a portal."""
    sight = admitted_to_page(request, token)
    links = ChannelStream.objects.filter(stream__provider_id=provider_id.replace("\0", ""), channel__enabled=True)
    by_id = {"stream__portal_id": int(portal)} if re.fullmatch(r"[0-9]{1,9}", portal) else {}
    link = links.filter(stream__portal__slug=portal).first() or (links.filter(**by_id).first() if by_id else None)
    if link is None:
        raise ChannelUnknown("No enabled channel holds this stream.")
    return _page(request, sight, link.channel_id)


def _to_a_person(request: HttpRequest) -> HttpResponseBase:
    """Who comes with a browser and nothing else logs in first, or is told that none of the viewers is theirs."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.path, reverse("login"))
    may = request.user.has_perm("accounts.change_viewer")
    return page(request, "streaming/no_player.html", {"may_change_viewers": may}, 403)


def _page(request: HttpRequest, sight: Sight, channel_id: int) -> HttpResponseBase:
    asked = request.GET.get("q", "")[:100].replace("\0", "")
    channels = sight.channels()
    found = channels.filter(name__icontains=asked) if asked else channels
    rows = list(islice(listed(found[: MOST_LISTED + 1]), MOST_LISTED + 1))
    more = len(rows) > MOST_LISTED
    rows = rows[:MOST_LISTED]
    if channel_id and all(row.id != channel_id for row in rows):
        sight.channel(channel_id)
        rows = [*listed(channels.filter(pk=channel_id)), *rows]
    pictures = pictures_of(request, sight)
    told = {
        "channels": [row_of(row, pictures) for row in rows],
        "current": channel_id,
        "query": urlencode({"token": sight.viewer.token}),
        "pin": urlencode({"pin": pictures.pin}) if pictures.pin else "",
        "ts": "/stream/{id}",
        "hls": "/hls/{id}/index.m3u8",
    }
    return shown(request, {"told": told, "asked": asked, "more": more, "rows": len(rows), "given": _given(request)})


def shown(request: HttpRequest, context: dict[str, Any], *, framed: str = "'none'") -> HttpResponse:
    """The page itself. `told` is what its program is given; `framed` says who may show it in a frame.

    `told["ts"]` and `told["hls"]` are addresses with `{id}` in them, `told["query"]` stands behind each; with
    `told["page"]` the page's own address follows what plays, else it does so under `/player`.
    """
    response = render(request, "streaming/player.html", context)
    response.headers["Content-Security-Policy"] = _POLICY.format(
        more="" if settings.PICTURES == "kept" else " http: https:", framed=framed
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def row_of(channel: ListedChannel, pictures: Pictures) -> dict[str, Any]:
    """A channel as the page's program lists it."""
    logo = pictures.channel(channel.id, channel.logo, adult=channel.adult)
    row = {"id": channel.id, "number": channel.number, "name": channel.name, "group": channel.group, "logo": logo}
    return row | ({"adult": True} if channel.adult else {}) | ({"radio": True} if channel.is_radio else {})


def _given(request: HttpRequest) -> dict[str, str]:
    """What a search must carry on."""
    return {name: request.GET[name] for name in ("token", "pin") if request.GET.get(name)}
