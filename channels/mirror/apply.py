"""Writes a plan: short transactions of one piece each, so that readers never wait and a killed run runs again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.mirror.births import Births, NewStream
from channels.mirror.plan import Plan, fingerprint, stored_name
from channels.mirror.spool import PIECE, Spool
from channels.mirror.undo import UndoLog
from channels.models import Stream
from portals import bulk
from portals.models import Genre, Portal
from portals.models.genre import GenreKind
from portals.providers.records import GenreRecord, StreamRecord
from portals.runs import Progress
from restreamer.lib import storable

#: Columns a refresh writes.
_WRITTEN = (
    "provider_id",
    "name",
    "number",
    "genre",
    "logo",
    "guide_id",
    "cmd",
    "is_radio",
    "censored",
    "subscribed",
    "archive_hours",
    "provider_data",
    "offered_to",
    "position",
    "fingerprint",
    "stale_since",
)
_INSERTED = (*_WRITTEN, "portal", "first_seen_at")


class Mirror:
    """Writes one portal's records over its rows."""

    def __init__(self, portal: Portal, plan: Plan, undo: UndoLog, now: datetime | None = None) -> None:
        self.portal = portal
        self.plan = plan
        self.undo = undo
        self.now = now or timezone.now()
        self.counts = {"total": 0, "new": 0, "changed": 0, "unchanged": 0, "gone": 0, "back": 0, **plan.counts}
        self._births = Births(portal)
        self._genres: dict[str, Genre] = {}
        self._now = bulk.prepared(self.now)

    def apply(self, spool: Spool, progress: Progress) -> dict[str, int]:
        """Insert, update, revive, and mark what is no longer offered; returns the counts."""
        self._genres = mirror_genres(self.portal, spool.genres, self.now)
        self._clear_ids()
        if self.plan.todo:
            self._write_all(spool, progress)
        self._mark_gone()
        if self._births.unnumbered:
            self.plan.report["unnumbered"] = self._births.unnumbered[:200]
        self.counts["unchanged"] = self.plan.unchanged
        self.counts["total"] = spool.count
        return self.counts

    def _write_all(self, spool: Spool, progress: Progress) -> None:
        position = 0
        for piece in spool.pieces():
            work = {}
            for record in piece:
                provider_id = storable.text(record.provider_id, 200)
                if provider_id in self.plan.todo:
                    work[provider_id] = self._row(provider_id, record, position)
                position += 1
            if work:
                with transaction.atomic():
                    self._write(work)
            progress(position, spool.count)

    def _clear_ids(self) -> None:
        """Rows that change ids get one nobody uses first, so that two rows can swap theirs."""
        moving = [*self.plan.assigned.values(), *self.plan.displaced]
        for pks in _slices(moving):
            with transaction.atomic():
                rows = list(Stream.objects.filter(pk__in=pks).only("pk", "provider_id"))
                self.undo.ids({row.pk: row.provider_id for row in rows})
                for row in rows:
                    row.provider_id = f"~{row.pk}"
                Stream.objects.bulk_update(rows, ["provider_id"], batch_size=PIECE)

    def _write(self, work: dict[str, NewStream]) -> None:
        known = self._known(list(work))
        born = [row for provider_id, row in work.items() if provider_id not in known]
        changed = []
        for provider_id, (pk, stale) in known.items():
            work[provider_id].pk = pk
            changed.append(work[provider_id])
            self.counts["back" if stale else "changed"] += 1
        self._update(changed)
        self._insert(born)

    def _known(self, ids: list[str]) -> dict[str, tuple[int, bool]]:
        """Rows of these record ids: pk, stale."""
        assigned = {self.plan.assigned[i]: i for i in ids if i in self.plan.assigned}
        rows = Stream.objects.filter(portal=self.portal)
        columns = ("provider_id", "pk", "stale_since")
        found = rows.filter(provider_id__in=ids).values_list(*columns)
        known = {provider_id: (pk, stale is not None) for provider_id, pk, stale in found}
        if assigned:
            for _, pk, stale in rows.filter(pk__in=assigned).values_list(*columns):
                known[assigned[pk]] = (pk, stale is not None)
        return known

    def _row(self, provider_id: str, record: StreamRecord, position: int) -> NewStream:
        genre = self._genres.get(record.genre_id)
        return NewStream(
            provider_id=provider_id,
            name=stored_name(record),
            number=storable.text(record.number, 20),
            genre=genre,
            logo=storable.text(record.logo, 2000),
            guide_id=storable.text(record.guide_id, 300),
            cmd=storable.text(record.cmd),
            is_radio=record.is_radio,
            censored=record.censored or bool(genre and genre.censored),
            subscribed=record.subscribed,
            archive_hours=record.archive_hours,
            provider_data=bulk.prepared(storable.json_value(dict(record.provider_data))),
            offered_to=bulk.prepared(list(record.offered_to)),
            position=position,
            fingerprint=fingerprint(record),
        )

    def _update(self, changed: list[NewStream]) -> None:
        if not changed:
            return
        self.undo.rows(Stream.objects.filter(pk__in=[row.pk for row in changed]))
        bulk.upsert(Stream, (*_INSERTED, "id"), [(*self._values(row), row.pk) for row in changed], update=_WRITTEN)

    def _insert(self, born: list[NewStream]) -> None:
        if not born:
            return
        bulk.insert(Stream, _INSERTED, [self._values(row) for row in born])
        ids = [row.provider_id for row in born]
        keys = dict(Stream.objects.filter(portal=self.portal, provider_id__in=ids).values_list("provider_id", "pk"))
        for row in born:
            row.pk = keys[row.provider_id]
        self.undo.births([row.pk for row in born], self._births.give(born))
        self.counts["new"] += len(born)

    def _values(self, row: NewStream) -> tuple[Any, ...]:
        """The row in the order of _INSERTED."""
        return (
            row.provider_id,
            row.name,
            row.number,
            row.genre.pk if row.genre else None,
            row.logo,
            row.guide_id,
            row.cmd,
            row.is_radio,
            row.censored,
            row.subscribed,
            row.archive_hours,
            row.provider_data,
            row.offered_to,
            row.position,
            row.fingerprint,
            None,
            self.portal.pk,
            self._now,
        )

    def _mark_gone(self) -> None:
        for pks in _slices(self.plan.gone):
            with transaction.atomic():
                self.undo.gone(pks)
                self.counts["gone"] += Stream.objects.filter(pk__in=pks, stale_since__isnull=True).update(
                    stale_since=self.now
                )


def mirror_genres(portal: Portal, records: Iterable[GenreRecord], now: datetime) -> dict[str, Genre]:
    """The portal's live genres as rows, by the portal's own id; genres it no longer names go stale."""
    rows = [
        Genre(
            portal=portal,
            kind=GenreKind.LIVE,
            provider_id=storable.text(record.provider_id, 200),
            name=storable.text(record.name, 300) or f"Genre {record.provider_id}"[:300],
            censored=record.censored,
            position=position,
        )
        for position, record in enumerate({r.provider_id: r for r in records}.values())
    ]
    live = Genre.objects.filter(portal=portal, kind=GenreKind.LIVE)
    with transaction.atomic():
        for start in range(0, len(rows), PIECE):
            Genre.objects.bulk_create(
                rows[start : start + PIECE],
                update_conflicts=True,
                unique_fields=["portal", "kind", "provider_id"],
                update_fields=["name", "censored", "position", "stale_since"],
            )
        named = {row.provider_id for row in rows}
        vanished = [
            pk for pk, i in live.filter(stale_since__isnull=True).values_list("pk", "provider_id") if i not in named
        ]
        for pks in _slices(vanished):
            live.filter(pk__in=pks).update(stale_since=now)
    return {genre.provider_id: genre for genre in live}


def _slices(pks: Sequence[int]) -> Iterable[Sequence[int]]:
    return (pks[start : start + PIECE] for start in range(0, len(pks), PIECE))
