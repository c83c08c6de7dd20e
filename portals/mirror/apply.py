"""Writes a plan: short transactions of one piece each, so that readers never wait and a killed run runs again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portals import bulk
from portals.mirror.plan import Plan, fingerprint, stored_name
from portals.mirror.shape import NewRow, R, Shape
from portals.mirror.spool import PIECE, Spool
from portals.mirror.undo import UndoLog
from portals.models import Genre, Portal
from portals.models.genre import GenreKind
from portals.providers.records import GenreRecord
from portals.runs import Progress
from restreamer.lib import storable
from restreamer.lib.among import Among

K = TypeVar("K")

#: Columns the mirror writes in every shape, before the shape's own.
_WRITTEN = (
    "provider_id",
    "name",
    "genre",
    "cmd",
    "provider_data",
    "offered_to",
    "position",
    "fingerprint",
    "stale_since",
)
_KEYS = ("portal", "first_seen_at")


class Mirror(Generic[R]):
    """Writes one portal's records over its rows."""

    def __init__(self, shape: Shape[R], portal: Portal, plan: Plan, undo: UndoLog, now: datetime | None = None) -> None:
        self.shape = shape
        self.portal = portal
        self.plan = plan
        self.undo = undo
        self.now = now or timezone.now()
        self.counts = {"total": 0, "new": 0, "changed": 0, "unchanged": 0, "gone": 0, "back": 0, **plan.counts}
        self._rows = shape.offered._default_manager.filter(portal=portal)
        self._births = shape.births(portal)
        self._genres: dict[str, Genre] = {}
        self._now = bulk.prepared(self.now)

    def apply(self, spool: Spool[R], progress: Progress) -> dict[str, int]:
        """Insert, update, revive, and mark what is no longer offered; returns the counts."""
        self._genres = mirror_genres(self.portal, self.shape.kind, spool.genres, self.now, self._births.meet)
        self._clear_ids()
        if self.plan.first or self.plan.todo:
            self._write_all(spool, progress)
        self._mark_gone()
        self.plan.report.update(self._births.report)
        self.counts["unchanged"] = self.plan.unchanged
        self.counts["total"] = spool.count
        return self.counts

    def _write_all(self, spool: Spool[R], progress: Progress) -> None:
        """A piece of the list at a time; of a list with little to write, only what the plan has kept of it."""
        pieces = numbered(spool) if self.plan.records is None else batched(self.plan.records, PIECE)
        for piece in pieces:
            work: dict[str, NewRow[R]] = {}
            for position, record in piece:
                provider_id = storable.text(record.provider_id, 200)
                if self.plan.first or provider_id in self.plan.todo:
                    work[provider_id] = self._row(provider_id, record, position)
            for ids in slices(list(work), self.shape.batch):
                self._write({provider_id: work[provider_id] for provider_id in ids})
            progress(piece[-1][0] + 1, spool.count)

    def _clear_ids(self) -> None:
        """Rows that change ids get one nobody uses first, so that two rows can swap theirs."""
        moving = [*self.plan.assigned.values(), *self.plan.displaced]
        for pks in slices(moving):
            with transaction.atomic():
                rows = dict(self._rows.filter(Among(F("pk"), pks)).values_list("pk", "provider_id"))
                self.undo.ids(self.shape.offered, rows)
                bulk.assign(self.shape.offered, "provider_id", [(f"~{pk}", pk) for pk in rows])

    def _write(self, work: dict[str, NewRow[R]]) -> None:
        known = {} if self.plan.first else self._known(list(work))
        born = [row for provider_id, row in work.items() if provider_id not in known]
        changed = []
        for provider_id, (pk, stale) in known.items():
            work[provider_id].pk = pk
            changed.append(work[provider_id])
            self.counts["back" if stale else "changed"] += 1
        self._births.reserve(len(born))
        with transaction.atomic():
            self._update(changed)
            self._insert(born)

    def _known(self, ids: list[str]) -> dict[str, tuple[int, bool]]:
        """Rows of these record ids: pk, stale."""
        assigned = {self.plan.assigned[i]: i for i in ids if i in self.plan.assigned}
        columns = ("provider_id", "pk", "stale_since")
        found = self._rows.filter(Among(F("provider_id"), ids)).values_list(*columns)
        known = {provider_id: (pk, stale is not None) for provider_id, pk, stale in found}
        if assigned:
            for _, pk, stale in self._rows.filter(Among(F("pk"), list(assigned))).values_list(*columns):
                known[assigned[pk]] = (pk, stale is not None)
        return known

    def _row(self, provider_id: str, record: R, position: int) -> NewRow[R]:
        genre = self._genres.get(storable.text(self.shape.genre_id(record), 200))
        return NewRow(
            provider_id=provider_id,
            name=stored_name(self.shape, record.name, record.provider_id),
            genre=genre,
            record=record,
            position=position,
            fingerprint=fingerprint(self.shape.form.values_of(record)),
            own=self.shape.own(record, genre),
        )

    def _update(self, changed: list[NewRow[R]]) -> None:
        if not changed:
            return
        pks = [row.pk for row in changed]
        written = (*_WRITTEN, *self.shape.columns)
        self.undo.rows(self.shape.offered, pks, ("pk", *_KEYS, *written))
        columns = (*written, *_KEYS, "id")
        bulk.upsert(self.shape.offered, columns, [(*self._values(row), row.pk) for row in changed], update=written)
        self._births.follow(pks)

    def _insert(self, born: list[NewRow[R]]) -> None:
        if not born:
            return
        for row, pk in zip(born, bulk.fresh_keys(self.shape.offered, len(born)), strict=True):
            row.pk = pk
        columns = (*_WRITTEN, *self.shape.columns, *_KEYS, "id")
        bulk.insert(self.shape.offered, columns, [(*self._values(row), row.pk) for row in born])
        shown = self._births.give(born)
        self.undo.births(self.shape, [row.pk for row in born], shown)
        self.counts["new"] += len(born)

    def _values(self, row: NewRow[R]) -> tuple[Any, ...]:
        """The row in the order of _WRITTEN, the shape's own columns, _KEYS."""
        record = row.record
        return (
            row.provider_id,
            row.name,
            row.genre.pk if row.genre else None,
            storable.text(self.shape.cmd(record)),
            bulk.prepared(storable.json_value(dict(record.provider_data))),
            bulk.prepared(list(record.offered_to)),
            row.position,
            row.fingerprint,
            None,
            *row.own,
            self.portal.pk,
            self._now,
        )

    def _mark_gone(self) -> None:
        for pks in slices(self.plan.gone, self.shape.batch):
            with transaction.atomic():
                self.undo.gone(self.shape.offered, pks)
                gone = self._rows.filter(pk__in=pks, stale_since__isnull=True)
                self.counts["gone"] += gone.update(stale_since=self.now)
                self._births.follow(pks)


def mirror_genres(
    portal: Portal,
    kind: GenreKind,
    records: Iterable[GenreRecord],
    now: datetime,
    meet: Callable[[Sequence[Genre]], None],
) -> dict[str, Genre]:
    """The portal's genres of a kind as rows, by the portal's own id; genres it no longer names go stale.

    `meet` is told those that appear for the first time beside known ones, before anything is sorted into them.
    """
    rows = [
        Genre(
            portal=portal,
            kind=kind,
            provider_id=storable.text(record.provider_id, 200),
            name=storable.text(record.name, 300) or storable.text(f"Genre {record.provider_id}", 300),
            censored=record.censored,
            position=position,
        )
        for position, record in enumerate({storable.text(r.provider_id, 200): r for r in records}.values())
    ]
    stored = Genre.objects.filter(portal=portal, kind=kind)
    with transaction.atomic():
        known = set(stored.values_list("provider_id", flat=True))
        for start in range(0, len(rows), PIECE):
            Genre.objects.bulk_create(
                rows[start : start + PIECE],
                update_conflicts=True,
                unique_fields=["portal", "kind", "provider_id"],
                update_fields=["name", "censored", "position", "stale_since"],
            )
        named = {row.provider_id for row in rows}
        vanished = [
            pk for pk, i in stored.filter(stale_since__isnull=True).values_list("pk", "provider_id") if i not in named
        ]
        for pks in slices(vanished):
            stored.filter(pk__in=pks).update(stale_since=now)
        genres = {genre.provider_id: genre for genre in stored}
        if known and (new := [genre for i, genre in genres.items() if i not in known]):
            meet(new)
    return genres


def numbered(spool: Spool[R]) -> Iterable[list[tuple[int, R]]]:
    """The spool's pieces, each record with its place in the list."""
    position = 0
    for piece in spool.pieces():
        yield list(enumerate(piece, position))
        position += len(piece)


def batched(records: Sequence[tuple[int, R]], size: int) -> Iterable[Sequence[tuple[int, R]]]:
    """Pieces of a list in memory."""
    return (records[start : start + size] for start in range(0, len(records), size))


def slices(keys: Sequence[K], size: int = PIECE) -> Iterable[Sequence[K]]:
    """Pieces small enough for one statement."""
    return (keys[start : start + size] for start in range(0, len(keys), size))
