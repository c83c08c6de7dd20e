"""Mirrors what a portal offers: fetch everything, then write the differences in batches.

Nothing is written before the whole list has arrived, so an empty, broken or half list leaves the catalogue as it
was. Each batch is its own short transaction: readers never wait, and a run killed half-way can simply run again.
Only upstream columns are written (`Stream`, `Genre`); a `Channel` is born once by copying and is a curator's after.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.utils import timezone

from channels.models import Channel, ChannelStream, Group, Stream
from portals.errors import CatalogueIncomplete
from portals.models import Genre, Portal, PublicIdCounter, Run
from portals.models.genre import GenreKind
from portals.providers.records import GenreRecord, StreamRecord
from portals.providers.registry import provider_for
from portals.runs import Progress
from restreamer.lib import storable

BATCH = 1000

#: Columns a refresh writes, in the order they enter the fingerprint.
_UPSTREAM = (
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
)


def refresh_live(run: Run, progress: Progress) -> None:
    """Refresh the live channels of the run's portal; the counts go to `progress.counts`.

    Raises PortalError; then nothing was changed.
    """
    portal = run.portal
    if portal is None:
        raise CatalogueIncomplete("The portal of this run was deleted.")
    provider = provider_for(portal)
    progress.step("reading the genres")
    genres = provider.live_genres()
    progress.step("reading the channels")
    records = _unique(provider.live_streams(progress))
    if not records:
        raise CatalogueIncomplete(
            "The portal sent an empty channel list. What was stored before stays as it is; "
            "test the portal to see whether the subscription still works."
        )
    progress.step("storing the channels")
    counts = LiveMirror(portal, genres).apply(records, progress)
    progress.counts.update(counts)
    Portal.objects.filter(pk=portal.pk).update(refreshed_at=timezone.now())


class LiveMirror:
    """Writes one portal's records over its rows."""

    def __init__(self, portal: Portal, genres: Sequence[GenreRecord]) -> None:
        self.portal = portal
        self.now = timezone.now()
        self.counts = {"total": 0, "new": 0, "changed": 0, "unchanged": 0, "gone": 0, "back": 0}
        self._genres = self._mirror_genres(genres)
        self._groups: dict[str, Group] = {}

    def apply(self, records: Sequence[StreamRecord], progress: Progress) -> dict[str, int]:
        """Insert, update, revive, and mark what is no longer offered."""
        seen: set[int] = set()
        for start in range(0, len(records), BATCH):
            batch = records[start : start + BATCH]
            with transaction.atomic():
                seen |= self._write(batch, start)
            progress(start + len(batch), len(records))
        self._mark_stale(seen)
        self.counts["total"] = len(records)
        return self.counts

    def _write(self, batch: Sequence[StreamRecord], position: int) -> set[int]:
        rows = {
            row.provider_id: row
            for row in Stream.objects.filter(portal=self.portal, provider_id__in=[r.provider_id for r in batch])
        }
        born: list[Stream] = []
        changed: list[Stream] = []
        for offset, record in enumerate(batch):
            row = rows.get(record.provider_id)
            fresh = self._row(record, position + offset)
            if row is None:
                born.append(fresh)
            elif row.fingerprint != fresh.fingerprint or row.stale_since is not None:
                self.counts["back" if row.stale_since else "changed"] += 1
                changed.append(fresh)
            else:
                self.counts["unchanged"] += 1
        if changed:
            # An upsert by (portal, provider id) is one plain statement; bulk_update would build a CASE per cell.
            Stream.objects.bulk_create(
                changed,
                update_conflicts=True,
                unique_fields=["portal", "provider_id"],
                update_fields=[*_UPSTREAM, "fingerprint", "position", "stale_since"],
            )
        self._give_birth(born)
        return {row.pk for row in rows.values()} | {row.pk for row in born}

    def _row(self, record: StreamRecord, position: int) -> Stream:
        genre = self._genres.get(record.genre_id)
        row = Stream(
            portal=self.portal,
            provider_id=record.provider_id,
            name=storable.text(record.name, 500) or f"Channel {record.provider_id}"[:500],
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

    def _give_birth(self, born: list[Stream]) -> None:
        """Insert new streams, each with its channel."""
        if not born:
            return
        Stream.objects.bulk_create(born, batch_size=BATCH)
        ids = PublicIdCounter.take(len(born))
        channels = [self._channel(public_id, stream) for public_id, stream in zip(ids, born, strict=True)]
        Channel.objects.bulk_create(channels, batch_size=BATCH)
        ChannelStream.objects.bulk_create(
            [ChannelStream(channel=c, stream=s) for c, s in zip(channels, born, strict=True)], batch_size=BATCH
        )
        self.counts["new"] += len(born)

    def _channel(self, public_id: int, stream: Stream) -> Channel:
        return Channel(
            id=public_id,
            name=stream.name,
            number=as_number(stream.number),
            group=self._group(stream.genre.name) if stream.genre else None,
            logo=stream.logo,
            guide_id=stream.guide_id,
            enabled=self.portal.enable_new and stream.subscribed,
            is_radio=stream.is_radio,
            adult=stream.censored,
        )

    def _group(self, name: str) -> Group:
        if name not in self._groups:
            self._groups[name], _ = Group.objects.get_or_create(name=name[:200])
        return self._groups[name]

    def _mirror_genres(self, records: Sequence[GenreRecord]) -> dict[str, Genre]:
        rows = [
            Genre(
                portal=self.portal,
                kind=GenreKind.LIVE,
                provider_id=record.provider_id,
                name=storable.text(record.name, 300) or f"Genre {record.provider_id}",
                censored=record.censored,
                position=position,
                stale_since=None,
            )
            for position, record in enumerate({r.provider_id: r for r in records}.values())
        ]
        live = Genre.objects.filter(portal=self.portal, kind=GenreKind.LIVE)
        with transaction.atomic():
            Genre.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["portal", "kind", "provider_id"],
                update_fields=["name", "censored", "position", "stale_since"],
            )
            live.exclude(provider_id__in=[row.provider_id for row in rows]).filter(stale_since__isnull=True).update(
                stale_since=self.now
            )
        return {genre.provider_id: genre for genre in live}

    def _mark_stale(self, seen: set[int]) -> None:
        offered = Stream.objects.filter(portal=self.portal, stale_since__isnull=True).values_list("pk", flat=True)
        gone = [pk for pk in offered.iterator(chunk_size=5000) if pk not in seen]
        for start in range(0, len(gone), BATCH):
            Stream.objects.filter(pk__in=gone[start : start + BATCH]).update(stale_since=self.now)
        self.counts["gone"] = len(gone)


def fingerprint(stream: Stream) -> str:
    """40 hex digits over the upstream columns: equal = nothing to write."""
    values = [stream.genre_id if column == "genre" else getattr(stream, column) for column in _UPSTREAM]
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def as_number(text: str) -> Decimal | None:
    """The portal's channel number, when it is one a player can show (1 to 999,999, at most two decimals)."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 < number < 1_000_000:
        return None
    return number.quantize(Decimal("0.01"))


def _unique(records: Iterator[StreamRecord]) -> list[StreamRecord]:
    """The records with each provider id once: the last one wins, at the place of the first."""
    by_id: dict[str, StreamRecord] = {}
    for record in records:
        # A row is found again by its id, so the id must be what the database will hold.
        provider_id = storable.text(record.provider_id, 200)
        if provider_id != record.provider_id:
            record = replace(record, provider_id=provider_id)
        by_id[provider_id] = record
    return list(by_id.values())
