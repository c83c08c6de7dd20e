"""`/admin/watch/…`: a channel or one stream, played for who is logged in to the admin pages, by that login alone.

Nothing of it holds a token: page, picture and segments are each asked for with the browser's own session.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.views.decorators.clickjacking import xframe_options_sameorigin

from channels.listing import listed
from channels.models import Channel, Stream
from streaming.candidates import channel_key, stream_key
from streaming.errors import ChannelGone, ChannelUnknown, NothingToPlay
from streaming.onlookers import may_look_in, onlooker
from streaming.outputs.addresses import Pictures
from streaming.views import hls, live
from streaming.views.errors import for_players
from streaming.views.player import MOST_LISTED, row_of, shown
from streaming.visible import HIGHEST_ID


def urls() -> list[URLPattern]:
    """To be mounted under the admin, before it."""
    page = xframe_options_sameorigin(admin.site.admin_view(watch))
    return [
        path(f"watch/{kind}/<int:pk>/{rest}", view, {"kind": kind}, **name)
        for kind in _FOUND
        for rest, view, name in (
            ("", page, {"name": f"watch_{kind}"}),
            ("live.ts", picture, {}),
            ("index.m3u8", master, {}),
            (hls.LIST, media, {}),
            ("<int:number>.ts", segment, {}),
        )
    ]


def watch(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    """The player's page: a channel among all channels, or a stream among those of its channel."""
    if not may_look_in(request.user):
        raise PermissionDenied
    if pk > HIGHEST_ID:
        raise Http404
    asked = request.GET.get("q", "")[:100].replace("\0", "")
    rows = _channels(pk, asked) if kind == "channel" else _streams(pk, asked)
    start = f"/admin/watch/{kind}/{{id}}"
    told = {
        "channels": rows[:MOST_LISTED],
        "current": pk,
        "query": "",
        "pin": "",
        "ts": f"{start}/live.ts",
        "hls": f"{start}/index.m3u8",
        "page": f"{start}/",
    }
    context = {"told": told, "asked": asked, "more": len(rows) > MOST_LISTED, "rows": MOST_LISTED, "given": {}}
    return shown(request, context, framed="'self'")


@for_players
def picture(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    """`…/live.ts`."""
    asked_for = _asked_for(request, kind, pk)
    asked_for.must_be_offered()
    return live.television(request, asked_for.viewer, asked_for.key, asked_for.title)


@for_players
def master(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    """`…/index.m3u8`."""
    return hls.begin(request, _asked_for(request, kind, pk), hls.LIST, {})


@for_players
def media(request: HttpRequest, kind: str, pk: int) -> HttpResponseBase:
    """`…/live.m3u8`."""
    return hls.list_of(request, _asked_for(request, kind, pk))


@for_players
def segment(request: HttpRequest, kind: str, pk: int, number: int) -> HttpResponseBase:
    """`…/<number>.ts`."""
    key = channel_key(pk) if kind == "channel" else stream_key(pk)
    return hls.segment_of(request, onlooker(request.user), key, number)


def _asked_for(request: HttpRequest, kind: str, pk: int) -> hls.Asked:
    """Raises NotLookingIn, ChannelUnknown."""
    viewer = onlooker(request.user)
    found = _FOUND[kind](pk) if pk <= HIGHEST_ID else None
    if found is None:
        raise ChannelUnknown(f"There is no {kind} {pk}.")
    return hls.Asked(viewer, *found)


def _channel(pk: int) -> tuple[str, str, Callable[[], None]] | None:
    channel = Channel.objects.filter(pk=pk).first()
    if channel is None:
        return None
    return channel_key(pk), channel.name, partial(live.must_be_offered, channel)


def _stream(pk: int) -> tuple[str, str, Callable[[], None]] | None:
    stream = Stream.objects.select_related("portal").filter(pk=pk).first()
    if stream is None:
        return None
    return stream_key(pk), f"{stream.name} ({stream.portal})", partial(_stream_must_be_offered, stream)


#: What may be watched: key, title and the check whether a portal offers it, by id.
_FOUND = {"channel": _channel, "stream": _stream}


def _stream_must_be_offered(stream: Stream) -> None:
    """Raises ChannelGone, NothingToPlay."""
    if stream.stale_since is not None:
        raise ChannelGone(f"{stream.portal} does not list {stream.name} any more.")
    if not stream.portal.enabled:
        raise NothingToPlay(f"{stream.portal} is switched off.")


def _channels(pk: int, asked: str) -> list[dict[str, Any]]:
    """Rows of all channels, hidden ones too; this one first when it is not among the first."""
    get_object_or_404(Channel, pk=pk)
    pictures = Pictures(base_url="", kept=settings.PICTURES == "kept")
    found = Channel.objects.filter(name__icontains=asked) if asked else Channel.objects.all()
    rows = list(islice(listed(found.in_order()[: MOST_LISTED + 1]), MOST_LISTED + 1))
    if all(row.id != pk for row in rows[:MOST_LISTED]):
        rows = [*listed(Channel.objects.filter(pk=pk)), *rows]
    return [row_of(row, pictures) for row in rows]


def _streams(pk: int, asked: str) -> list[dict[str, Any]]:
    """Rows of the streams of the same channel in the order they are tried, or of this one alone."""
    stream = get_object_or_404(Stream.objects.select_related("portal", "link"), pk=pk)
    link = getattr(stream, "link", None)
    found = [stream]
    if link is not None:
        found = list(Stream.objects.filter(link__channel=link.channel_id).select_related("portal").in_order())
    return [
        {"id": one.pk, "number": str(at), "name": f"{one.name} ({one.portal})", "group": "", "logo": ""}
        for at, one in enumerate(found, 1)
        if one.pk == pk or asked.lower() in one.name.lower()
    ]
