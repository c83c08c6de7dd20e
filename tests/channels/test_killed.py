"""A worker that is killed in mid-refresh, and people who read and write while a large list comes in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from channels.models import Channel, ChannelStream, Stream
from portals import due, refreshing, runs
from portals.models import ListState, Run, RunKind, RunState
from portals.providers.records import StreamRecord
from tests.factories import PortalFactory, SubscriptionFactory

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 400


def rows() -> list[tuple[object, ...]]:
    columns = ("provider_id", "name", "number", "position", "fingerprint", "link__channel__name", "stale_since")
    return list(Stream.objects.order_by("position").values_list(*columns))


@pytest.fixture
def listing(monkeypatch):
    class Listed:
        def live_genres(self):
            return []

        def live_streams(self, progress):
            yield from (StreamRecord(str(n), f"Channel {n}", number=str(n)) for n in range(COUNT))

    monkeypatch.setattr("channels.refresh.provider_for", lambda portal: Listed())


def refresh(portal):
    return refreshing.perform(runs.begin(portal, RunKind.LIVE, "test"))


def test_a_killed_workers_run_is_interrupted_and_the_next_gives_the_same_rows(listing):
    portal = PortalFactory()
    SubscriptionFactory(portal=portal)
    run = runs.begin(portal, RunKind.LIVE, "test")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.guide.killed_settings"}
    environment["KILLED_DATABASE"] = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.channels.killed_refresh", str(run.pk)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half-way\n"
        process.kill()
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    assert Stream.objects.count() == Channel.objects.count() == COUNT // 2
    assert not ListState.objects.exists()

    later = timezone.now() + runs.HEARTBEAT_LIMIT
    Run.objects.update(heartbeat_at=timezone.now() - runs.HEARTBEAT_LIMIT)
    assert due.enqueue_due(later)[0].pk != run.pk
    run.refresh_from_db()
    assert run.state == RunState.INTERRUPTED

    born = set(Channel.objects.values_list("pk", flat=True))
    Run.objects.filter(state=RunState.QUEUED).delete()
    assert refresh(portal).counts["new"] == COUNT // 2
    after_the_kill = rows()
    assert born < set(Channel.objects.values_list("pk", flat=True))
    Stream.objects.all().delete()
    Channel.objects.all().delete()
    refresh(portal)
    assert rows() == after_the_kill
    assert ChannelStream.objects.count() == COUNT


def test_nobody_hears_of_a_locked_database_while_a_list_comes_in(listing):
    """Readers and a writer go on through refreshes; every channel a reader sees has its stream."""
    portal = PortalFactory()
    stop, troubles, looks = threading.Event(), list[str](), [0]

    def others() -> None:
        try:
            while not stop.is_set():
                bare = Channel.objects.filter(links__isnull=True).count()
                Channel.objects.filter(name="Channel 7").update(number=7)
                looks[0] += 1
                if bare:
                    troubles.append(f"{bare} channels without a stream")
        except DatabaseError as err:
            troubles.append(str(err))
        finally:
            connection.close()

    threads = [threading.Thread(target=others) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        refresh(portal)
        ListState.objects.all().delete()
        Stream.objects.update(fingerprint="")
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not troubles
    assert looks[0] > 3
