"""Run rows: one at a time, ended whatever happens."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from portals import refreshing, runs
from portals.models import Run, RunKind, RunState
from restreamer.lib.errors import ConfigurationError
from restreamer.progress_bar import ProgressBar
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
    assert run.state == RunState.INTERRUPTED
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


class Clock:
    """Seconds as the test says them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def working(**values):
    run = runs.begin(PortalFactory(name="Panel"), RunKind.LIVE, "test")
    now = timezone.now()
    row = {"state": RunState.RUNNING, "heartbeat_at": now, "step": "storing", **values}
    Run.objects.filter(pk=run.pk).update(**row)
    run.refresh_from_db()
    return run


def test_a_working_run_says_how_fast_it_is_and_how_long_it_takes():
    run = working(progress_done=12_000, progress_total=50_000)
    run.step_started_at = run.heartbeat_at - timedelta(seconds=10)
    assert (run.rate_per_s, run.remaining_s, run.percent) == (1200.0, pytest.approx(31.67, abs=0.01), 24)
    assert run.progress_words == "storing: 12,000 of 50,000, 1,200 a second, 32 s left"


def test_where_nobody_knows_the_total_no_time_is_promised():
    run = working(progress_done=10, progress_total=0)
    run.step_started_at = run.heartbeat_at - timedelta(seconds=10)
    assert (run.remaining_s, run.percent) == (None, None)
    assert run.progress_words == "storing: 10, 1 a second"


def test_each_step_counts_its_rate_anew():
    run, clock, seen = runs.begin(PortalFactory(), RunKind.LIVE, "test"), Clock(), list[Run]()
    Run.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    progress = runs.Progress(run, clock, watcher=seen.append)
    progress.step("reading")
    clock.now = 5.0
    progress(40, 100)
    progress.step("storing")
    assert [(row.step, row.progress_done) for row in seen] == [("reading", 0), ("reading", 40), ("storing", 0)]
    assert len({row.step_started_at for row in seen}) == 2


def test_ctrl_c_ends_a_run_as_cancelled(monkeypatch):
    def interrupted(run, progress):
        raise KeyboardInterrupt

    monkeypatch.setitem(refreshing._REFRESHERS, RunKind.LIVE, interrupted)
    run = runs.begin(PortalFactory(), RunKind.LIVE, "test")
    with pytest.raises(KeyboardInterrupt):
        refreshing.perform(run)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED


def test_a_bar_redraws_itself_on_a_terminal_and_leaves_no_rest():
    out = io.StringIO()
    bar = ProgressBar(out.write, redraws=True)
    bar.show(working(progress_done=50, progress_total=100))
    drawn = out.getvalue()
    assert drawn == "\rPanel [############............]  50 %  storing: 50 of 100"
    bar.close()
    assert out.getvalue() == drawn + "\r" + " " * (len(drawn) - 1) + "\r"


def test_a_pipe_gets_a_line_for_each_step_and_now_and_then():
    out, clock, run = io.StringIO(), Clock(), working(progress_done=1, progress_total=2)
    bar = ProgressBar(out.write, redraws=False, clock=clock)
    bar.show(run)
    bar.show(run)
    clock.now = 6.0
    bar.show(run)
    run.step = "comparing"
    bar.show(run)
    bar.close()
    lines = out.getvalue().splitlines()
    assert [line.rpartition("%  ")[2].partition(":")[0] for line in lines] == ["storing", "storing", "comparing"]
    assert "\r" not in out.getvalue()


def test_the_page_shows_what_works_with_a_button_to_stop_it(admin_client):
    run = working(progress_done=12_000, progress_total=50_000)
    address = reverse("admin:portals_run_under_way")
    shown = admin_client.get(address, {"run": run.pk}).content.decode()
    assert "storing: 12,000 of 50,000" in shown
    assert 'aria-valuenow="24"' in shown
    assert (
        f'data-runs="{address}?run={run.pk}"'
        in admin_client.get(reverse("admin:portals_run_change", args=[run.pk])).content.decode()
    )
    assert f'data-runs="{address}"' in admin_client.get(reverse("admin:portals_run_changelist")).content.decode()
    admin_client.post(reverse("admin:portals_run_stop", args=[run.pk]))
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.CANCELLED, "Stopped by a person.")
    assert admin_client.get(address).status_code == 204


def test_who_may_only_look_stops_nothing(client):
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(reader)
    run = working()
    assert "Stop" not in client.get(reverse("admin:portals_run_under_way")).content.decode()
    assert client.post(reverse("admin:portals_run_stop", args=[run.pk])).status_code == 403
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
