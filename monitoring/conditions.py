"""What is wrong now, read from what the other rooms keep. Nothing here is stored; `monitoring.alerts` does that."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max, Q
from django.template.defaultfilters import date, filesizeformat
from django.urls import reverse
from django.utils import timezone

from guide.models import EpgSource
from monitoring.models import Kind, Severity, Source
from portals.models import Run, RunKind, RunState, Subscription
from portals.models.subscription import REFUSED_STATES
from streaming.journal.rows import PlaySession
from streaming.relay.endings import End

#: Viewings older than this say nothing about today.
PLAYED_LATELY = timedelta(hours=24)
#: A database that cannot write stops everything.
LEAST_FREE_BYTES = 500 * 2**20

#: Ends of a viewing that are no wish of the viewer and no limit of ours.
_BAD = Q(end__in=(End.NO_SOURCE, End.DIED, End.DEFECT)) | Q(end=End.REFUSED, faults__gt=0)
_ENDED_BADLY = (RunState.FAILED, RunState.INTERRUPTED)
_REFRESHES = (RunKind.LIVE, RunKind.VOD)


@dataclass(frozen=True, slots=True)
class Condition:
    """One trouble as it is now; the fields are those of `Alert`."""

    source: Source
    kind: Kind
    severity: Severity
    #: Whom it is about, for the key: a primary key or a word.
    about: str
    subject: str
    text: str
    evidence: str
    page: str = ""
    count: int = 1

    @property
    def key(self) -> str:
        """The same for the same trouble at every look."""
        return f"{self.source}:{self.kind}:{self.about}"[:200]


def found(now: datetime) -> list[Condition]:
    """All that is wrong. A constant number of queries."""
    return [*_subscriptions(now), *_refreshes(), *_guides(), *_viewings(now), *_disk(), *_backups()]


def _subscriptions(now: datetime) -> Iterator[Condition]:
    """MACs and logins the provider refuses, or that run out."""
    rows = Subscription.objects.filter(enabled=True, portal__enabled=True).select_related("portal")
    for one in rows:
        subject = f"{one.portal.name} · {one.shown_name}"
        page = _page_of(one)
        if one.state in REFUSED_STATES:
            said = one.last_error or f"{one.portal.name} says of {one.shown_name}: {one.get_state_display()}."
            yield Condition(
                Source.SUBSCRIPTION, Kind.REFUSED, Severity.ERROR, str(one.pk), subject, said, one.state, page
            )
        elif one.expires_at is not None and (runs_out := one.runs_out(now)):
            day, evidence = _day(one.expires_at), one.expires_at.isoformat()
            if runs_out == "past":
                kind, severity = Kind.EXPIRED, Severity.ERROR
                text = f"It ran out on {day}. Renew it with the provider, or disable it here."
            else:
                kind, severity, text = Kind.EXPIRES, Severity.WARNING, f"It runs out on {day}."
            yield Condition(Source.SUBSCRIPTION, kind, severity, str(one.pk), subject, text, evidence, page)


def _refreshes() -> Iterator[Condition]:
    """Portals whose newest refresh of a kind failed or waits for a person."""
    over = [RunState.DONE, RunState.HELD, *_ENDED_BADLY]
    newest = (
        Run.objects.filter(portal__enabled=True, kind__in=_REFRESHES, state__in=over)
        .order_by()
        .values("portal", "kind")
        .annotate(newest=Max("pk"))
        .values("newest")
    )
    for run in Run.objects.filter(pk__in=newest).exclude(state=RunState.DONE).select_related("portal"):
        assert run.portal is not None
        page = reverse("admin:portals_run_change", args=[run.pk])
        about, subject = f"{run.portal.pk}:{run.kind}", run.portal.name
        if run.state == RunState.HELD:
            text = f"The refresh of {run.get_kind_display()} would lose much of the list. Apply it or drop it."
            yield Condition(Source.PORTAL, Kind.REFRESH_HELD, Severity.WARNING, about, subject, text, str(run.pk), page)
        else:
            why = run.error or f"It was {run.get_state_display()}."
            text = f"The refresh of {run.get_kind_display()} failed; the list stays as it was. {why}"
            yield Condition(
                Source.PORTAL, Kind.REFRESH_FAILED, Severity.WARNING, about, subject, text, str(run.pk), page
            )


def _guides() -> Iterator[Condition]:
    """Guides that could not be read."""
    for one in EpgSource.objects.enabled().filter(failed=True):
        page = reverse("admin:guide_epgsource_change", args=[one.pk])
        text = one.status or "The guide could not be read."
        evidence = str(one.last_run_id or one.asked_at or "")
        yield Condition(Source.GUIDE, Kind.GUIDE_FAILED, Severity.WARNING, str(one.pk), one.name, text, evidence, page)


def _viewings(now: datetime) -> Iterator[Condition]:
    """What could not be played when it was last tried."""
    lately = PlaySession.objects.filter(ended_at__gte=now - PLAYED_LATELY).order_by()
    of_each = lately.values("channel", "title")
    newest = of_each.annotate(newest=Max("pk")).values("newest")
    rows = PlaySession.objects.filter(_BAD, pk__in=newest).defer("notes")
    times: dict[tuple[int | None, str], int] = {
        (row["channel"], row["title"]): row["times"]
        for row in of_each.filter(_BAD).annotate(times=Count("pk")).values("channel", "title", "times")
    }
    for one in rows:
        again = times[one.channel_id, one.title]
        page = reverse("admin:streaming_playsession_change", args=[one.pk])
        about = f"{one.channel_id or 0}:{one.title}"
        text = one.sentence or one.reason or "It could not be played."
        yield Condition(
            Source.CHANNEL, Kind.NOT_PLAYED, Severity.ERROR, about, one.title, text, str(one.pk), page, again
        )


def _disk() -> Iterator[Condition]:
    """A data folder that is nearly full."""
    try:
        free = shutil.disk_usage(settings.RESTREAMER_DATA).free
    except OSError:
        return
    if free < LEAST_FREE_BYTES:
        text = f"{filesizeformat(free)} are free where the data lie. Nothing can be stored when they are gone."
        yield Condition(Source.MACHINE, Kind.DISK_FULL, Severity.ERROR, settings.NODE_NAME, "Data folder", text, "full")


def _backups() -> Iterator[Condition]:
    """A newest backup that was not made."""
    over = [RunState.DONE, RunState.CANCELLED, *_ENDED_BADLY]
    run = Run.objects.filter(kind=RunKind.BACKUP, state__in=over).first()
    if run is not None and run.state in _ENDED_BADLY:
        text = f"The last backup was not made. {run.error}"
        page = reverse("backups")
        yield Condition(Source.MACHINE, Kind.NO_BACKUP, Severity.WARNING, "backup", "Backup", text, str(run.pk), page)


def _page_of(one: Subscription) -> str:
    if one.mac or one.login:
        return reverse("admin:portals_mac_change" if one.mac else "admin:portals_login_change", args=[one.pk])
    return reverse("admin:portals_portal_change", args=[one.portal_id])


def _day(moment: datetime) -> str:
    return date(timezone.localtime(moment), "j F Y")
