"""Exactly one scheduler works."""

from __future__ import annotations

import threading
from datetime import timedelta

import django_rq
import pytest
from django.db import OperationalError
from rq.job import Job

from portals.errors import PortalUnreachable
from restreamer.cron import DUTIES, Duty, Scheduler
from restreamer.lib import redis_keys

# Looking after a duty closes what is left of old database connections.
pytestmark = pytest.mark.django_db


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def looks():
    return []


def scheduler(redis, clock, looks=None, **options):
    duties = [Duty("count", 30, looks.append)] if looks is not None else []
    return Scheduler(redis, duties, clock=clock, **options)


def test_a_duty_is_looked_after_at_once_and_then_at_its_interval(redis, clock, looks):
    one = scheduler(redis, clock, looks)
    for seconds in (0, 10, 19, 1, 29, 1):
        clock.now += seconds
        one.tick()
    assert len(looks) == 3


def test_a_second_scheduler_does_nothing(redis, clock, looks):
    scheduler(redis, clock).tick()
    assert scheduler(redis, clock, looks).tick() is False
    assert looks == []


def test_the_next_one_begins_when_the_first_gives_up(redis, clock, looks):
    first = scheduler(redis, clock)
    first.tick()
    first.release()
    assert scheduler(redis, clock, looks).tick() is True
    assert len(looks) == 1


def test_the_lease_of_a_killed_scheduler_runs_out(redis, clock, looks):
    scheduler(redis, clock, lease_lifetime_s=0.05).tick()
    threading.Event().wait(0.06)
    assert scheduler(redis, clock, looks).tick() is True


def test_a_scheduler_that_lost_its_lease_waits(redis, clock, looks):
    first = scheduler(redis, clock, looks)
    first.tick()
    redis.set(redis_keys.SCHEDULER_LEASE, "somebody else")
    clock.now += 60
    assert first.tick() is False
    assert len(looks) == 1


@pytest.mark.parametrize("error", [OperationalError("database is locked"), PortalUnreachable("gone")])
def test_a_refused_duty_is_due_again_and_stops_no_other(redis, clock, looks, error):
    calls = []

    def refuse(now):
        calls.append(now)
        raise error

    one = Scheduler(redis, [Duty("refused", 30, refuse), Duty("other", 30, looks.append)], clock=clock)
    one.tick()
    clock.now += 30
    one.tick()
    assert (len(calls), len(looks)) == (2, 2)


def test_a_bug_in_a_duty_is_not_swallowed(redis, clock):
    def bug(now):
        raise KeyError("bug")

    with pytest.raises(KeyError):
        Scheduler(redis, [Duty("bug", 30, bug)], clock=clock).tick()


def test_a_timed_job_of_rq_reaches_its_queue(redis, clock):
    queue = django_rq.get_queue("default")
    job = queue.enqueue_in(timedelta(seconds=-1), print)
    assert queue.job_ids == []
    scheduler(redis, clock).tick()
    assert queue.job_ids == [job.id]


def test_timed_jobs_go_on_although_the_dead_scheduler_left_its_locks(redis, clock):
    dead = scheduler(redis, clock, lease_lifetime_s=0.05)
    dead.tick()
    threading.Event().wait(0.06)
    job = django_rq.get_queue("refresh").enqueue_in(timedelta(seconds=-1), print)
    scheduler(redis, clock).tick()
    assert Job.fetch(job.id, connection=redis).get_status() == "queued"


def test_it_stops_when_asked_and_gives_its_lease_back(redis, clock):
    stop = threading.Event()
    Scheduler(redis, [Duty("stop", 30, lambda now: stop.set())], clock=clock).run(stop)
    assert not redis.exists(redis_keys.SCHEDULER_LEASE)


@pytest.mark.django_db(transaction=True)
def test_the_real_duties_run(redis, clock):
    assert Scheduler(redis, DUTIES, clock=clock).tick() is True
    (cleaning,) = django_rq.get_queue("default").jobs
    assert cleaning.perform() == 0
