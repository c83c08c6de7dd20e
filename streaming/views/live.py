"""Live television: who asks, what for, may they, and over to the relay."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.models import Viewer
from channels.models import Channel, ChannelStream
from restreamer.lib.client_address import client_address
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming.candidates import any_key, channel_key
from streaming.dealing import owner_of
from streaming.errors import ChannelGone, ChannelUnknown, NothingToPlay
from streaming.handover import hand_over
from streaming.limits import Limits, Wish
from streaming.redirecting import ways_of_channel
from streaming.redirects import redirect_owner
from streaming.relay.seams import Ticket
from streaming.views import catchup
from streaming.views.access import admitted
from streaming.views.away import away_for, redirect
from streaming.views.errors import for_players
from streaming.views.slates import slate_instead

_LONGEST_AGENT = 200


@for_players
def stream(request: HttpRequest, channel_id: int, token: str = "") -> HttpResponseBase:
    """`/stream/<channel id>`: one channel, whichever portal carries it."""
    sight = admitted(request, token)
    return watch(request, sight.viewer, sight.channel(channel_id))


@for_players
def play(request: HttpRequest, portal: str, provider_id: str, token: str = "") -> HttpResponseBase:
    """`/play/<portal>/<provider channel id>`: the channel that holds this stream, under its portal's name."""
    sight = admitted(request, token)
    if "\0" in provider_id + portal:
        # PostgreSQL knows no such text.
        raise ChannelUnknown("No portal's name and no provider's id holds a NUL.")
    links = ChannelStream.objects.filter(stream__provider_id=provider_id, channel__enabled=True)
    link = links.filter(stream__portal__slug=portal).first()
    if link is None and re.fullmatch(r"[0-9]{1,9}", portal):
        link = links.filter(stream__portal_id=int(portal)).first()
    if link is None:
        raise ChannelUnknown("No enabled channel holds this stream.")
    return watch(request, sight.viewer, sight.channel(link.channel_id))


@for_players
def nowhere(request: HttpRequest) -> HttpResponseBase:
    """Whatever else begins like an address of a channel: players get a sentence, never a page."""
    raise ChannelUnknown("The address is no channel's.")


def watch(request: HttpRequest, viewer: Viewer, channel: Channel) -> HttpResponseBase:
    """Give an admitted viewer a channel they may see: slot, ticket, descriptor. Raises what they are told instead."""
    if catchup.asks_for_past(request):
        return catchup.past_of_live(request, viewer, channel)
    try:
        must_be_offered(channel)
        return television(request, viewer, channel_key(channel.pk), channel.name)
    except RestreamerError as err:
        return slate_instead(request, viewer.name, err)


def watch_any(request: HttpRequest, viewer: Viewer, channel_ids: Sequence[int], title: str) -> HttpResponseBase:
    """The same for several channels as one: the first that can be played, and the next when it fails."""
    try:
        return television(request, viewer, any_key(channel_ids), title)
    except RestreamerError as err:
        return slate_instead(request, viewer.name, err)


def television(request: HttpRequest, viewer: Viewer, key: str, title: str) -> HttpResponseBase:
    """Slot, ticket, descriptor for a relay key. Raises what they are told instead."""
    if request.method == "HEAD":
        # Players probe with HEAD before they play: it opens nothing and takes nothing.
        return HttpResponse(content_type="video/mp2t", headers={"Cache-Control": "no-store"})
    wish = wish_of(request, viewer, key, title)
    away = away_for(request, viewer, key, ways_of_channel)
    limits = limits_of(viewer, redirect_owner() if away else owner_of(key))
    session_id = limits.admit(wish)
    ticket = ticket_of(request, wish, session_id)
    with contextlib.ExitStack() as undo:
        undo.callback(limits.give_back, session_id)
        response = redirect(ticket, away) if away else hand_over(request, ticket)
        undo.pop_all()
    return response


def wish_of(request: HttpRequest, viewer: Viewer, key: str, title: str) -> Wish:
    """What this request is about."""
    return Wish(
        viewer_id=viewer.pk,
        viewer_name=viewer.name,
        connections=viewer.connections,
        key=key,
        title=title,
        peer=client_address(request),
        agent=request.headers.get("User-Agent", "")[:_LONGEST_AGENT],
        login=viewer.login_mark(),
    )


def limits_of(viewer: Viewer, owner: str) -> Limits:
    """The door that counts; `owner` will serve what it lets in."""
    return Limits(connection(), owner, policy=viewer.limit_policy or settings.VIEWER_LIMIT_POLICY)


def ticket_of(request: HttpRequest, wish: Wish, session_id: str) -> Ticket:
    """What the relay is told."""
    return Ticket(
        session_id=session_id,
        key=wish.key,
        viewer_id=wish.viewer_id,
        viewer_name=wish.viewer_name,
        title=wish.title,
        peer=wish.peer,
        agent=wish.agent,
        protocol=str(request.META.get("SERVER_PROTOCOL", "HTTP/1.1")),
        for_s=settings.LONGEST_VIEWING_S,
    )


def must_be_offered(channel: Channel) -> None:
    """Raises ChannelGone when every stream is stale, NothingToPlay when their portals are switched off."""
    streams = channel.links.values_list("stream__stale_since", "stream__portal__enabled")
    listed = [enabled for stale_since, enabled in streams if stale_since is None]
    if not listed:
        raise ChannelGone(f"No portal lists a stream of {channel.name} any more.")
    if not any(listed):
        raise NothingToPlay(f"The portals of {channel.name} are switched off.")
