"""One refresh per source at a time, in the background, with a row that tells."""

from __future__ import annotations

from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone

from guide import jobs
from guide.importer import GRACE, import_guide
from guide.models import EpgSource, Programme
from guide.records import GuideRecord
from portals import jobs as portal_jobs
from portals import runs
from portals.models import Run, RunKind, RunState
from tests.factories import PortalFactory
from tests.guide.feeds import NOW, at, programme, tv
from tests.guide.server import serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with serving() as running:
        today = timezone.now().replace(minute=0, second=0, microsecond=0)
        running.body = tv(programme("a", "1 20:00").replace("20260601", f"{today:%Y%m%d}"))
        yield running


def source(address="http://127.0.0.1:9/", **options) -> EpgSource:
    return EpgSource.objects.create(name=options.pop("name", "G"), address=address, keep_everything=True, **options)


def test_a_refresh_is_asked_for_once(server):
    row = source(server.address)
    run = jobs.enqueue_refresh(row, "ann")
    assert jobs.enqueue_refresh(row, "timer") == run
    assert (run.kind, run.subject, run.asked_by, run.state) == (RunKind.GUIDE, "G", "ann", RunState.QUEUED)
    assert len(django_rq.get_queue("refresh").jobs) == 1


def test_the_job_does_the_refresh_and_ends_its_row(server):
    run = jobs.enqueue_refresh(source(server.address), "ann")
    assert portal_jobs.perform(run.pk) == {"read": 1, "channels": 1, "kept": 1, "without_stop": 1}
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.DONE, "")
    assert Programme.objects.count() == 1
    assert jobs.enqueue_refresh(EpgSource.objects.get(), "ann") != run


def test_a_failure_is_a_sentence_in_the_row():
    run = jobs.enqueue_refresh(source(), "ann")
    assert portal_jobs.perform(run.pk) == {}
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert run.error.startswith("127.0.0.1:9 refuses the connection.")


def test_a_person_can_stop_it(server, monkeypatch):
    row = source(server.address)
    run = jobs.enqueue_refresh(row, "ann")
    Run.objects.filter(pk=run.pk).update(state=RunState.CANCELLED)
    assert portal_jobs.perform(run.pk) == {}
    assert Programme.objects.count() == 0


def test_a_run_whose_source_is_gone_says_so(server):
    row = source(server.address)
    run = jobs.enqueue_refresh(row, "ann")
    row.delete()
    portal_jobs.perform(run.pk)
    run.refresh_from_db()
    assert run.error == "The source of this run is gone, or another run took its place."


def test_what_is_due_is_refreshed():
    fresh = source(name="fresh", asked_at=NOW - timedelta(hours=1))
    source(name="by hand", refresh_hours=0)
    source(name="off", enabled=False)
    source(name="of a portal that is off", portal=PortalFactory(enabled=False))
    source(name="never asked")
    source(name="old", asked_at=NOW - timedelta(hours=13))
    source(name="failed", asked_at=NOW - timedelta(hours=1), failed=True)
    assert sorted(run.subject for run in jobs.enqueue_due(NOW)) == ["failed", "never asked", "old"]
    assert fresh.pk


def test_a_source_whose_worker_was_killed_rests_before_it_is_asked_again():
    row = source()
    run = jobs.enqueue_refresh(row, "timer")
    long_ago = timezone.now() - timedelta(minutes=10)
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING, heartbeat_at=long_ago, created_at=long_ago)
    runs.bury_dead()
    assert jobs.enqueue_due(timezone.now()) == []
    assert len(jobs.enqueue_due(long_ago + timedelta(hours=1, minutes=1))) == 1


def test_replaced_guides_are_removed_by_the_clock():
    row = source()
    for title in ("old", "new"):
        import_guide(row, [GuideRecord("a", at("1 20:00"), None, title)], now=NOW)
    assert jobs.remove_replaced(NOW) == 0
    assert jobs.remove_replaced(NOW + GRACE) == 1
    assert Programme.objects.get().title == "new"
