"""What of a title follows from its offers: which offer it is named after, its name, its year, what searching reads.

Computed anew whenever offers change, so that it never drifts; a curator's columns are read here and never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db.models import F, OuterRef, Subquery

from portals import bulk
from vod import search
from vod.models import Episode, EpisodeOffer, Movie, Season, Series

_SLICE = 1000
_DERIVED = ("name", "year", "search_text")

TitleModel = type[Movie] | type[Series]
K = TypeVar("K")


def settle(model: TitleModel, ids: Iterable[int]) -> None:
    """Bring these titles in step with their offers, in a constant number of statements per thousand."""
    for pks in slices(list(dict.fromkeys(ids))):
        _elect(model, pks)
        columns = ("pk", "custom_name", *_DERIVED, "lead__name", "lead__year", "lead__more")
        changed = []
        for pk, custom, name, year, text, offer, offer_year, more in model._default_manager.filter(
            pk__in=pks, lead__isnull=False
        ).values_list(*columns):
            fresh = (offer, offer_year, search_text(custom, offer, offer_year, more))
            if fresh != (name, year, text):
                changed.append((*fresh, pk))
        if changed:
            bulk.assign(model, _DERIVED, changed)


def settle_episodes(ids: Iterable[int]) -> None:
    """Bring these episodes in step with their offers: name and number."""
    for pks in slices(list(dict.fromkeys(ids))):
        first = EpisodeOffer.objects.filter(episode=OuterRef("pk")).order_by(
            F("stale_since").desc(nulls_first=True), "series_offer__rank", "series_offer__portal__priority", "id"
        )
        Episode.objects.filter(pk__in=pks).update(lead=Subquery(first.values("pk")[:1]))
        rows = Episode.objects.filter(pk__in=pks, lead__isnull=False)
        columns = ("pk", "name", "number", "season_id", "season__number", "series_id")
        changed = []
        for pk, name, number, season_id, season, series_id, *told in rows.values_list(
            *columns, "lead__name", "lead__number", "lead__season"
        ):
            if (name, number, season) != tuple(told):
                if season != told[2]:
                    season_id = Season.objects.get_or_create(series_id=series_id, number=told[2])[0].pk
                changed.append((told[0], told[1], season_id, pk))
        if changed:
            bulk.assign(Episode, ("name", "number", "season"), changed)


def search_text(custom: str, name: str, year: int | None, more: dict[str, Any]) -> str:
    """All names of a title, the shown one first."""
    return search.text_of([custom, name, str(more.get("original_name", ""))], year)


def _elect(model: TitleModel, pks: Sequence[int]) -> None:
    """The lead: offered before gone, then the curator's rank, the portal's priority, the older."""
    related = model._meta.get_field("offers")
    offers: Any = related.related_model
    first = offers._default_manager.filter(**{related.remote_field.name: OuterRef("pk")}).order_by(
        F("stale_since").desc(nulls_first=True), "rank", "portal__priority", "id"
    )
    model._default_manager.filter(pk__in=pks).update(lead=Subquery(first.values("pk")[:1]))


def slices(pks: Sequence[K]) -> list[Sequence[K]]:
    """Pieces small enough for one statement."""
    return [pks[start : start + _SLICE] for start in range(0, len(pks), _SLICE)]
