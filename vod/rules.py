"""Include and exclude rules of a portal's movies and series. Pure but for the preview."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from portals.models import Portal
from portals.models.genre import GenreKind
from portals.providers.titles import year_in
from portals.providers.vod_records import MovieRecord, SeriesRecord
from portals.rules import Preview, RuleSet
from vod.models import MovieOffer, SeriesOffer, TitleRule

R = TypeVar("R", MovieRecord, SeriesRecord)


@dataclass(frozen=True, slots=True)
class Item:
    """What rules look at."""

    name: str
    category: str
    year: str
    kind: str


def filtered(rules: RuleSet, records: Iterable[R], kind: GenreKind, categories: dict[str, str]) -> Iterator[R]:
    """The records that are wanted; an item in several categories has the names of all of them."""
    for record in records:
        category = ", ".join(categories[one] for one in record.category_ids if one in categories)
        year = record.about.year or year_in(record.name) or ""
        if rules.takes(Item(record.name, category, str(year), kind)):
            yield record


def preview(portal: Portal, rules: Iterable[TitleRule]) -> Preview:
    """Try rules on the portal's stored offers; what earlier rules left out is not stored and so not seen."""
    rule_set, found = RuleSet(rules), Preview()
    for kind, model in ((GenreKind.MOVIE, MovieOffer), (GenreKind.SERIES, SeriesOffer)):
        names = dict(portal.genres.filter(kind=kind).values_list("provider_id", "name"))
        offers = model._default_manager.filter(portal=portal, stale_since__isnull=True).order_by("position", "id")
        for name, categories, year in offers.values_list("name", "category_ids", "year").iterator():
            category = ", ".join(names[one] for one in categories if one in names)
            found.add(name, wanted=rule_set.takes(Item(name, category, str(year or ""), kind)))
    return found
