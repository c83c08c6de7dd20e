"""Writes a plan: short transactions of one piece each, so that readers never wait and a killed run runs again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from channels.mirror.births import Births
from channels.mirror.plan import Plan, stored_name
from channels.mirror.spool import PIECE, Spool
from channels.mirror.undo import UndoLog
from channels.models import Stream
from portals.models import Genre, Portal
from portals.models.genre import GenreKind
from portals.providers.records import GenreRecord, StreamRecord
from portals.runs import Progress
from restreamer.lib import storable

#: Columns a refresh writes, in the order they enter the fingerprint.
UPSTREAM = (
    "name",
    "number",
    "genre_id",
    "logo",
    "guide_id",
    "cmd",
    "is_radio",
    "censored",
    "subscribed",
    "archive_hours",
    "provider_data",
    "offered_to",
)
_WRITTEN = [
    *(c.removesuffix("_id") if c == "genre_id" else c for c in UPSTREAM),
    "provider_id",
    "fingerprint",
    "position",
    "stale_since",
]


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
        self._position = 0

    def apply(self, spool: Spool, progress: Progress) -> dict[str, int]:
        """Insert, update, revive, and mark what is no longer offered; returns the counts."""
        self._genres = mirror_genres(self.portal, spool.genres, self.now)
        self._clear_ids()
        for piece in spool.pieces():
            with transaction.atomic():
                self._write(piece)
            self._position += len(piece)
            progress(self._position, spool.count)
        self._mark_gone()
        self.counts["total"] = spool.count
        return self.counts

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

    def _write(self, piece: Sequence[StreamRecord]) -> None:
        ids = [storable.text(record.provider_id, 200) for record in piece]
        known = self._known(ids)
        born: list[Stream] = []
        changed: list[Stream] = []
        for offset, (provider_id, record) in enumerate(zip(ids, piece, strict=True)):
            fresh = self._row(provider_id, record, self._position + offset)
            pk, print_before, was_stale = known.get(provider_id, (None, "", False))
            if pk is None:
                born.append(fresh)
            elif print_before != fresh.fingerprint or was_stale:
                self.counts["back" if was_stale else "changed"] += 1
                fresh.pk = pk
                changed.append(fresh)
            else:
                self.counts["unchanged"] += 1
        self._update(changed)
        self._insert(born)

    def _known(self, ids: Sequence[str]) -> dict[str, tuple[int, str, bool]]:
        """Rows of these record ids: pk, fingerprint, stale."""
        assigned = {self.plan.assigned[i]: i for i in ids if i in self.plan.assigned}
        rows = Stream.objects.filter(portal=self.portal)
        columns = ("provider_id", "pk", "fingerprint", "stale_since")
        known = {
            provider_id: (pk, print_before, stale is not None)
            for provider_id, pk, print_before, stale in rows.filter(provider_id__in=ids).values_list(*columns)
        }
        if assigned:
            for _, pk, _, stale in rows.filter(pk__in=assigned).values_list(*columns):
                known[assigned[pk]] = (pk, "", stale is not None)
        return known

    def _row(self, provider_id: str, record: StreamRecord, position: int) -> Stream:
        genre = self._genres.get(record.genre_id)
        row = Stream(
            portal=self.portal,
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
            provider_data=storable.json_value(dict(record.provider_data)),
            offered_to=list(record.offered_to),
            position=position,
        )
        row.fingerprint = fingerprint(row)
        return row

    def _update(self, changed: list[Stream]) -> None:
        if not changed:
            return
        self.undo.rows(Stream.objects.filter(pk__in=[row.pk for row in changed]))
        # An upsert by primary key is one plain statement; bulk_update would build a CASE per cell.
        Stream.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=_WRITTEN)

    def _insert(self, born: list[Stream]) -> None:
        if not born:
            return
        Stream.objects.bulk_create(born)
        self.undo.births([row.pk for row in born], self._births.give(born))
        self.counts["new"] += len(born)

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


def fingerprint(stream: Stream) -> str:
    """40 hex digits over the upstream columns: equal = nothing to write."""
    values = [getattr(stream, column) for column in UPSTREAM]
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _slices(pks: Sequence[int]) -> Iterable[Sequence[int]]:
    return (pks[start : start + PIECE] for start in range(0, len(pks), PIECE))
