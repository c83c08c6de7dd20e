"""A refresh of any kind: compare, hold what would lose too much, write, and be able to take it back.

Nothing is written before the whole list has arrived and been compared, so an empty, broken or half list leaves the
catalogue as it was, and one that would lose too much waits for a person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from django.db import transaction
from django.utils import timezone

from portals import runs
from portals.errors import CatalogueIncomplete, RunHeld, RunNotUndoable
from portals.mirror import known, undo
from portals.mirror.apply import Mirror
from portals.mirror.plan import Plan, plan
from portals.mirror.shape import Shape
from portals.mirror.spool import Spool
from portals.models import Portal, Run, RunPayload, RunState
from portals.providers.records import GenreRecord
from portals.runs import Progress

T = TypeVar("T")

#: Smaller lists are never held: losing three of eight channels is an ordinary day.
_HOLD_FROM = 20


class Part(NamedTuple):
    """One kind of item and the list that came of it."""

    shape: Shape[Any]
    spool: Spool[Any]


def refresh(
    shapes: Sequence[Shape[Any]], run: Run, progress: Progress, fetch: Callable[[Portal, Progress], list[Part]]
) -> bool:
    """Mirror what `fetch` brings, all of it or nothing; counts and examples go to `progress`.

    Returns False when the list was one that waited for a person. Raises PortalError, or RunHeld when a person has to
    look first; then nothing was changed.
    """
    portal = run.portal
    if portal is None:
        raise CatalogueIncomplete("The portal of this run was deleted.")
    confirmed = run.payloads.filter(purpose=RunPayload.HELD).exists()
    with ExitStack() as stack:
        parts = _held_lists(shapes, run) if confirmed else fetch(portal, progress)
        for part in parts:
            stack.enter_context(part.spool)
        progress.step("comparing with what is stored")
        plans = [_planned(portal, part) for part in parts]
        progress.report = _joined(shapes, [(part.shape, made.report) for part, made in zip(parts, plans, strict=True)])
        losses = [
            f"{len(made.gone):,} of {made.offered_before:,} {part.shape.noun}"
            for part, made in zip(parts, plans, strict=True)
            if _would_lose_too_much(portal, made)
        ]
        if losses and not confirmed:
            _hold(run, parts)
            raise RunHeld(
                f"This refresh would lose {' and '.join(losses)}, so it waits for you: "
                "apply it if the portal really dropped them, or drop it. Nothing was changed."
            )
        log = undo.UndoLog(run)
        counts = []
        for part, made in zip(parts, plans, strict=True):
            counts.append((part.shape, _stored(portal, part, made, log, progress)))
        progress.report = _joined(shapes, [(part.shape, made.report) for part, made in zip(parts, plans, strict=True)])
    progress.counts.update(_joined(shapes, counts))
    run.payloads.filter(purpose=RunPayload.HELD).delete()
    _forget_old_undo(run)
    return not confirmed


def _planned(portal: Portal, part: Part) -> Plan:
    """What to do for one list; for the list the rows were made from, nothing."""
    if known.is_known(part.shape, portal, part.spool):
        return Plan(unchanged=part.spool.count, known=True)
    return plan(part.shape, portal, part.spool)


def _stored(portal: Portal, part: Part, made: Plan, log: undo.UndoLog, progress: Progress) -> dict[str, int]:
    if made.known:
        return {**known.nothing_changed(part.spool.count), **made.counts}
    progress.step(f"storing the {part.shape.noun}")
    known.forget(portal, part.shape.noun)
    counts = Mirror(part.shape, portal, made, log).apply(part.spool, progress)
    known.remember(portal, part.shape.noun, part.spool)
    return counts


@dataclass(frozen=True, slots=True)
class Difference:
    """What a refresh would change: counts and examples as its run would have them."""

    counts: dict[str, int]
    report: dict[str, list[list[str]]]
    #: It would lose so much that it would wait for a person.
    would_be_held: bool


def difference(
    shapes: Sequence[Shape[Any]], portal: Portal, progress: Progress, fetch: Callable[[Portal, Progress], list[Part]]
) -> Difference:
    """Fetch and compare, and write nothing. Raises PortalError."""
    counts, reports, held = [], [], False
    with ExitStack() as stack:
        parts = fetch(portal, progress)
        for part in parts:
            stack.enter_context(part.spool)
        progress.step("comparing with what is stored")
        for shape, spool in parts:
            made = plan(shape, portal, spool)
            told = {
                "total": spool.count,
                "new": made.new,
                "changed": spool.count - made.unchanged - made.new,
                "unchanged": made.unchanged,
                "gone": len(made.gone),
                **made.counts,
            }
            counts.append((shape, told))
            reports.append((shape, made.report))
            held = held or _would_lose_too_much(portal, made)
    return Difference(_joined(shapes, counts), _joined(shapes, reports), held)


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
        known.forget(run.portal)
        touched = undo.take_back(run)
        Run.objects.filter(pk=run.pk).update(undone_at=timezone.now())
    return touched


def _would_lose_too_much(portal: Portal, made: Plan) -> bool:
    return made.offered_before >= _HOLD_FROM and made.lost_share * 100 > portal.hold_percent


def _joined(shapes: Sequence[Shape[Any]], parts: Sequence[tuple[Shape[Any], dict[str, T]]]) -> dict[str, T]:
    """The words of each kind in one dictionary; with several kinds, each says whose it is: `new movies`."""
    if len(shapes) == 1:
        return {word: value for _, words in parts for word, value in words.items()}
    return {f"{word} {shape.noun}": value for shape, words in parts for word, value in words.items()}


def _hold(run: Run, parts: Sequence[Part]) -> None:
    position = 0
    with transaction.atomic():
        for part in parts:
            genres = [[g.provider_id, g.name, g.censored] for g in part.spool.genres]
            blobs = list(part.spool.blobs())
            header = json.dumps({"kind": part.shape.kind, "genres": genres, "pieces": len(blobs)}).encode()
            for blob in [header, *blobs]:
                RunPayload.objects.create(run=run, purpose=RunPayload.HELD, position=position, blob=blob)
                position += 1


def _held_lists(shapes: Sequence[Shape[Any]], run: Run) -> list[Part]:
    blobs = run.payloads.filter(purpose=RunPayload.HELD).order_by("position").iterator(chunk_size=10)
    known = {str(shape.kind): shape for shape in shapes}
    parts = []
    for payload in blobs:
        header = json.loads(bytes(payload.blob))
        shape = known[header["kind"]]
        spool = Spool(shape.form, [GenreRecord(*genre) for genre in header["genres"]])
        for _ in range(header["pieces"]):
            spool.add_blob(bytes(next(blobs).blob))
        parts.append(Part(shape, spool))
    return parts


def _forget_old_undo(run: Run, keep: int = 5) -> None:
    """The last runs can be taken back; older ones no more."""
    with_undo = (
        Run.objects.filter(portal=run.portal, kind=run.kind, payloads__purpose=RunPayload.UNDO)
        .distinct()
        .order_by("-id")
    )
    for old in with_undo[keep:]:
        old.payloads.all().delete()
