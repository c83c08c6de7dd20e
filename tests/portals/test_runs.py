"""Run rows: one at a time, ended whatever happens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portals import refreshing, runs
from portals.models import Run, RunKind, RunState
from restreamer.lib.errors import ConfigurationError
from tests.factories import PortalFactory

pytestmark = pytest.mark.django_db


def test_an_error_of_ours_ends_the_row_without_leaking_its_text(monkeypatch):
    def explode(run, progress):
        raise KeyError("secret-token")

    monkeypatch.setitem(refreshing._REFRESHERS, RunKind.LIVE, explode)
    run = runs.begin(PortalFactory(), RunKind.LIVE, "test")
    with pytest.raises(KeyError):
        refreshing.perform(run)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert run.error == "An error of ours: KeyError. The log has the details."


def test_a_run_whose_worker_died_is_buried():
    run = runs.begin(PortalFactory(), RunKind.LIVE, "test")
    Run.objects.filter(pk=run.pk).update(
        state=RunState.RUNNING, heartbeat_at=timezone.now() - runs.HEARTBEAT_LIMIT - timedelta(seconds=1)
    )
    assert runs.under_way(run.portal, RunKind.LIVE) is None
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "stopped half-way" in run.error


def test_a_working_run_is_found_again():
    run = runs.begin(PortalFactory(), RunKind.LIVE, "test")
    assert runs.under_way(run.portal, RunKind.LIVE) == run
    assert runs.under_way(PortalFactory(), RunKind.LIVE) is None


def test_what_nobody_refreshes_is_said():
    run = runs.begin(PortalFactory(), RunKind.TEST, "test")
    with pytest.raises(ConfigurationError, match="Nothing refreshes test yet"):
        refreshing.perform(run)


def test_only_the_newest_runs_are_kept(monkeypatch):
    monkeypatch.setattr(runs, "KEPT_RUNS", 3)
    monkeypatch.setitem(refreshing._REFRESHERS, RunKind.LIVE, lambda run, progress: None)
    portal = PortalFactory()
    made = [refreshing.perform(runs.begin(portal, RunKind.LIVE, "test")).pk for _ in range(5)]
    assert sorted(Run.objects.values_list("pk", flat=True)) == made[-3:]
