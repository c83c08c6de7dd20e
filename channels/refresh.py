"""The live refresh: what is fetched of a portal and taken by its rules; the mirror (portals/mirror) does the rest.

Only upstream columns are written (`Stream`, `Genre`); a `Channel` is born once by copying and is a curator's after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from django.utils import timezone

from channels.jobs import ask_for_doubles
from channels.mirror.shape import LIVE
from channels.models import GenreMap
from channels.rules import filtered
from guide import arrivals
from guide.jobs import ask_for_match
from portals.errors import CatalogueIncomplete
from portals.mirror import known, mirroring
from portals.mirror.mirroring import Part
from portals.mirror.spool import Spool
from portals.models import Portal, Run, RunPayload
from portals.models.genre import GenreKind
from portals.new_genres import left_out
from portals.providers.base import NamesGuides, Provider
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.registry import provider_for
from portals.rules import RuleSet
from portals.runs import Progress


def refresh_live(run: Run, progress: Progress) -> None:
    """Refresh the live channels of the run's portal; counts and examples go to `progress`.

    Raises PortalError, or RunHeld when a person has to look first; then nothing was changed.
    """
    portal = run.portal
    if portal is None or run.payloads.filter(purpose=RunPayload.HELD).exists():
        mirroring.refresh([LIVE], run, progress, _fetched)
    else:
        _refresh_from(provider_for(portal), portal, run, progress)
    Portal.objects.filter(runs=run).update(refreshed_at=timezone.now())
    if any(progress.counts.get(change) for change in ("new", "changed", "gone", "back")):
        ask_for_match()
    if any(progress.counts.get(change) for change in ("new", "back")):
        ask_for_doubles()


def _refresh_from(provider: Provider, portal: Portal, run: Run, progress: Progress) -> None:
    rules = _rules_sha256(portal)
    fetched = None
    if isinstance(provider, known.Downloads):
        fetched = known.newer(provider, known.state_of(LIVE, portal), rules, "live", progress)
    if fetched is not None and fetched.not_modified:
        state = known.state_of(LIVE, portal)
        progress.counts.update(known.nothing_changed(state.count if state else 0))
    else:
        mirroring.refresh([LIVE], run, progress, lambda _, told: [Part(LIVE, _listed(provider, portal, told))])
        if isinstance(provider, NamesGuides):
            arrivals.propose(portal, provider.guide_urls())
    if fetched is not None:
        known.remember_download(portal, LIVE.noun, fetched, rules)


def difference(portal: Portal, progress: Progress) -> mirroring.Difference:
    """What a refresh would change; changes nothing. Raises PortalError."""
    return mirroring.difference([LIVE], portal, progress, _fetched)


def undo_run(run: Run) -> None:
    """Take back what a run changed. Raises RunNotUndoable with the reason."""
    mirroring.undo_run(run)


def _fetched(portal: Portal, progress: Progress) -> list[Part]:
    return [Part(LIVE, _listed(provider_for(portal), portal, progress))]


def _listed(provider: Provider, portal: Portal, progress: Progress) -> Spool[StreamRecord]:
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
    ignored = left_out(portal, GenreKind.LIVE, names).union(
        GenreMap.objects.filter(genre__portal=portal, ignored=True).values_list("genre__provider_id", flat=True)
    )
    rules = RuleSet(portal.stream_rules.all())
    kept = (record for record in records if record.genre_id not in ignored) if ignored else records
    return filtered(rules, kept, names) if rules else kept


def _rules_sha256(portal: Portal) -> str:
    """Of everything that decides what is taken from a list."""
    ignored = GenreMap.objects.filter(genre__portal=portal, ignored=True).order_by("pk").values_list("genre_id")
    rules = portal.stream_rules.order_by("position", "pk").values_list(
        "action", "field", "pattern", "exact_case", "enabled"
    )
    return hashlib.sha256(repr((portal.address, portal.with_censored, list(ignored), list(rules))).encode()).hexdigest()
