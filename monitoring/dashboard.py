"""The first page after logging in: what needs a person, what plays, how the providers are, what there is."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Viewer
from channels.models import Channel
from guide.models import EpgSource, GuideMatch
from monitoring.machine import installation
from monitoring.models import Alert
from portals.leases import Ledger
from portals.models import Portal, Run, Subscription
from portals.models.subscription import REFUSED_STATES
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming.journal.rows import PlaySession
from streaming.redirects import is_redirect
from streaming.sessions import Sessions
from vod.models import Movie, Series

_ROWS = 6


@dataclass(frozen=True, slots=True)
class Step:
    """Something a newcomer does once."""

    text: str
    link: str
    done: bool


@dataclass(frozen=True, slots=True)
class Watching:
    """What plays now: rows of (channel, state, where from, viewers), and the sums."""

    viewers: int
    channels: int
    upstreams: int
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """One right to stream, as a line."""

    subscription: Subscription
    used: int
    #: "" | "soon" | "past": how its expiry is coloured.
    expiry: str
    refused: bool


def open_alerts(request: HttpRequest) -> str:
    """The badge beside “Alerts”: how many are open, nothing when none is."""
    if not request.user.has_perm("monitoring.view_alert"):
        return ""
    count = Alert.objects.open().count()
    return str(count) if count else ""


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What templates/admin/index.html shows, each part for those who may see it."""
    may = request.user.has_perm
    now = timezone.now()
    watching, error = None, ""
    try:
        watching = _watching()
    except RestreamerError as err:
        error = err.message
    context.update(
        title="Dashboard",
        steps=_steps() if may("portals.add_portal") else [],
        alerts=list(Alert.objects.open()[:_ROWS]) if may("monitoring.view_alert") else None,
        watching=watching,
        redis_error=error,
        subscriptions=_subscriptions(now) if may("portals.view_mac") else None,
        runs=list(Run.objects.select_related("portal")[:_ROWS]) if may("portals.view_run") else None,
        viewings=_viewings() if may("streaming.view_playsession") else None,
        catalogue=_catalogue(),
        installation=installation() if request.user.is_superuser else None,
    )
    return context


def _steps() -> list[Step]:
    """The way to a first picture; empty once it is gone."""
    channels = "admin:channels_channel_changelist"
    steps = [
        Step("Add a provider", "admin:portals_portal_add", Portal.objects.exists()),
        Step("Refresh it, then switch channels on", channels, Channel.objects.enabled().exists()),
        Step("Add a viewer, which is what a player logs in with", "admin:accounts_viewer_add", Viewer.objects.exists()),
        Step("Give its address to a player", "admin:accounts_viewer_changelist", PlaySession.objects.exists()),
    ]
    return [] if all(step.done for step in steps) else steps


def _watching() -> Watching:
    sessions = Sessions(connection())
    now = sessions.sessions()
    relays = sessions.relays()
    per_key = Counter(one.facts.key for one in now)
    rows = [
        {
            "title": facts.title,
            "state": facts.state,
            "label": facts.label,
            "viewers": per_key[facts.key],
            "minutes": round((time.time() - facts.started_at) / 60),
        }
        for facts, _owner in relays
    ]
    upstreams = sum(facts.connected for facts, _owner in relays)
    upstreams += sum(1 for one in now if is_redirect(one.owner))
    return Watching(len(now), len(per_key), upstreams, rows[:_ROWS])


def _subscriptions(now: datetime) -> list[SubscriptionRow]:
    rows = list(
        Subscription.objects.filter(enabled=True, portal__enabled=True)
        .select_related("portal")
        .order_by("portal__name", "rank", "pk")[:50]
    )
    try:
        used = Counter(lease.counter for lease in Ledger(connection(), "pages").usage())
    except RestreamerError:
        # The page says above the list that Redis does not answer.
        used = Counter()
    return [SubscriptionRow(row, used[row.counter], row.runs_out(now), row.state in REFUSED_STATES) for row in rows]


def _viewings() -> list[PlaySession]:
    return list(PlaySession.objects.filter(ended_at__isnull=False).defer("notes")[:_ROWS])


def _catalogue() -> list[tuple[str, int, str, str]]:
    """(what, how many, more, name of its page)."""
    shown = Channel.objects.enabled()
    guided = GuideMatch.objects.accepted().values("channel_id")
    sources = EpgSource.objects.enabled().count()
    return [
        ("channels shown", shown.count(), f"of {Channel.objects.count()}", "admin:channels_channel_changelist"),
        (
            "of them with a guide",
            shown.filter(pk__in=guided).count(),
            f"from {sources} source{'' if sources == 1 else 's'}",
            "admin:guide_guidematch_changelist",
        ),
        ("movies", Movie.objects.count(), "", "admin:vod_movie_changelist"),
        ("series", Series.objects.count(), "", "admin:vod_series_changelist"),
    ]
