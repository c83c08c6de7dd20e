"""How a run is done: higher rooms register what they refresh, jobs and commands start it by kind."""

from __future__ import annotations

from collections.abc import Callable

from portals.models import Run, RunKind
from portals.runs import Progress, recorded
from restreamer.lib.errors import ConfigurationError

Refresher = Callable[[Run, Progress], None]

_REFRESHERS: dict[str, Refresher] = {}


def register(kind: RunKind, refresher: Refresher) -> None:
    """Called once per kind by the room that owns what is refreshed."""
    _REFRESHERS[kind] = refresher


def perform(run: Run) -> Run:
    """Do a waiting run now, in this process. Raises what went wrong after recording it."""
    try:
        refresher = _REFRESHERS[run.kind]
    except KeyError as err:
        raise ConfigurationError(f"Nothing refreshes {run.get_kind_display()} yet.") from err
    with recorded(run) as progress:
        refresher(run, progress)
    return run
