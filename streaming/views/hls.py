"""HLS of live channels: a master playlist that names the player, its list, and the segments all players share.

A player is known by the `session` its master playlist gave it, for one viewer at one address: whoever carries the same
session elsewhere is another player, with a slot of his own. The relay knows who plays; here is asked at each request.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlencode

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.models import Viewer
from channels.models import Channel
from restreamer.lib.client_address import client_address
from streaming.candidates import channel_key
from streaming.dealing import owner_of
from streaming.errors import ListFirst, SegmentUnknown, ViewingEnded
from streaming.handover import hand_over, hear
from streaming.hls.shelf import PLAYLIST_NAME
from streaming.hls.window import newest_in, with_query
from streaming.limits import Wish
from streaming.passthrough.ranges import OutOfRange, asked
from streaming.redirecting import ways_of_channel
from streaming.redirects import redirect_owner
from streaming.relay.cutting import folder_of
from streaming.relay.heads import PLAYLIST_TYPE
from streaming.relay.polling import Presence, poll_of
from streaming.views import live
from streaming.views.access import admitted
from streaming.views.away import away_for, redirect
from streaming.views.errors import for_players
from streaming.visible import Sight

_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
LIST = "live.m3u8"
#: What must be written into every address, for players keep nothing else.
_KEPT = ("token", "pin")
#: Segments never change, and their numbers never come back.
_SEGMENT_HEADERS = {"Cache-Control": "public, max-age=3600, immutable", "Accept-Ranges": "bytes"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an admitted viewer wants to see: a relay key, and how to find out whether a portal offers it now."""

    viewer: Viewer
    key: str
    title: str
    must_be_offered: Callable[[], None]

    @classmethod
    def for_channel(cls, viewer: Viewer, channel: Channel) -> Asked:
        """A channel."""
        return cls(viewer, channel_key(channel.pk), channel.name, partial(live.must_be_offered, channel))


@for_players
def master(request: HttpRequest, channel_id: int, token: str = "") -> HttpResponseBase:
    """`/hls/<channel id>/index.m3u8`: begins a viewing; the list it names is this player's alone."""
    sight = admitted(request, token)
    return begin(request, Asked.for_channel(sight.viewer, sight.channel(channel_id)), LIST, _kept(request))


def begin_elsewhere(request: HttpRequest, sight: Sight, channel: Channel) -> HttpResponseBase:
    """The same for an address of another form: its list is where all lists are."""
    up = "../" * (request.path_info.count("/") - 1)
    kept = {**_kept(request), "token": sight.viewer.token}
    return begin(request, Asked.for_channel(sight.viewer, channel), f"{up}hls/{channel.pk}/{LIST}", kept)


@for_players
def media(request: HttpRequest, channel_id: int, token: str = "") -> HttpResponseBase:
    """`/hls/<channel id>/live.m3u8`: the segments there are. A player that comes back after a while is let in anew."""
    sight = admitted(request, token)
    return list_of(request, Asked.for_channel(sight.viewer, sight.channel(channel_id)))


def list_of(request: HttpRequest, asked_for: Asked) -> HttpResponseBase:
    """The list of whoever was admitted."""
    wish = live.wish_of(request, asked_for.viewer, asked_for.key, asked_for.title)
    session = _session(request)
    if request.method == "HEAD":
        return _empty_list()
    # A segment asks for no channel, so for no PIN either.
    query = urlencode({name: request.GET[name] for name in ("token", "session") if request.GET.get(name)})
    text = ""
    with contextlib.suppress(FileNotFoundError):
        text = (settings.HLS_FOLDER / folder_of(wish.key) / PLAYLIST_NAME).read_text()
    heard = hear(wish.key, poll_of(wish.session_id_of(session)), newest=newest_in(text))
    if heard.presence is Presence.ENDED:
        raise ViewingEnded(f"{wish.viewer_name} was ended on {wish.title}.")
    if heard.presence is Presence.KNOWN and text:
        return HttpResponse(with_query(text, query), PLAYLIST_TYPE, headers={"Cache-Control": "no-cache"})
    # It is to come, or a little later more will be in it: the relay waits, no process of ours does.
    # Some load the list under another User-Agent than what named it: it is the same viewing still.
    return _hand_over(request, asked_for, wish, heard.session_id or wish.session_id_of(session), "list", query)


@for_players
def segment(request: HttpRequest, channel_id: int, number: int, token: str = "") -> HttpResponseBase:
    """`/hls/<channel id>/<number>.ts`: a file, the same for everybody who plays the channel."""
    return segment_of(request, admitted(request, token).viewer, channel_key(channel_id), number)


def segment_of(request: HttpRequest, viewer: Viewer, key: str, number: int) -> HttpResponseBase:
    """A segment for whoever was admitted and plays this key."""
    wish = Wish(viewer.pk, viewer.name, 0, key, "", client_address(request), "")
    path = settings.HLS_FOLDER / folder_of(key) / f"{number}.ts"
    try:
        size = path.stat().st_size
    except OSError as err:
        _must_play(wish, request, 0)
        raise SegmentUnknown(f"There is no segment {number} of {key}.") from err
    tag = f'"{key.rpartition(":")[2]}-{number}-{size}"'
    first, last, partial = 0, size - 1, False
    wanted = asked(request.headers.get("Range", "")) if request.method == "GET" else None
    fresh = tag in request.headers.get("If-None-Match", "")
    if wanted is not None and request.headers.get("If-Range", tag) == tag:
        try:
            first, last = wanted.within(size)
        except OutOfRange as err:
            return HttpResponse(status=err.status, headers={"Content-Range": f"bytes */{size}"})
        partial = True
    whole = request.method == "GET" and not fresh
    _must_play(wish, request, last + 1 - first if whole else 0)
    headers = {**_SEGMENT_HEADERS, "ETag": tag}
    if fresh:
        return HttpResponse(status=304, headers=headers)
    try:
        # Unbuffered: the server takes the descriptor for sendfile.
        file = path.open("rb", buffering=0)
    except OSError as err:
        raise SegmentUnknown(f"Segment {number} of {key} has just gone.") from err
    if not partial:
        return FileResponse(file, content_type="video/mp2t", headers=headers)
    with file:
        file.seek(first)
        body = file.read(last + 1 - first)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return HttpResponse(body, "video/mp2t", status=206, headers=headers)


def begin(request: HttpRequest, asked_for: Asked, address: str, kept: dict[str, str]) -> HttpResponseBase:
    """The master playlist; its list is at `address`, with what is `kept` behind it."""
    asked_for.must_be_offered()
    if request.method == "HEAD":
        return _empty_list()
    wish = live.wish_of(request, asked_for.viewer, asked_for.key, asked_for.title)
    if away := away_for(request, asked_for.viewer, wish.key, ways_of_channel):
        limits = live.limits_of(asked_for.viewer, redirect_owner())
        session_id = limits.admit(wish)
        with contextlib.ExitStack() as undo:
            undo.callback(limits.give_back, session_id)
            response = redirect(live.ticket_of(request, wish, session_id), away)
            undo.pop_all()
        return response
    session = secrets.token_urlsafe(9)
    uri = f"{address}?{urlencode({**kept, 'session': session})}"
    return _hand_over(request, asked_for, wish, wish.session_id_of(session), "master", uri)


def _hand_over(
    request: HttpRequest, asked_for: Asked, wish: Wish, session_id: str, what: str, uri: str
) -> HttpResponseBase:
    """Let the relay answer, as soon as there is a segment; the viewing's slot is taken before."""
    asked_for.must_be_offered()
    limits = live.limits_of(asked_for.viewer, owner_of(wish.key))
    limits.admit(wish, session_id)
    ticket = replace(live.ticket_of(request, wish, session_id), hls=what, uri=uri)
    with contextlib.ExitStack() as undo:
        undo.callback(limits.give_back, session_id)
        response = hand_over(request, ticket)
        undo.pop_all()
    return response


def _must_play(wish: Wish, request: HttpRequest, sent_bytes: int) -> None:
    """Raises ViewingEnded, ListFirst."""
    presence = hear(wish.key, poll_of(wish.session_id_of(_session(request))), sent_bytes).presence
    if presence is Presence.ENDED:
        raise ViewingEnded(f"{wish.viewer_name} was ended on {wish.key}.")
    if presence is Presence.UNKNOWN:
        raise ListFirst(f"{wish.viewer_name} does not play {wish.key}.")


def _session(request: HttpRequest) -> str:
    """The name the master playlist gave the player; empty when it has none: then its address is all there is."""
    given = request.GET.get("session", "")
    return given if _SESSION.fullmatch(given) else ""


def _kept(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in _KEPT if request.GET.get(name)}


def _empty_list() -> HttpResponse:
    """Players probe with HEAD before they play: it opens nothing and takes nothing."""
    return HttpResponse(content_type=PLAYLIST_TYPE, headers={"Cache-Control": "no-cache"})
