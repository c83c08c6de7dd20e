"""Providers, their subscriptions and runs, and what needs a person. No secret, no whole MAC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from api.access import needs
from api.routes.shapes import Limit, Offset, Problem, page
from api.scopes import Scope
from monitoring import alerts
from monitoring.models import Alert
from portals import runs
from portals.jobs import enqueue_refresh
from portals.models import Genre, Portal, Run, Subscription
from portals.refreshing import kinds_of

router = Router(tags=["providers"])
_READ, _REFRESH = needs(Scope.PORTALS_READ), needs(Scope.PORTALS_REFRESH)


class SubscriptionOut(Schema):
    """A right to stream."""

    id: int
    name: str = Field(description="The MAC is not whole.")
    state: str
    streams: int = Field(description="At once; 0 = no limit.")
    expires_at: datetime | None
    enabled: bool

    @staticmethod
    def resolve_name(row: Subscription) -> str:
        return row.shown_name


class PortalOut(Schema):
    """A provider."""

    id: int
    slug: str
    name: str
    kind: str
    enabled: bool
    refreshed_at: datetime | None
    subscriptions: list[SubscriptionOut]

    @staticmethod
    def resolve_subscriptions(row: Portal) -> list[Subscription]:
        return list(row.subscriptions.all())


class GenreOut(Schema):
    """How a portal sorts."""

    id: int
    name: str


class RunOut(Schema):
    """A refresh or another job."""

    id: int
    portal: str | None
    kind: str
    state: str
    step: str
    done: int
    total: int
    counts: dict[str, Any]
    error: str
    created_at: datetime
    finished_at: datetime | None

    @staticmethod
    def resolve_portal(row: Run) -> str | None:
        return row.portal.slug if row.portal else None

    @staticmethod
    def resolve_done(row: Run) -> int:
        return row.progress_done

    @staticmethod
    def resolve_total(row: Run) -> int:
        return row.progress_total


class Runs(Schema):
    """A page of runs."""

    count: int
    items: list[RunOut]


class AlertOut(Schema):
    """What needs a person."""

    id: int
    source: str
    kind: str
    severity: str
    subject: str
    text: str
    count: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None
    resolved_by: str


class Alerts(Schema):
    """A page of alerts."""

    count: int
    items: list[AlertOut]


@router.get("/portals", response=list[PortalOut], auth=_READ)
def portals(request: HttpRequest) -> QuerySet[Portal]:
    """All providers."""
    return Portal.objects.prefetch_related("subscriptions")


@router.get("/portals/{slug:slug}/genres", response={200: list[GenreOut], 404: Problem}, auth=_READ)
def genres(request: HttpRequest, slug: str) -> QuerySet[Genre]:
    """How a provider sorts its channels and titles."""
    return get_object_or_404(Portal, slug=slug).genres.all()


@router.post("/portals/{slug:slug}/refresh", response={202: list[RunOut], 404: Problem}, auth=_REFRESH)
def refresh(request: HttpRequest, slug: str) -> Status[list[Run]]:
    """Fetch its lists now, in the background; a run that is under way already is answered as it is."""
    portal = get_object_or_404(Portal, slug=slug)
    by = request.user.get_username()
    return Status(202, [enqueue_refresh(portal, kind, by) for kind in kinds_of(portal)])


@router.get("/runs", response=Runs, auth=_READ)
def all_runs(request: HttpRequest, limit: Limit = 50, offset: Offset = 0) -> dict[str, Any]:
    """The newest first."""
    return page(Run.objects.select_related("portal"), limit, offset)


@router.get("/runs/{int:run_id}", response={200: RunOut, 404: Problem}, auth=_READ)
def run(request: HttpRequest, run_id: int) -> Run:
    """How far one is, or how it ended."""
    return get_object_or_404(Run.objects.select_related("portal"), pk=run_id)


@router.post("/runs/{int:run_id}/stop", response={200: RunOut, 404: Problem}, auth=_REFRESH)
def stop_run(request: HttpRequest, run_id: int) -> Run:
    """Stop one, or drop one that waits for a person. What was stored before stays."""
    row = get_object_or_404(Run.objects.select_related("portal"), pk=run_id)
    runs.cancel(row)
    row.refresh_from_db()
    return row


@router.get("/alerts", response=Alerts, auth=_READ)
def open_alerts(request: HttpRequest, resolved: bool = False, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
    """Open ones, or those that are over."""
    return page(Alert.objects.filter(resolved_at__isnull=not resolved), limit, offset)


@router.post("/alerts/{int:alert_id}/resolve", response={200: AlertOut, 404: Problem}, auth=_REFRESH)
def resolve(request: HttpRequest, alert_id: int) -> Alert:
    """Somebody has seen to it."""
    row = get_object_or_404(Alert, pk=alert_id)
    alerts.resolve([row.pk], request.user.get_username(), timezone.now())
    row.refresh_from_db()
    return row
