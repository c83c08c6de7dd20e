"""`/admin/watch/channel/<id>/addresses/`: what a player opens to play one channel, for a viewer the person may know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from accounts.addresses import ReadyAddress
from accounts.models import AdultView, Viewer, ViewerQuerySet
from channels.models import Channel
from restreamer.lib.base_url import asked_base_url
from streaming.errors import ChannelUnknown
from streaming.onlookers import may_look_in
from streaming.visible import HIGHEST_ID, Sight

_EVERYBODYS = "accounts.change_viewer"


@dataclass(frozen=True, slots=True)
class Link:
    """The addresses of a channel for one viewer, or why there are none."""

    addresses: tuple[ReadyAddress, ...] = ()
    hint: str = ""


def urls() -> list[URLPattern]:
    """To be mounted under the admin, before it."""
    view = admin.site.admin_view(require_safe(addresses))
    return [path("watch/channel/<int:pk>/addresses/", view, name="watch_channel_addresses")]


def addresses(request: HttpRequest, pk: int) -> HttpResponse:
    """A part of a page: the choice of viewers, and the addresses of the chosen or first one."""
    if not may_look_in(request.user):
        raise PermissionDenied
    if pk > HIGHEST_ID:
        raise Http404
    channel = get_object_or_404(Channel, pk=pk)
    viewers = list(_known_to(request))
    asked = request.GET.get("viewer", "")
    chosen = next((one for one in viewers if str(one.pk) == asked), viewers[0] if viewers else None)
    context = {
        "channel": channel,
        "viewers": viewers,
        "chosen": chosen,
        "link": link_of(channel, chosen, asked_base_url(request)) if chosen else None,
        "may_change_viewers": request.user.has_perm(_EVERYBODYS),
    }
    response = render(request, "streaming/channel_addresses.html", context)
    # It holds a token.
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def link_of(channel: Channel, viewer: Viewer, base_url: str) -> Link:
    """The channel's addresses with the viewer's token; none where they would not play."""
    try:
        Sight(viewer, pin_given=True).channel(channel.pk)
    except ChannelUnknown:
        return Link(hint=_why_not(channel, viewer))
    query = urlencode({"token": viewer.token})
    needs_pin = channel.adult and viewer.adult == AdultView.PIN
    return Link(
        (
            ReadyAddress("ts", "Player", f"{base_url}/stream/{channel.pk}?{query}", "VLC, Kodi, most apps (MPEG-TS)"),
            ReadyAddress("hls", "HLS", f"{base_url}/hls/{channel.pk}/index.m3u8?{query}", "iPhone, web players"),
            ReadyAddress("page", "Web page", f"{base_url}/player/{channel.pk}?{query}", "any browser"),
        ),
        "Marked as adult: put &pin= and the viewer's PIN behind it." if needs_pin else "",
    )


def _why_not(channel: Channel, viewer: Viewer) -> str:
    if not channel.enabled:
        return "The channel is hidden from viewers: switch “enabled” on first."
    if not viewer.with_live:
        return f"{viewer.name} was given no channels."
    if channel.adult and viewer.adult == AdultView.HIDDEN:
        return f"The channel is marked as adult, which is hidden from {viewer.name}."
    return f"The channel is in none of the lineups of {viewer.name}."


def _known_to(request: HttpRequest) -> ViewerQuerySet:
    """Their own viewers, then, for those who may change them, everybody's: the token is no secret to these."""
    user = cast(User, request.user)
    allowed: ViewerQuerySet = Viewer.objects.allowed()
    if not user.has_perm(_EVERYBODYS):
        return allowed.filter(owner=user).order_by("id")
    return allowed.own_first(user.pk)
