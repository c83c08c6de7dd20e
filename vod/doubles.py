"""Titles that turn out to be one once an id becomes known: joined without asking where that is certain.

Each one is a decision under "Merges and splits" that can be taken back, and is not made again then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from django.db.models import Count

from portals.models import Portal
from portals.runs import Progress
from vod import merging
from vod.models import Merge, Movie, MovieOffer, Series, SeriesOffer
from vod.same import language_of
from vod.settling import slices

_EXAMPLES = 200
_NAMES = {"tmdb_id": "TMDB id", "imdb_id": "IMDB id"}


@dataclass(slots=True)
class Known:
    """What the offers of one title say of it."""

    title_id: int
    curated: bool
    languages: set[str] = field(default_factory=set)
    portals: set[int] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    tmdb_ids: set[str] = field(default_factory=set)
    imdb_ids: set[str] = field(default_factory=set)


def certainly_one(one: Known, other: Known) -> bool:
    """Two titles that share an id: is there nothing that speaks against their being one? Pure."""
    if one.languages != other.languages:
        # A portal that lists a title twice, once with a language, means two versions.
        if one.languages != {""} and other.languages != {""}:
            return False
        if one.portals & other.portals:
            return False
    for mine, theirs in ((one.tmdb_ids, other.tmdb_ids), (one.imdb_ids, other.imdb_ids)):
        if mine and theirs and not mine & theirs:
            return False
    return not (one.years and other.years) or any(abs(a - b) <= 1 for a in one.years for b in other.years)


def join_certain(portal: Portal, progress: Progress) -> None:
    """Join what the ids of this portal's offers show to be one; told in `progress`."""
    for shown, offers in ((Movie, MovieOffer), (Series, SeriesOffer)):
        kind = "movie" if shown is Movie else "series"
        for column, name in _NAMES.items():
            decided = _decided(kind)
            for titles in _sharing(offers, kind, column, portal):
                for one, other in combinations(titles, 2):
                    if (one.title_id, other.title_id) in decided or other.curated or not certainly_one(one, other):
                        continue
                    _join(shown, one.title_id, other.title_id, name, progress)


def _join(shown: Any, stays_id: int, goes_id: int, sign: str, progress: Progress) -> None:
    rows = {row.pk: row for row in shown._default_manager.filter(pk__in=[stays_id, goes_id])}
    if len(rows) < 2:  # joined with a third one a moment ago
        return
    names = [rows[goes_id].shown_name, rows[stays_id].shown_name]
    merging.merge(list(rows.values()), f"same {sign}", by_person=False)
    progress.counts["joined"] = done = progress.counts.get("joined", 0) + 1
    examples = progress.report.setdefault("joined", [])
    if len(examples) < _EXAMPLES:
        examples.append(names)
    progress(done, 0)


def _sharing(offers: Any, kind: str, column: str, portal: Portal) -> Iterator[list[Known]]:
    """Titles that share an id which this portal tells too, oldest first; a list per id."""
    told = offers._default_manager.filter(stale_since__isnull=True, **{f"{kind}__isnull": False}).exclude(
        **{column: ""}
    )
    here = told.filter(portal=portal).order_by().values(column)
    shared = told.filter(**{f"{column}__in": here}).order_by().values(column).annotate(n=Count(kind, distinct=True))
    values = list(shared.filter(n__gt=1).values_list(column, flat=True))
    for piece in slices(values):
        yield from _titles(told.filter(**{f"{column}__in": piece}), kind, column)


def _titles(told: Any, kind: str, column: str) -> Iterator[list[Known]]:
    found: dict[str, dict[int, Known]] = defaultdict(dict)
    columns = (f"{kind}_id", f"{kind}__curated", "portal_id", "name", "year", "tmdb_id", "imdb_id", column)
    for title_id, curated, portal_id, name, year, tmdb, imdb, value in told.order_by(f"{kind}_id").values_list(
        *columns
    ):
        known = found[value].setdefault(title_id, Known(title_id, curated))
        known.languages.add(language_of(name))
        known.portals.add(portal_id)
        known.years |= {year} if year else set()
        known.tmdb_ids |= {tmdb} if tmdb else set()
        known.imdb_ids |= {imdb} if imdb else set()
    for titles in found.values():
        yield list(titles.values())


def _decided(kind: str) -> set[tuple[int, int]]:
    """Pairs a person kept apart, or took apart again."""
    rows = Merge.objects.filter(kind=kind, state__in=[Merge.State.APART, Merge.State.UNDONE])
    pairs: Sequence[tuple[int, int]] = list(rows.values_list("stays_id", "goes_id"))
    return {(min(pair), max(pair)) for pair in pairs}
