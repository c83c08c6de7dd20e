"""Backups as runs: by the clock, from the page, on the command line; one at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import django_rq
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from portals import jobs as portal_jobs
from portals import runs
from portals.models import Run, RunKind, RunState
from restreamer.backup import making, shelf
from restreamer.backup.errors import BackupFailed

TIMER = "timer"
BEFORE_RESTORE = "restore"
_WHY = {TIMER: shelf.BY_CLOCK, BEFORE_RESTORE: shelf.BEFORE_RESTORE}
#: A backup that failed is not tried again at every look of the clock.
_PAUSE = timedelta(hours=1)


def begin(asked_by: str) -> Run:
    """A waiting run, done by `refreshing.perform`. Raises BackupFailed while another one is under way."""
    with transaction.atomic():
        if runs.under_way(None, RunKind.BACKUP):
            raise BackupFailed("A backup is being made already.")
        return runs.begin(None, RunKind.BACKUP, asked_by, subject="Backup")


def enqueue(asked_by: str) -> Run:
    """Have a backup made in the background. Raises BackupFailed while another one is under way."""
    run = begin(asked_by)
    transaction.on_commit(
        lambda: django_rq.get_queue(portal_jobs.REFRESH_QUEUE).enqueue(
            portal_jobs.perform,
            run.pk,
            job_timeout=portal_jobs.REFRESH_TIMEOUT_S,
            result_ttl=3600,
            failure_ttl=24 * 3600,
        )
    )
    return run


def make(run: Run, progress: runs.Progress) -> None:
    """Do a run of the kind "backup". Registered with portals.refreshing."""
    shelf.clear_drafts()
    path = shelf.free_path(timezone.now(), _WHY.get(run.asked_by, ""))
    making.make(path, progress)
    Run.objects.filter(pk=run.pk).update(subject=path.name)
    shelf.clear_away(settings.BACKUP_KEEP)


def enqueue_due(now: datetime) -> Run | None:
    """Have one made when the newest is old enough. A house that is new has its first when it is that old itself."""
    if not settings.BACKUP_HOURS:
        return None
    try:
        backups = shelf.all_backups()
    except BackupFailed:
        # The run will say so, and an alert with it.
        backups = []
    since = backups[0].made_at if backups else User.objects.aggregate(first=Min("date_joined"))["first"]
    if since is None or now - since < timedelta(hours=settings.BACKUP_HOURS):
        return None
    last = Run.objects.filter(kind=RunKind.BACKUP).first()
    if last is not None and (last.is_under_way or _just_failed(last, now)):
        return None
    return enqueue(TIMER)


def _just_failed(run: Run, now: datetime) -> bool:
    return run.state != RunState.DONE and run.finished_at is not None and now - run.finished_at < _PAUSE
