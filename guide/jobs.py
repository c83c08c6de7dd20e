"""Background jobs of the guide: thin, arguments are ids."""

from __future__ import annotations

import logging
from datetime import datetime

import django_rq
from django.db import transaction
from django.utils import timezone

from guide import icons, importer, matchmaking, refresh
from guide.matchmaking import MatchReport
from guide.models import EpgSource, GuideMatch
from guide.wanted import our_channels
from portals import jobs as portal_jobs
from portals import refreshing, runs
from portals.models import Run, RunKind, RunState
from restreamer.lib import redis_keys
from restreamer.lib.errors import InvalidInput
from restreamer.lib.redis_client import RedisUnavailable, answering, connection

log = logging.getLogger(__name__)


def enqueue_refresh(source: EpgSource, asked_by: str) -> Run:
    """The run that will refresh this source: the one under way, or a new one. One per source at a time."""
    with transaction.atomic():
        waiting = _under_way(source)
        if waiting is not None:
            return waiting
        run = _begin(source, asked_by)
        transaction.on_commit(lambda: _put(run.pk))
    return run


def refresh_here(source: EpgSource, asked_by: str) -> Run:
    """Refresh the source in this process and wait for it.

    Raises InvalidInput when a refresh is under way, and whatever goes wrong after recording it.
    """
    with transaction.atomic():
        if _under_way(source) is not None:
            raise InvalidInput(f"{source.name!r} is being refreshed already.")
        run = _begin(source, asked_by)
    return refreshing.perform(run)


def _under_way(source: EpgSource) -> Run | None:
    """The run that waits or works now. Locks the source, so two callers never begin two."""
    runs.bury_dead()
    locked = EpgSource.objects.select_for_update(of=("self",)).select_related("last_run").get(pk=source.pk)
    last = locked.last_run
    return last if last is not None and last.state in (RunState.QUEUED, RunState.RUNNING) else None


def _begin(source: EpgSource, asked_by: str) -> Run:
    run = runs.begin(None, RunKind.GUIDE, asked_by, subject=source.name)
    EpgSource.objects.filter(pk=source.pk).update(last_run=run)
    return run


def _put(run_id: int) -> None:
    django_rq.get_queue(portal_jobs.REFRESH_QUEUE).enqueue(
        portal_jobs.perform,
        run_id,
        job_timeout=portal_jobs.REFRESH_TIMEOUT_S,
        result_ttl=3600,
        failure_ttl=24 * 3600,
    )


def enqueue_due(now: datetime) -> list[Run]:
    """Start a refresh of every source whose time has come; returns their runs."""
    return [enqueue_refresh(source, "timer") for source in EpgSource.objects.due(now)]


def ask_for_match() -> None:
    """Our channels have changed: look for their guide channels soon. Costs one word to Redis; without Redis, nothing
    happens until the next import matches anyway."""
    try:
        with answering():
            connection().set(redis_keys.GUIDE_MATCH_ASKED, "1")
    except RedisUnavailable as err:
        log.warning("guide channels are looked for at the next import: %s", err.message)


def enqueue_asked_match(now: datetime) -> bool:
    """Have the match done that somebody asked for; however many asked, it is one."""
    with answering():
        asked = bool(connection().delete(redis_keys.GUIDE_MATCH_ASKED))
    if asked:
        django_rq.get_queue(portal_jobs.REFRESH_QUEUE).enqueue(
            match_now, job_timeout=portal_jobs.REFRESH_TIMEOUT_S, result_ttl=3600, failure_ttl=24 * 3600
        )
    return asked


def match_now() -> MatchReport:
    """Job: find guide channels for ours, and have the guides read again that hold what was found."""
    begun = timezone.now()
    report = matchmaking.match(our_channels(), now=begun)
    if report.accepted:
        fresh = GuideMatch.objects.accepted().filter(decided_by=matchmaking.MATCHER, decided_at=begun)
        for source in EpgSource.objects.enabled().filter(matches__in=fresh, keep_everything=False).distinct():
            enqueue_refresh(source, matchmaking.MATCHER)
        icons.offer()
    return report


def remove_replaced(now: datetime) -> int:
    """Remove broadcasts of guides that were replaced; returns how many."""
    return sum(importer.remove_replaced(source, now) for source in EpgSource.objects.all())


def refresh_guide(run: Run, progress: runs.Progress) -> None:
    """Do a run of the kind "guide". Registered with portals.refreshing."""
    source = EpgSource.objects.filter(last_run=run).first()
    if source is None:
        raise InvalidInput("The source of this run is gone, or another run took its place.")
    expected = int(source.counts.get("read", 0))
    progress.step(f"reading {source.name}")
    report = refresh.refresh(source, now=timezone.now(), progress=lambda done: progress(done, expected))
    if report is not None:
        progress.counts = {"read": report.read, **{name: count for name, count in report.counts.items() if count}}
