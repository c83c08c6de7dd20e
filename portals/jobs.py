"""Background jobs of portals: thin, arguments are ids."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import django_rq
from django.db import transaction
from rq import Worker

from portals import checking, refreshing, runs
from portals.errors import RunCancelled, RunGoesOn, RunHeld
from portals.models import Portal, Run, RunKind, Subscription
from restreamer.lib.errors import RestreamerError

log = logging.getLogger(__name__)

REFRESH_QUEUE = "refresh"
REFRESH_TIMEOUT_S = 4 * 3600
RECHECK_TIMEOUT_S = 300
#: A recheck whose worker died is due again after this.
RECHECK_CLAIM = timedelta(minutes=10)


def enqueue_refresh(portal: Portal, kind: RunKind, asked_by: str) -> Run:
    """The run that will refresh this portal: the one under way, or a new one. One per portal and kind at a time."""
    with transaction.atomic():
        Portal.objects.select_for_update().get(pk=portal.pk)
        waiting = runs.under_way(portal, kind)
        if waiting is not None:
            return waiting
        run = runs.begin(portal, kind, asked_by)
        transaction.on_commit(lambda: _put(run.pk))
    return run


def enqueue_held(run: Run) -> None:
    """Apply a run that waited for a person."""
    with transaction.atomic():
        if runs.confirm(run):
            transaction.on_commit(lambda: _put(run.pk))


def _put(run_id: int) -> None:
    django_rq.get_queue(REFRESH_QUEUE).enqueue(
        perform, run_id, job_timeout=REFRESH_TIMEOUT_S, result_ttl=3600, failure_ttl=24 * 3600
    )


def perform(run_id: int) -> dict[str, int]:
    """Job: do the run. A refusal is recorded in its row and is no failure of the worker."""
    run = Run.objects.select_related("portal").filter(pk=run_id).first()
    if run is None:  # deleted with its portal before its turn
        return {}
    try:
        return dict(refreshing.perform(run).counts)
    except RunGoesOn:
        _put(run_id)
        return {}
    except (RunCancelled, RunHeld):
        return {}
    except RestreamerError as err:
        log.warning("%s: %s", run, err.message)
        return {}


def enqueue_rechecks(now: datetime) -> int:
    """Ask again about refused subscriptions whose time has come; returns how many.

    Moving a row's time on claims it, so two callers never ask twice.
    """
    count = 0
    for subscription in checking.due_for_recheck(now):
        unclaimed = Subscription.objects.filter(pk=subscription.pk, state_until=subscription.state_until)
        if unclaimed.update(state_until=now + RECHECK_CLAIM):
            django_rq.get_queue(REFRESH_QUEUE).enqueue(
                recheck, subscription.pk, job_timeout=RECHECK_TIMEOUT_S, result_ttl=3600, failure_ttl=24 * 3600
            )
            count += 1
    return count


def enqueue_checks(subscription_ids: Sequence[int]) -> None:
    """Have these subscriptions tested in the background, one after the other."""
    transaction.on_commit(
        lambda: django_rq.get_queue(REFRESH_QUEUE).enqueue(
            check_all, list(subscription_ids), job_timeout=REFRESH_TIMEOUT_S, result_ttl=3600, failure_ttl=24 * 3600
        )
    )


def check_all(subscription_ids: Sequence[int]) -> dict[str, int]:
    """Job: ask about each; returns how many are in which state."""
    return dict(Counter(recheck(one) for one in subscription_ids))


def recheck(subscription_id: int) -> str:
    """Job: ask again about one subscription; returns its state. A portal that does not answer fails no worker."""
    subscription = Subscription.objects.select_related("portal").filter(pk=subscription_id).first()
    if subscription is None:
        return "gone"
    try:
        return checking.check_subscription(subscription).state
    except RestreamerError as err:
        log.warning("%s: %s", subscription.shown_name, err.message)
        return subscription.state


def workers_alive() -> bool:
    """Does any worker serve the refresh queue now?"""
    queue = django_rq.get_queue(REFRESH_QUEUE)
    return int(Worker.count(queue=queue)) > 0
