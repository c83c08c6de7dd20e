"""`/player/…`: television in a browser, with the keyboard; for a token, an open network, or who is logged in."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import urlencode

from channels.listing import ListedChannel, listed_among
from channels.models import ChannelStream
from streaming.errors import ChannelUnknown, TokenMissing
from streaming.outputs.addresses import Pictures
from streaming.views import watching
from streaming.views.access import admitted_to_page, pictures_of
from streaming.views.catchup import asks_for_past
from streaming.views.errors import for_players
from streaming.views.people import given_login, is_browser, policy, to_a_person
from streaming.visible import Sight

#: What the page lists; more are found by searching.
MOST_LISTED = 500


@for_players
def player(request: HttpRequest, channel_id: int = 0, token: str = "") -> HttpResponseBase:
    """The page, beginning with this channel or with the list alone; with `utc`, what the channel showed then."""
    try:
        sight = admitted_to_page(request, token)
    except TokenMissing:
        if token or "token" in request.GET or not is_browser(request):
            raise
        return to_a_person(request)
    if channel_id and asks_for_past(request):
        return watching.archive(request, sight, channel_id)
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


def _page(request: HttpRequest, sight: Sight, channel_id: int) -> HttpResponseBase:
    asked = request.GET.get("q", "")[:100].replace("\0", "")
    channels = sight.channels()
    found = channels.filter(name__icontains=asked) if asked else channels
    rows = list(listed_among(channels, found[: MOST_LISTED + 1]))
    more = len(rows) > MOST_LISTED
    rows = rows[:MOST_LISTED]
    if channel_id and all(row.id != channel_id for row in rows):
        sight.channel(channel_id)
        rows = [*listed_among(channels, channels.filter(pk=channel_id)), *rows]
    pictures = pictures_of(request, sight)
    told = {
        "channels": [row_of(row, pictures) for row in rows],
        "current": channel_id,
        "query": urlencode({"token": sight.viewer.token}),
        "pin": urlencode({"pin": pictures.pin}) if pictures.pin else "",
        "ts": "/stream/{id}",
        "hls": "/hls/{id}/index.m3u8",
    }
    given = given_login(request)
    context = {"told": told, "asked": asked, "more": more, "rows": len(rows), "given": given, "ways": True}
    return shown(request, {**context, "carried": urlencode(given)})


def shown(request: HttpRequest, context: dict[str, Any], *, framed: str = "'none'") -> HttpResponse:
    """The page itself. `told` is what its program is given; `framed` says who may show it in a frame.

    `told["ts"]` and `told["hls"]` are addresses with `{id}` in them, `told["query"]` stands behind each; with
    `told["page"]` the page's own address follows what plays, else it does so under `/player`.
    """
    response = render(request, "streaming/player.html", context)
    response.headers["Content-Security-Policy"] = policy(framed=framed)
    response.headers["Cache-Control"] = "no-store"
    return response


def row_of(channel: ListedChannel, pictures: Pictures) -> dict[str, Any]:
    """A channel as the page's program lists it."""
    logo = pictures.channel(channel.id, channel.logo, adult=channel.adult)
    row = {"id": channel.id, "number": channel.number, "name": channel.name, "group": channel.group, "logo": logo}
    return row | ({"adult": True} if channel.adult else {}) | ({"radio": True} if channel.is_radio else {})
