"""Stores the episodes of series: which record is which row, and which episode it feeds.

A portal's episode is found by the portal's id; where that is new, by season and number among the episodes of the
series that no other record of the same portal feeds. So an episode keeps its public id when a portal renumbers its
ids, and two portals' episodes are one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils import timezone

from portals import bulk
from portals.mirror.spool import plain
from portals.models import IdStock, Portal
from portals.providers.vod_records import EpisodeRecord, SeriesDetails
from restreamer.lib import storable
from vod.models import Episode, EpisodeOffer, Season, SeriesOffer
from vod.settling import settle_episodes, slices
from vod.shapes import told

#: Written in one transaction: others who write wait for its end.
_BATCH = 250
_HIGHEST_NUMBER = 10**6
_TOLD = ("year", "rating", "poster", "plot", "cast", "director", "genres", "duration_s", "tmdb_id", "imdb_id", "more")
_WRITTEN = (
    "name", "season", "number", "cmd", "container", "added_at", "provider_data", "offered_to", "fingerprint",
    "stale_since", *_TOLD,
)  # fmt: skip
_KEYS = ("series_offer", "provider_id")
_EPISODE = ("id", "curated", "custom_name", "enabled", "name", "created_at", "series", "season", "number")
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=plain).encode
_values_of = attrgetter(*(field.name for field in fields(EpisodeRecord)))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where records of one series of the portal go."""

    offer_id: int
    series_id: int


@dataclass(slots=True)
class _Item:
    place: _Place
    record: EpisodeRecord
    provider_id: str
    fingerprint: str
    pk: int = 0
    episode_id: int = 0

    @property
    def spot(self) -> tuple[int, int, int]:
        return (self.place.series_id, _bounded(self.record.season), _bounded(self.record.number))


def store_details(offer: SeriesOffer, details: SeriesDetails) -> int:
    """The seasons and episodes of one series; those no longer told go stale. Returns how many there are."""
    if offer.series_id is None:
        return 0
    place = _Place(offer.pk, offer.series_id)
    with transaction.atomic():
        for season in details.seasons:
            about = told(season.about)
            Season.objects.update_or_create(
                series_id=place.series_id,
                number=_bounded(season.number),
                defaults={
                    "name": storable.text(season.name, 300),
                    "plot": about["plot"],
                    "poster": about["poster"],
                    "released_on": season.about.released_on,
                },
            )
        seen = _store([(place, record) for record in details.episodes], IdStock())
        _mark_gone(EpisodeOffer.objects.filter(series_offer=offer), seen)
    return len(seen)


def store_listed(portal: Portal, records: Iterable[EpisodeRecord]) -> int:
    """The episodes of a whole portal, from a list of all; those no longer listed go stale. Returns how many."""
    places = {
        provider_id: _Place(pk, series_id)
        for provider_id, pk, series_id in SeriesOffer.objects.filter(
            portal=portal, series__isnull=False, stale_since__isnull=True
        ).values_list("provider_id", "pk", "series_id")
    }
    seen: set[int] = set()
    ids = IdStock()
    source = iter(records)
    while batch := list(islice(source, _BATCH)):
        placed = [(places[r.series_id], r) for r in batch if r.series_id in places]
        seen |= _store(placed, ids)
    if seen:
        with transaction.atomic():
            _mark_gone(EpisodeOffer.objects.filter(series_offer__portal=portal), seen)
            now = timezone.now()
            SeriesOffer.objects.filter(portal=portal, stale_since__isnull=True).update(details_at=now)
    return len(seen)


def _store(placed: Sequence[tuple[_Place, EpisodeRecord]], ids: IdStock) -> set[int]:
    """One batch, in a constant number of statements; returns the keys of its rows."""
    items = list(_distinct(placed))
    if not items:
        return set()
    known = _known(items)
    changed, born = [], []
    for item in items:
        row = known.get((item.place.offer_id, item.provider_id))
        if row is None:
            born.append(item)
            continue
        item.pk, item.episode_id = row[0], row[1] or 0
        if row[2] != item.fingerprint or row[3] is not None or not item.episode_id:
            changed.append(item)
    homeless = [item for item in [*changed, *born] if not item.episode_id]
    ids.reserve(len(homeless))
    with transaction.atomic():
        _update(changed)
        _insert(born)
        _give_episodes(homeless, {(item.place.offer_id, item.episode_id) for item in items if item.episode_id}, ids)
        settle_episodes(item.episode_id for item in [*changed, *born])
    return {item.pk for item in items}


def _distinct(placed: Sequence[tuple[_Place, EpisodeRecord]]) -> Iterator[_Item]:
    seen = set()
    for place, record in placed:
        provider_id = storable.text(record.provider_id, 200)
        if (place.offer_id, provider_id) not in seen:
            seen.add((place.offer_id, provider_id))
            digest = hashlib.sha1(_encode(_values_of(record)).encode("utf-8", "replace"), usedforsecurity=False)
            yield _Item(place, record, provider_id, digest.hexdigest())


def _known(items: Sequence[_Item]) -> dict[tuple[int, str], tuple[int, int | None, str, Any]]:
    rows = EpisodeOffer.objects.filter(
        series_offer__in={item.place.offer_id for item in items}, provider_id__in={item.provider_id for item in items}
    ).values_list("series_offer_id", "provider_id", "pk", "episode_id", "fingerprint", "stale_since")
    return {(offer, provider_id): (pk, episode, mark, stale) for offer, provider_id, pk, episode, mark, stale in rows}


def _update(changed: Sequence[_Item]) -> None:
    if changed:
        columns = (*_WRITTEN, *_KEYS, "id")
        bulk.upsert(EpisodeOffer, columns, [(*_values(item), item.pk) for item in changed], update=_WRITTEN)


def _insert(born: Sequence[_Item]) -> None:
    if born:
        bulk.insert(EpisodeOffer, (*_WRITTEN, *_KEYS), [_values(item) for item in born])
        keys = _known(born)
        for item in born:
            item.pk = keys[item.place.offer_id, item.provider_id][0]


def _values(item: _Item) -> tuple[Any, ...]:
    record, about = item.record, told(item.record.about)
    about["more"] = bulk.prepared(about["more"])
    return (
        storable.text(record.name, 500) or f"Episode {record.number}",
        _bounded(record.season),
        _bounded(record.number),
        storable.text(record.cmd),
        storable.text(record.container, 10),
        bulk.prepared(record.added_at) if record.added_at else None,
        bulk.prepared(storable.json_value(dict(record.provider_data))),
        bulk.prepared(list(record.offered_to)),
        item.fingerprint,
        None,
        *(about[name] for name in _TOLD),
        item.place.offer_id,
        item.provider_id,
    )


def _give_episodes(items: Sequence[_Item], claimed: set[tuple[int, int]], ids: IdStock) -> None:
    """An episode for each row that feeds none. `claimed`: (offer, episode) pairs of the batch's other records."""
    if not items:
        return
    spots = _spots(items)
    seasons = _seasons({item.spot[:2] for item in items})
    now = bulk.prepared(timezone.now())
    new = []
    for item in items:
        here = spots.setdefault(item.spot, [])
        offer_id = item.place.offer_id
        item.episode_id = next((pk for pk in here if (offer_id, pk) not in claimed), 0)
        if not item.episode_id:
            item.episode_id = ids.take()
            series_id, season, number = item.spot
            name = storable.text(item.record.name, 500) or f"Episode {number}"
            new.append((item.episode_id, False, "", True, name, now, series_id, seasons[series_id, season], number))
            here.append(item.episode_id)
        claimed.add((offer_id, item.episode_id))
    bulk.insert(Episode, _EPISODE, new)
    bulk.assign(EpisodeOffer, "episode", [(item.episode_id, item.pk) for item in items])


def _spots(items: Sequence[_Item]) -> dict[tuple[int, int, int], list[int]]:
    """The episodes that stand at (series, season, number), oldest first."""
    rows = Episode.objects.filter(series__in={item.place.series_id for item in items})
    found: dict[tuple[int, int, int], list[int]] = {}
    for pk, *spot in rows.order_by("pk").values_list("pk", "series_id", "season__number", "number"):
        found.setdefault((spot[0], spot[1], spot[2]), []).append(pk)
    return found


def _seasons(wanted: set[tuple[int, ...]]) -> dict[tuple[int, ...], int]:
    """The season rows of (series, number), made where they are missing."""
    series = {pair[0] for pair in wanted}
    rows = Season.objects.filter(series__in=series)
    found: dict[tuple[int, ...], int] = {(s, n): pk for pk, s, n in rows.values_list("pk", "series_id", "number")}
    missing = [Season(series_id=pair[0], number=pair[1]) for pair in wanted if pair not in found]
    if missing:
        Season.objects.bulk_create(missing, ignore_conflicts=True, batch_size=500)
        found = {(s, n): pk for pk, s, n in rows.values_list("pk", "series_id", "number")}
    return found


def _mark_gone(rows: Any, seen: set[int]) -> None:
    offered = rows.filter(stale_since__isnull=True).values_list("pk", "episode_id")
    gone = [(pk, episode) for pk, episode in offered.iterator(chunk_size=5000) if pk not in seen]
    for piece in slices(gone):
        EpisodeOffer.objects.filter(pk__in=[pk for pk, _ in piece]).update(stale_since=timezone.now())
        settle_episodes(episode for _, episode in piece if episode)


def _bounded(number: int) -> int:
    return min(max(number, 0), _HIGHEST_NUMBER)
