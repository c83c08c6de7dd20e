"""Run rows: begin, report progress, end with counts or with a sentence."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from portals.errors import RunCancelled, RunGoesOn, RunHeld
from portals.models import Portal, Run, RunKind, RunPayload, RunState
from portals.models.run import UNDER_WAY
from restreamer.lib import redact
from restreamer.lib.errors import RestreamerError

log = logging.getLogger(__name__)

#: A running row that was silent for so long belongs to a worker that died.
HEARTBEAT_LIMIT = timedelta(minutes=3)
#: A queued row that nobody took for so long was lost with its queue.
QUEUE_LIMIT = timedelta(hours=6)
#: Old rows kept per portal and kind.
KEPT_RUNS = 50


def begin(portal: Portal | None, kind: RunKind, asked_by: str, subject: str = "") -> Run:
    """A new waiting run."""
    return Run.objects.create(portal=portal, kind=kind, asked_by=asked_by, subject=subject)


def under_way(portal: Portal | None, kind: str) -> Run | None:
    """The run of this portal and kind that waits or works now, if any; without a portal, the house's own."""
    bury_dead()
    return Run.objects.filter(portal=portal, kind=kind, state__in=UNDER_WAY).first()


def bury_dead(*, no_worker_lives: bool = False) -> int:
    """Mark runs whose worker died as interrupted; returns how many.

    `no_worker_lives`: said by who has just started the only Redis there is; then no silence is waited for.
    """
    now = timezone.now()
    silent_since = now if no_worker_lives else now - HEARTBEAT_LIMIT
    dead = Q(state=RunState.RUNNING, heartbeat_at__lte=silent_since) | Q(
        state=RunState.QUEUED, created_at__lt=now - QUEUE_LIMIT
    )
    return Run.objects.filter(dead).update(
        state=RunState.INTERRUPTED,
        finished_at=now,
        error="The worker that did this stopped half-way. Nothing was lost; it is begun again by the clock, or by you.",
    )


#: Told the run's row each time it was written.
Watcher = Callable[[Run], None]


@contextmanager
def recorded(run: Run, watcher: Watcher | None = None) -> Iterator[Progress]:
    """Run the body as this run: its error becomes the row's sentence and is raised again."""
    now = timezone.now()
    taken = Run.objects.filter(pk=run.pk, state=RunState.QUEUED).update(
        state=RunState.RUNNING, started_at=Coalesce("started_at", now), heartbeat_at=now
    )
    if not taken:
        raise RunCancelled("The run was ended before it began.")
    progress = Progress(run, watcher=watcher)
    try:
        yield progress
    except (RunCancelled, KeyboardInterrupt):
        _end(run, RunState.CANCELLED, "Stopped by a person; what was stored before stays.")
        raise
    except RunGoesOn:
        Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
            state=RunState.QUEUED, counts=progress.counts, created_at=timezone.now()
        )
        run.refresh_from_db()
        raise
    except RunHeld as err:
        _end(run, RunState.HELD, err.message, progress)
        raise
    except RestreamerError as err:
        _end(run, RunState.FAILED, redact.text(err.message))
        raise
    except BaseException as err:
        if isinstance(err, DatabaseError) and not Run.objects.filter(pk=run.pk).exists():
            raise RunCancelled("What was refreshed is deleted meanwhile.") from err
        # Wide on purpose: whatever ends a job must end its row too. The traceback goes to the log by the re-raise.
        _end(run, RunState.FAILED, f"An error of ours: {redact.text(type(err).__name__)}. The log has the details.")
        raise
    _end(run, RunState.DONE, "", progress)
    _forget_old(run)


class Progress:
    """Called by the work with (done, total); writes the row at most once a second and sees a cancel."""

    def __init__(
        self, run: Run, clock: Callable[[], float] = time.monotonic, *, watcher: Watcher | None = None
    ) -> None:
        self.run = run
        self.counts: dict[str, int] = {}
        #: Examples per kind of change, see Run.report.
        self.report: dict[str, list[list[str]]] = {}
        self._clock = clock
        self._written = 0.0
        self._step = ""
        self._step_started_at = timezone.now()
        self._watcher = watcher

    def step(self, name: str) -> None:
        """The work enters a new phase, named for the owner."""
        self._step = name
        self._step_started_at = timezone.now()
        self._write(0, 0)

    def __call__(self, done: int, total: int) -> None:
        """Raises RunCancelled when a person asked the run to stop."""
        if self._clock() - self._written >= 1.0:
            self._write(done, total)

    def _write(self, done: int, total: int) -> None:
        self._written = self._clock()
        row = {
            "heartbeat_at": timezone.now(),
            "progress_done": done,
            "progress_total": total,
            "step": self._step,
            "step_started_at": self._step_started_at,
        }
        if not self._keep(row):
            raise RunCancelled("Stopped by a person.")
        if self._watcher is not None:
            told = {"portal": self.run.portal, "subject": self.run.subject}
            self._watcher(Run(pk=self.run.pk, state=RunState.RUNNING, **told, **row))

    def _keep(self, row: dict[str, Any]) -> bool:
        """Write the row; False when the run was ended meanwhile."""
        return bool(Run.objects.filter(pk=self.run.pk, state=RunState.RUNNING).update(**row))


class Unrecorded(Progress):
    """For work that is no run: nothing is written, the watcher is told all the same."""

    def __init__(self, portal: Portal | None, kind: RunKind, watcher: Watcher | None = None, subject: str = "") -> None:
        super().__init__(Run(portal=portal, kind=kind, state=RunState.RUNNING, subject=subject), watcher=watcher)

    def _keep(self, row: dict[str, Any]) -> bool:
        return True


def confirm(run: Run) -> bool:
    """Let a held run go on; True when it was held. The caller starts it."""
    return bool(
        Run.objects.filter(pk=run.pk, state=RunState.HELD).update(
            state=RunState.QUEUED, error="", started_at=None, finished_at=None, created_at=timezone.now()
        )
    )


def cancel(run: Run) -> bool:
    """Stop a waiting or working run, or drop a held one; True when there was something to stop."""
    run.payloads.filter(purpose=RunPayload.HELD).delete()
    return bool(
        Run.objects.filter(pk=run.pk, state__in=[*UNDER_WAY, RunState.HELD]).update(
            state=RunState.CANCELLED, finished_at=timezone.now(), error="Stopped by a person."
        )
    )


def _end(run: Run, state: RunState, error: str, progress: Progress | None = None) -> None:
    kept = Run.objects.filter(pk=run.pk).update(
        state=state,
        error=error,
        counts=progress.counts if progress else {},
        report=progress.report if progress else {},
        finished_at=timezone.now(),
        heartbeat_at=timezone.now(),
    )
    if kept:
        run.refresh_from_db()
    else:  # deleted with its portal or guide while it worked
        run.state, run.error = state, error


def _forget_old(run: Run) -> None:
    same = Run.objects.filter(portal=run.portal, kind=run.kind)
    oldest_kept = same.order_by("-id").values_list("id", flat=True)[KEPT_RUNS - 1 : KEPT_RUNS].first()
    if oldest_kept is not None:
        # Guides of many sources are of one kind and no portal; those still waiting must not be forgotten.
        same.filter(id__lt=oldest_kept, finished_at__isnull=False).delete()
