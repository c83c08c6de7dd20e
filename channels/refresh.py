"""The live refresh: fetch everything, compare, then write the differences.

Nothing is written before the whole list has arrived and been compared, so an empty, broken or half list leaves the
catalogue as it was, and one that would lose too much waits for a person. Only upstream columns are written (`Stream`,
`Genre`); a `Channel` is born once by copying and is a curator's after.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from channels.mirror import undo
from channels.mirror.apply import Mirror
from channels.mirror.plan import Plan, plan
from channels.mirror.spool import Spool
from channels.models import GenreMap
from channels.rules import RuleSet
from portals import runs
from portals.errors import CatalogueIncomplete, RunHeld, RunNotUndoable
from portals.models import Portal, Run, RunKind, RunPayload, RunState
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.registry import provider_for
from portals.runs import Progress

#: Smaller lists are never held: losing three of eight channels is an ordinary day.
_HOLD_FROM = 20


def refresh_live(run: Run, progress: Progress) -> None:
    """Refresh the live channels of the run's portal; counts and examples go to `progress`.

    Raises PortalError, or RunHeld when a person has to look first; then nothing was changed.
    """
    portal = run.portal
    if portal is None:
        raise CatalogueIncomplete("The portal of this run was deleted.")
    confirmed = run.payloads.filter(purpose=RunPayload.HELD).exists()
    with _held_list(run) if confirmed else _fetched_list(portal, progress) as spool:
        progress.step("comparing with what is stored")
        made = plan(portal, spool)
        progress.report = made.report
        if not confirmed and _would_lose_too_much(portal, made):
            _hold(run, spool)
            raise RunHeld(
                f"This refresh would lose {len(made.gone):,} of {made.offered_before:,} channels, so it waits for you: "
                "apply it if the portal really dropped them, or drop it. Nothing was changed."
            )
        progress.step("storing the channels")
        counts = Mirror(portal, made, undo.UndoLog(run)).apply(spool, progress)
    progress.counts.update(counts)
    run.payloads.filter(purpose=RunPayload.HELD).delete()
    _forget_old_undo(run)
    Portal.objects.filter(pk=portal.pk).update(refreshed_at=timezone.now())


def undo_run(run: Run) -> None:
    """Take back what a run changed. Only the newest run that changed anything can be taken back.

    Raises RunNotUndoable with the reason.
    """
    with transaction.atomic():
        newer = Run.objects.filter(
            portal=run.portal, kind=RunKind.LIVE, id__gt=run.pk, state=RunState.DONE, undone_at__isnull=True
        ).filter(payloads__purpose=RunPayload.UNDO)
        if run.state != RunState.DONE or run.undone_at is not None:
            raise RunNotUndoable("Only a finished run that was not taken back yet can be taken back.")
        if newer.exists():
            raise RunNotUndoable("A newer run has changed the list since; take that one back first.")
        if run.portal is not None and runs.under_way(run.portal, RunKind.LIVE):
            raise RunNotUndoable("A refresh of this portal is under way; wait for it or stop it first.")
        undo.take_back(run)
        Run.objects.filter(pk=run.pk).update(undone_at=timezone.now())


def _fetched_list(portal: Portal, progress: Progress) -> Spool:
    provider = provider_for(portal)
    progress.step("reading the genres")
    spool = Spool(provider.live_genres())
    progress.step("reading the channels")
    spool.fill(_wanted(portal, spool.genres, provider.live_streams(progress)))
    if not spool.count:
        raise CatalogueIncomplete(
            "The portal sent an empty channel list. What was stored before stays as it is; "
            "test the portal to see whether the subscription still works."
        )
    return spool


def _wanted(portal: Portal, genres: Sequence[GenreRecord], records: Iterable[StreamRecord]) -> Iterable[StreamRecord]:
    """What the portal's rules and genre maps take."""
    names = {genre.provider_id: genre.name for genre in genres}
    ignored = set(
        GenreMap.objects.filter(genre__portal=portal, ignored=True).values_list("genre__provider_id", flat=True)
    )
    rules = RuleSet(portal.stream_rules.all())
    kept = (record for record in records if record.genre_id not in ignored) if ignored else records
    return rules.filter(kept, names) if rules else kept


def _would_lose_too_much(portal: Portal, made: Plan) -> bool:
    return made.offered_before >= _HOLD_FROM and made.lost_share * 100 > portal.hold_percent


def _hold(run: Run, spool: Spool) -> None:
    genres = json.dumps([[g.provider_id, g.name, g.censored] for g in spool.genres]).encode()
    with transaction.atomic():
        payloads = [genres, *spool.blobs()]
        for position, blob in enumerate(payloads):
            RunPayload.objects.create(run=run, purpose=RunPayload.HELD, position=position, blob=blob)


def _held_list(run: Run) -> Spool:
    blobs = run.payloads.filter(purpose=RunPayload.HELD).order_by("position").iterator(chunk_size=10)
    spool = Spool(GenreRecord(*genre) for genre in json.loads(bytes(next(blobs).blob)))
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
