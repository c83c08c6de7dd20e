"""A refresh of any kind: compare, hold what would lose too much, write, and be able to take it back.

Nothing is written before the whole list has arrived and been compared, so an empty, broken or half list leaves the
catalogue as it was, and one that would lose too much waits for a person.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from portals import runs
from portals.errors import CatalogueIncomplete, RunHeld, RunNotUndoable
from portals.mirror import undo
from portals.mirror.apply import Mirror
from portals.mirror.plan import Plan, plan
from portals.mirror.shape import R, Shape
from portals.mirror.spool import Spool
from portals.models import Portal, Run, RunPayload, RunState
from portals.providers.records import GenreRecord
from portals.runs import Progress

#: Smaller lists are never held: losing three of eight channels is an ordinary day.
_HOLD_FROM = 20


def refresh(shape: Shape[R], run: Run, progress: Progress, fetch: Callable[[Portal, Progress], Spool[R]]) -> None:
    """Mirror what `fetch` brings; counts and examples go to `progress`.

    Raises PortalError, or RunHeld when a person has to look first; then nothing was changed.
    """
    portal = run.portal
    if portal is None:
        raise CatalogueIncomplete("The portal of this run was deleted.")
    confirmed = run.payloads.filter(purpose=RunPayload.HELD).exists()
    with _held_list(shape, run) if confirmed else fetch(portal, progress) as spool:
        progress.step("comparing with what is stored")
        made = plan(shape, portal, spool)
        progress.report = made.report
        if not confirmed and _would_lose_too_much(portal, made):
            _hold(run, spool)
            raise RunHeld(
                f"This refresh would lose {len(made.gone):,} of {made.offered_before:,} {shape.noun}, so it waits for "
                "you: apply it if the portal really dropped them, or drop it. Nothing was changed."
            )
        progress.step(f"storing the {shape.noun}")
        counts = Mirror(shape, portal, made, undo.UndoLog(run)).apply(spool, progress)
    progress.counts.update(counts)
    run.payloads.filter(purpose=RunPayload.HELD).delete()
    _forget_old_undo(run)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a refresh would change: counts and examples as its run would have them."""

    counts: dict[str, int]
    report: dict[str, list[list[str]]]
    #: It would lose so much that it would wait for a person.
    would_be_held: bool


def difference(
    shape: Shape[R], portal: Portal, progress: Progress, fetch: Callable[[Portal, Progress], Spool[R]]
) -> Difference:
    """Fetch and compare, and write nothing. Raises PortalError."""
    with fetch(portal, progress) as spool:
        progress.step("comparing with what is stored")
        made = plan(shape, portal, spool)
        counts = {
            "total": spool.count,
            "new": made.new,
            "changed": spool.count - made.unchanged - made.new,
            "unchanged": made.unchanged,
            "gone": len(made.gone),
            **made.counts,
        }
    return Difference(counts, made.report, _would_lose_too_much(portal, made))


def undo_run(run: Run) -> list[int]:
    """Take back what a run changed. Only the newest run that changed anything can be taken back.

    Returns the keys of the rows that were changed back. Raises RunNotUndoable with the reason.
    """
    with transaction.atomic():
        newer = Run.objects.filter(
            portal=run.portal, kind=run.kind, id__gt=run.pk, state=RunState.DONE, undone_at__isnull=True
        ).filter(payloads__purpose=RunPayload.UNDO)
        if run.state != RunState.DONE or run.undone_at is not None:
            raise RunNotUndoable("Only a finished run that was not taken back yet can be taken back.")
        if newer.exists():
            raise RunNotUndoable("A newer run has changed the list since; take that one back first.")
        if run.portal is not None and runs.under_way(run.portal, run.kind):
            raise RunNotUndoable("A refresh of this portal is under way; wait for it or stop it first.")
        touched = undo.take_back(run)
        Run.objects.filter(pk=run.pk).update(undone_at=timezone.now())
    return touched


def _would_lose_too_much(portal: Portal, made: Plan) -> bool:
    return made.offered_before >= _HOLD_FROM and made.lost_share * 100 > portal.hold_percent


def _hold(run: Run, spool: Spool[R]) -> None:
    genres = json.dumps([[g.provider_id, g.name, g.censored] for g in spool.genres]).encode()
    with transaction.atomic():
        payloads = [genres, *spool.blobs()]
        for position, blob in enumerate(payloads):
            RunPayload.objects.create(run=run, purpose=RunPayload.HELD, position=position, blob=blob)


def _held_list(shape: Shape[R], run: Run) -> Spool[R]:
    blobs = run.payloads.filter(purpose=RunPayload.HELD).order_by("position").iterator(chunk_size=10)
    spool = Spool(shape.form, [GenreRecord(*genre) for genre in json.loads(bytes(next(blobs).blob))])
    for payload in blobs:
        spool.add_blob(bytes(payload.blob))
    return spool


def _forget_old_undo(run: Run, keep: int = 5) -> None:
    """The last runs can be taken back; older ones no more."""
    with_undo = (
        Run.objects.filter(portal=run.portal, kind=run.kind, payloads__purpose=RunPayload.UNDO)
        .distinct()
        .order_by("-id")
    )
    for old in with_undo[keep:]:
        old.payloads.all().delete()
