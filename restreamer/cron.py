"""The one scheduler of the installation: what is due by the clock becomes a job.

A table of duties and a tick, instead of RQ's CronScheduler: that one is called beta by its makers, forgets what it
missed while it was down, and two of it do everything twice (14 runs where one made 6). Here "due" is read from the
rows themselves at every tick, so a stop, a crash or a second scheduler changes nothing, and the owner's new interval
counts at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_rq
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from redis.exceptions import LockError
from rq.scheduler import RQScheduler

from accounts import web_sessions
from channels import jobs as channel_jobs
from guide import jobs as guide_jobs
from monitoring import alerts
from portals import due
from portals import jobs as portal_jobs
from restreamer.backup import jobs as backup_jobs
from restreamer.lib import redis_keys
from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming import scoring, withdrawn
from streaming.journal import keeping
from vod import jobs as vod_jobs

log = logging.getLogger(__name__)

TICK_S = 1.0
#: How long a scheduler that was killed keeps others out.
LEASE_LIFETIME_S = 15.0
#: RQ's own locks on its timed jobs live 61 s. The name is the same for every scheduler of ours: whoever holds
#: the lease takes over the locks of its predecessor at once, instead of after their lifetime.
_RQ_LOCK_RENEWAL_S = 20.0
_RQ_NAME = "restreamer"


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to look after now and then. `look` is told the time and does what is due by then."""

    name: str
    every_s: float
    look: Callable[[datetime], Any]


def clear_sessions(now: datetime) -> None:
    """Forget web sessions that have run out."""
    call_command("clearsessions")
    web_sessions.forget_old()


def clear_replaced_guides(now: datetime) -> None:
    """Have the broadcasts of replaced guides removed; a job, because there may be a million of them."""
    django_rq.enqueue(guide_jobs.remove_replaced, now)


def forget_journals(now: datetime) -> None:
    """Remove journals that are old or too many."""
    keeping.forget_old(now)


def keep_journals(now: datetime) -> None:
    """Store what relays wrote of viewings, and measured of streams."""
    keeping.keep(now=now)
    scoring.keep_scores()


def end_withdrawn(now: datetime) -> None:
    """End what runs for logins that have expired, were switched off or have a new token."""
    withdrawn.end_withdrawn(connection())


DUTIES = (
    Duty("logins that may not watch any more", 5, end_withdrawn),
    Duty("journals", 5, keep_journals),
    Duty("alerts", 20, alerts.look),
    Duty("old journals", 3600, forget_journals),
    Duty("due portals", 30, due.enqueue_due),
    Duty("due guides", 30, guide_jobs.enqueue_due),
    Duty("guide matches asked for", 5, guide_jobs.enqueue_asked_match),
    Duty("doubles asked for", 30, channel_jobs.enqueue_asked_doubles),
    Duty("replaced guides", 3600, clear_replaced_guides),
    Duty("channels gone for long", 6 * 3600, channel_jobs.enqueue_remove_stale),
    Duty("refused subscriptions", 60, portal_jobs.enqueue_rechecks),
    Duty("movies portals dropped", 12 * 3600, vod_jobs.enqueue_forgetting),
    Duty("backups", 60, backup_jobs.enqueue_due),
    Duty("old web sessions", 24 * 3600, clear_sessions),
)


class Scheduler:
    """Does its duties while it holds the lease; without the lease it only waits for it."""

    def __init__(
        self,
        client: redis.Redis,
        duties: Sequence[Duty] = DUTIES,
        *,
        clock: Callable[[], float] = time.monotonic,
        lease_lifetime_s: float = LEASE_LIFETIME_S,
    ) -> None:
        self._client = client
        self._duties = duties
        self._clock = clock
        self._lease = client.lock(redis_keys.SCHEDULER_LEASE, timeout=lease_lifetime_s, thread_local=False)
        self._holding = False
        self._next_look = dict.fromkeys((duty.name for duty in duties), clock())
        self._timed_jobs = _TimedJobs(client, clock)

    def tick(self) -> bool:
        """One look at everything. False while another scheduler has the lease."""
        if not self._hold_lease():
            return False
        self._timed_jobs.enqueue_due()
        for duty in self._duties:
            if self._clock() >= self._next_look[duty.name]:
                self._next_look[duty.name] = self._clock() + duty.every_s
                _look(duty)
        return True

    def run(self, stop: threading.Event) -> None:
        """Tick until told to stop. Raises redis.RedisError when Redis goes away: whoever watches starts us again."""
        try:
            while not stop.is_set():
                self.tick()
                stop.wait(TICK_S)
        finally:
            self.release()

    def release(self) -> None:
        """Let the next scheduler begin at once."""
        if self._holding:
            self._holding = False
            try:
                self._lease.release()
            except (LockError, redis.RedisError):
                log.info("the scheduler's lease was lost before it was given back")

    def _hold_lease(self) -> bool:
        if self._holding:
            try:
                return bool(self._lease.reacquire())
            except LockError:
                self._holding = False
                log.warning("the scheduler lost its lease")
        self._holding = bool(self._lease.acquire(blocking=False))
        return self._holding


class _TimedJobs:
    """RQ's own timed jobs (`enqueue_in`, retries with a pause), moved to their queues when their time has come."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float]) -> None:
        self._rq = RQScheduler(list(settings.RQ_QUEUES), client, name=_RQ_NAME, logging_level=logging.WARNING)
        self._clock = clock
        self._renew_at = clock()

    def enqueue_due(self) -> None:
        if self._clock() >= self._renew_at:
            self._renew_at = self._clock() + _RQ_LOCK_RENEWAL_S
            self._rq.acquire_locks()
        self._rq.enqueue_scheduled_jobs()


def _look(duty: Duty) -> None:
    """One duty. What a database or a portal refuses now is due again at the next look; anything else is a bug
    and ends the process with its traceback."""
    close_old_connections()
    try:
        duty.look(timezone.now())
    except (DatabaseError, RestreamerError) as err:
        log.error("%s: %s", duty.name, err)
