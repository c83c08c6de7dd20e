"""How a run is done: higher rooms register what they refresh, jobs and commands start it by kind."""

from __future__ import annotations

from collections.abc import Callable

from portals import checking
from portals.errors import RunNotUndoable
from portals.mirror.mirroring import Difference
from portals.models import Portal, PortalKind, Run, RunKind
from portals.runs import Progress, Watcher, recorded
from restreamer.lib.errors import ConfigurationError

Refresher = Callable[[Run, Progress], None]

Undoer = Callable[[Run], None]

#: Says what a refresh would change; changes nothing.
Differ = Callable[[Portal, Progress], Difference]

_REFRESHERS: dict[str, Refresher] = {}
_UNDOERS: dict[str, Undoer] = {}
_DIFFERS: dict[str, Differ] = {}


def register(kind: RunKind, refresher: Refresher, undoer: Undoer | None = None) -> None:
    """Called once per kind by the room that owns what is refreshed."""
    _REFRESHERS[kind] = refresher
    if undoer is not None:
        _UNDOERS[kind] = undoer


def tells_differences(kind: RunKind, differ: Differ) -> None:
    """Called once per kind by the room that can say what a refresh would change."""
    _DIFFERS[kind] = differ


def difference(portal: Portal, kind: RunKind, progress: Progress) -> Difference:
    """What a refresh of the portal would change now. Raises PortalError, ConfigurationError."""
    if kind not in _DIFFERS:
        raise ConfigurationError(f"Nobody can say yet what a refresh of {kind.label} would change.")
    return _DIFFERS[kind](portal, progress)


def kinds_of(portal: Portal) -> list[RunKind]:
    """What a refresh of this portal is made of."""
    return [RunKind.LIVE, RunKind.VOD] if portal.with_vod else [RunKind.LIVE]


def undo(run: Run) -> None:
    """Take back what a finished run changed. Raises RunNotUndoable with the reason."""
    if run.kind not in _UNDOERS:
        raise RunNotUndoable(f"A run of the kind {run.get_kind_display()} cannot be taken back.")
    _UNDOERS[run.kind](run)


def perform(run: Run, watcher: Watcher | None = None) -> Run:
    """Do a waiting run now, in this process. Raises what went wrong after recording it."""
    try:
        refresher = _REFRESHERS[run.kind]
    except KeyError as err:
        raise ConfigurationError(f"Nothing refreshes {run.get_kind_display()} yet.") from err
    with recorded(run, watcher) as progress:
        refresher(run, progress)
    if run.portal is not None and run.portal.kind == PortalKind.M3U:
        # A playlist without a login is its own subscription, and it was just read.
        for subscription in run.portal.subscriptions.filter(login=""):
            checking.note_success(subscription)
    return run
