"""The owner's page of what runs now: viewers, channels, and the buttons that steer them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.playing import Playing
from channels.models import Stream
from channels.stream_health import StreamHealth
from guide.matchmaking import refs_of
from guide.models import Programme
from guide.querysets import Showing
from portals.in_use import Shown
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming.journal import keeping
from streaming.journal.rows import PlaySession
from streaming.redirects import is_redirect
from streaming.relay.seams import RelayFacts, SessionFacts
from streaming.sessions import Sessions

_RIGHT = "channels.change_channel"


@dataclass(frozen=True, slots=True)
class Running:
    """One running channel or title with its viewers and the streams it could play."""

    facts: RelayFacts
    viewers: list[tuple[SessionFacts, str]]
    streams: list[Stream]
    minutes: float
    #: What is on, after the guide; None when it does not know.
    showing: Showing | None
    #: Size, codecs and bitrate of the stream that plays, as measured; "" before that.
    properties: str
    #: What the source has sent since the viewing began, bits per second.
    mean_bps: float

    @property
    def mean_mbps(self) -> str:
        """As people say it."""
        return f"{self.mean_bps / 1e6:.1f}"


def urls() -> list[URLPattern]:
    """To be mounted under the admin, before it."""
    view = admin.site.admin_view
    return [
        path("now/", view(now), name="now_playing"),
        path("now/stop/", view(require_POST(stop)), name="now_stop"),
        path("now/switch/", view(require_POST(switch)), name="now_switch"),
        path("now/prefer/", view(require_POST(prefer)), name="now_prefer"),
        path("now/journal/<str:session_id>/", view(journal), name="now_journal"),
    ]


def now(request: HttpRequest) -> HttpResponse:
    """What runs now."""
    running, redirected, error = [], [], ""
    try:
        running, redirected = _running(), _redirected()
    except RestreamerError as err:
        error = err.message
    context = {
        **admin.site.each_context(request),
        "title": "Now playing",
        "running": running,
        "redirected": redirected,
        "error": error,
    }
    return render(request, "streaming/now_playing.html", context)


def stop(request: HttpRequest) -> HttpResponse:
    """End one viewing."""
    done = _allowed(request).stop(request.POST.get("session", ""))
    return _said(request, done, "The viewing ends.", "That viewing is over already.")


def switch(request: HttpRequest) -> HttpResponse:
    """Next source, now."""
    done = _allowed(request).switch(request.POST.get("key", ""))
    return _said(request, done, "The channel takes its next source; nobody is dropped.", "That channel does not run.")


def prefer(request: HttpRequest) -> HttpResponse:
    """One stream first."""
    stream = request.POST.get("stream", "")
    sessions = _allowed(request)
    done = stream.isdigit() and sessions.prefer(request.POST.get("key", ""), int(stream))
    return _said(request, done, "That stream is tried first for a day.", "That channel does not run.")


def journal(request: HttpRequest, session_id: str) -> HttpResponse:
    """From a running viewing to the page of its journal; its row may be a moment younger than it."""
    try:
        keeping.keep()
    except RestreamerError as err:
        messages.warning(request, err.message)
    row = PlaySession.objects.filter(session_id=session_id).first()
    if row is None:
        messages.warning(request, "Nothing is written of that viewing yet. Try again in a moment.")
        return redirect("now_playing")
    return redirect("admin:streaming_playsession_change", row.pk)


def plays_of(viewer_id: int) -> list[Playing]:
    """What one viewer watches now, for the page of its owner. Raises RedisUnavailable."""
    rows = [one.facts for one in Sessions(connection()).viewings(viewer_id)]
    return [Playing(one.title, one.agent, one.peer, datetime.fromtimestamp(one.started_at, UTC)) for one in rows]


def what_plays() -> dict[str, Shown]:
    """What the keys of leases mean, for the pages of MACs and logins. Raises RedisUnavailable."""
    sessions = Sessions(connection())
    titles = {one.key: one.title for one, _ in sessions.relays()}
    viewers: dict[str, dict[str, None]] = {}
    for one in sessions.sessions():
        titles.setdefault(one.facts.key, one.facts.title)
        viewers.setdefault(one.facts.key, {})[one.facts.viewer_name] = None
    return {key: Shown(title, tuple(viewers.get(key, ()))) for key, title in titles.items()}


def _running() -> list[Running]:
    sessions = Sessions(connection())
    watching: dict[tuple[str, str], list[tuple[SessionFacts, str]]] = {}
    moment = time.time()
    for one in sessions.sessions():
        if is_redirect(one.owner):
            continue
        since = f"{(moment - one.facts.started_at) / 60:.0f} min"
        watching.setdefault((one.facts.key, one.owner), []).append((one.facts, since))
    relays = sessions.relays()
    channels = [int(f.key.partition(":")[2]) for f, _ in relays if f.key.startswith("channel:")]
    streams: dict[str, list[Stream]] = {}
    found = Stream.objects.filter(link__channel__in=channels).select_related("portal", "link").order_by("link__rank")
    for stream in found:
        streams.setdefault(f"channel:{stream.link.channel_id}", []).append(stream)
    guide = _on_now(channels)
    health = StreamHealth.objects.filter(stream__in=[one.stream_id for one, _ in relays])
    properties = {row.stream_id: row.properties for row in health}
    return [
        Running(
            one,
            watching.get((one.key, owner), []),
            # A relay that another node feeds is steered there.
            [] if one.fed_by else streams.get(one.key, []),
            round((moment - one.started_at) / 60, 1),
            guide.get(one.key),
            properties.get(one.stream_id, ""),
            one.bytes_in * 8 / max(moment - one.started_at, 1.0),
        )
        for one, owner in relays
    ]


def _on_now(channels: list[int]) -> dict[str, Showing]:
    """What the channels show at this moment, by key, where the guide knows."""
    refs = refs_of(channels)
    found = Programme.objects.now_and_next(refs.values(), timezone.now())
    return {f"channel:{pk}": now for pk, ref in refs.items() if (now := found[ref].now) is not None}


def _redirected() -> list[tuple[SessionFacts, str]]:
    """Who was sent to a provider and still counts there."""
    moment = time.time()
    rows = [one.facts for one in Sessions(connection()).sessions() if is_redirect(one.owner)]
    return [(facts, f"{(moment - facts.started_at) / 60:.0f} min") for facts in rows]


def _allowed(request: HttpRequest) -> Sessions:
    if not request.user.has_perm(_RIGHT):
        raise PermissionDenied
    return Sessions(connection())


def _said(request: HttpRequest, done: bool, yes: str, no: str) -> HttpResponse:
    messages.add_message(request, messages.SUCCESS if done else messages.WARNING, yes if done else no)
    return redirect("now_playing")
