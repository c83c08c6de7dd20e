"""The live refresh: what is fetched of a portal and taken by its rules; the mirror (portals/mirror) does the rest.

Only upstream columns are written (`Stream`, `Genre`); a `Channel` is born once by copying and is a curator's after.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils import timezone

from channels.mirror.shape import LIVE
from channels.models import GenreMap
from channels.rules import RuleSet
from guide.jobs import ask_for_match
from portals.errors import CatalogueIncomplete
from portals.mirror import mirroring
from portals.mirror.mirroring import Part
from portals.mirror.spool import Spool
from portals.models import Portal, Run
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.registry import provider_for
from portals.runs import Progress


def refresh_live(run: Run, progress: Progress) -> None:
    """Refresh the live channels of the run's portal; counts and examples go to `progress`.

    Raises PortalError, or RunHeld when a person has to look first; then nothing was changed.
    """
    mirroring.refresh([LIVE], run, progress, lambda portal, told: [Part(LIVE, _fetched_list(portal, told))])
    Portal.objects.filter(runs=run).update(refreshed_at=timezone.now())
    if any(progress.counts.get(change) for change in ("new", "changed", "gone", "back")):
        ask_for_match()


def difference(portal: Portal, progress: Progress) -> mirroring.Difference:
    """What a refresh would change; changes nothing. Raises PortalError."""
    return mirroring.difference(LIVE, portal, progress, _fetched_list)


def undo_run(run: Run) -> None:
    """Take back what a run changed. Raises RunNotUndoable with the reason."""
    mirroring.undo_run(run)


def _fetched_list(portal: Portal, progress: Progress) -> Spool[StreamRecord]:
    provider = provider_for(portal)
    progress.step("reading the genres")
    spool = Spool(LIVE.form, provider.live_genres())
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
