"""Commands that start runs of portals and follow them to their end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.db import close_old_connections

from portals import refreshing
from portals import runs as run_rows
from portals.errors import RunGoesOn
from portals.jobs import enqueue_refresh, workers_alive
from portals.models import Portal, Run, RunKind, RunState
from restreamer.cli import RestreamerCommand
from restreamer.lib.errors import InvalidInput, RestreamerError
from restreamer.progress_bar import ProgressBar


class RunsCommand(RestreamerCommand):
    """Starts refreshes, waits for them, says how they ended."""

    def refresh_all(
        self, portals: list[Portal], *, wait: bool, watch: bool = False, kinds: Sequence[RunKind] = ()
    ) -> list[dict[str, Any]]:
        """Refresh the portals, each in all its kinds or the named ones: in the background, or here when no worker
        runs. Says how each ended; returns rows for `--json`."""
        runs: list[Run] = []
        of: dict[int, Portal] = {}
        bar = ProgressBar(self.draw, redraws=self.stdout.isatty()) if watch else None
        background = workers_alive()
        for portal in portals:
            for kind in kinds or refreshing.kinds_of(portal):
                run = enqueue_refresh(portal, kind, "command line")
                of[run.pk] = portal
                if not background:
                    self._perform(run, portal, bar)
                runs.append(run)
        if background and wait:
            for run in runs:
                self._follow(run, of[run.pk], bar)
        told: set[tuple[int | None, str]] = set()
        for run in runs:
            _look_again(run, of[run.pk])
            why = (run.portal_id, run.error)
            self.say(_sentence(run, again=bool(run.error) and why in told))
            told.add(why)
        return [_run_row(run) for run in runs]

    def draw(self, text: str) -> None:
        """Where progress bars write."""
        self.stdout.write(text, ending="")
        self.stdout.flush()

    def _perform(self, run: Run, portal: Portal, bar: ProgressBar | None) -> None:
        try:
            while True:
                try:
                    refreshing.perform(run, bar.show if bar else None)
                except RunGoesOn:
                    continue  # nobody else waits for this process
                break
        except RestreamerError:
            _look_again(run, portal)  # its sentence is in the row and said by the caller
        finally:
            if bar:
                bar.close()

    def _follow(self, run: Run, portal: Portal, bar: ProgressBar | None) -> None:
        while True:
            run_rows.bury_dead()
            _look_again(run, portal)
            if not run.is_under_way:
                break
            if bar:
                bar.show(run)
            close_old_connections()
            time.sleep(0.3)
        if bar:
            bar.close()


def portals_named(names: list[str]) -> list[Portal]:
    """The portals of these names, all without names. Raises InvalidInput."""
    found = list(Portal.objects.filter(name__in=names) if names else Portal.objects.all())
    missing = set(names) - {portal.name for portal in found}
    if missing:
        known = ", ".join(Portal.objects.values_list("name", flat=True)) or "none yet"
        raise InvalidInput(f"No portal is called {', '.join(sorted(missing))}. There are: {known}.")
    return found


def _look_again(run: Run, portal: Portal) -> None:
    """Read the row anew. One deleted with its portal is a run that was stopped."""
    try:
        run.refresh_from_db()
    except Run.DoesNotExist:
        run.portal = portal  # as it was, for its name
        run.state, run.error = RunState.CANCELLED, "The portal was deleted meanwhile."


def _sentence(run: Run, *, again: bool = False) -> str:
    """How it ended. `again`: its error was told already."""
    name = run.portal.name if run.portal else run.subject
    if run.kind != RunKind.LIVE:
        name = f"{name}, {run.get_kind_display()}"
    if run.state == RunState.DONE:
        return f"{name}: refreshed in {run.running_s or 0:.1f} s: {run.result_words or 'it lists none'}."
    if run.state in (RunState.QUEUED, RunState.RUNNING):
        return f"{name}: refresh {run.get_state_display()} in the background (run {run.pk})."
    return f"{name}: refresh {run.get_state_display()}{', for the same reason.' if again else f'. {run.error}'}"


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "run": run.pk,
        "portal": run.portal.name if run.portal else "",
        "kind": run.kind,
        "state": run.state,
        "counts": run.counts,
        "error": run.error,
        "seconds": run.running_s,
    }
