"""When a portal's catalogue is due for its next refresh."""

from __future__ import annotations

from datetime import datetime, timedelta

from portals import runs
from portals.jobs import enqueue_refresh
from portals.models import Portal, Run, RunState
from portals.refreshing import kinds_of

#: After a failure we ask again sooner than the owner's interval, but never hammer.
RETRY_AFTER = timedelta(hours=1)
#: A run whose worker died is begun again soon: nothing says the portal is to blame.
AGAIN_AFTER = timedelta(minutes=1)


def due_at(portal: Portal, last: Run | None) -> datetime | None:
    """When the next refresh should begin, given the portal's last run of that kind; None = not by the clock.

    Counted from the end of the last run, so a slow portal is not asked again at once.
    """
    if not portal.enabled or portal.refresh_hours == 0:
        return None
    if last is not None and last.state in (RunState.QUEUED, RunState.RUNNING):
        return None
    interval = timedelta(hours=portal.refresh_hours)
    if last is None:
        return (portal.refreshed_at or portal.created_at - interval) + interval
    ended_at = last.finished_at or last.created_at
    if last.state == RunState.FAILED:
        return ended_at + min(interval, RETRY_AFTER)
    if last.state == RunState.INTERRUPTED:
        return ended_at + AGAIN_AFTER
    return ended_at + interval


def enqueue_due(now: datetime) -> list[Run]:
    """Start a refresh of every portal that is due; returns their runs."""
    runs.bury_dead()
    started = []
    for portal in Portal.objects.enabled().filter(subscriptions__enabled=True, refresh_hours__gt=0).distinct():
        for kind in kinds_of(portal):
            when = due_at(portal, Run.objects.filter(portal=portal, kind=kind).first())
            if when is not None and when <= now:
                started.append(enqueue_refresh(portal, kind, "timer"))
    return started
