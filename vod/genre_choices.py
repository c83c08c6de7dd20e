"""What is chosen about the categories of movies and series: their maps, and whether what is there is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.urls import reverse

from portals.genre_choices import Facts, Wish
from portals.models import Genre
from portals.models.genre import GenreKind
from vod.models import Category, CategoryMap, Movie, MovieOffer, Series, SeriesOffer

_WRITTEN = ("ignored", "show", "category")
_AT_ONCE = 5000


class TitleGenres:
    """Categories of movies, or of series (portals.genre_choices.GenreRoom)."""

    def __init__(self, kind: GenreKind, right: str) -> None:
        self.kinds = frozenset({str(kind)})
        self.rights: tuple[str, ...] = ("vod.change_categorymap", right)
        self._kind = kind
        self._titles: Any = (Movie if kind == GenreKind.MOVIE else Series)._default_manager
        self._offers: Any = (MovieOffer if kind == GenreKind.MOVIE else SeriesOffer)._default_manager

    def facts(self, genres: Sequence[int]) -> Mapping[int, Facts]:
        """Maps and counts in two queries."""
        maps = {row.genre_id: row for row in CategoryMap.objects.filter(genre__in=genres).select_related("category")}
        listed = self._offers.filter(genre__in=genres, stale_since__isnull=True).order_by().values("genre")
        shown = Count("pk", filter=Q(**{f"{self._kind}__enabled": True}))
        counted = listed.annotate(entries=Count("pk"), shown=shown)
        counts = {row["genre"]: (row["entries"], row["shown"]) for row in counted}
        return {pk: _facts(maps.get(pk), counts.get(pk, (0, 0))) for pk in genres}

    def left_out(self) -> Q:
        """By their maps."""
        return Q(category_map__ignored=True, kind__in=self.kinds)

    @transaction.atomic
    def choose(self, genres: Sequence[int], wish: Wish) -> Any:
        """The maps, then the titles that are there."""
        maps = {row.genre_id: row for row in CategoryMap.objects.filter(genre__in=genres).select_related("category")}
        before = [[pk, _values(maps.get(pk))] for pk in genres]
        category = None
        if wish.group:
            category, _ = Category.objects.get_or_create(kind=self._kind, name=wish.group[:200])
        rows = []
        for pk in genres:
            now = maps.get(pk) or CategoryMap()
            row = CategoryMap(genre_id=pk, show=wish.show or now.show)
            row.ignored = now.ignored if wish.taken is None else not wish.taken
            row.category = now.category if wish.group is None else category
            rows.append(row)
        _write(rows)
        switched: list[list[Any]] = []
        if wish.entries is not None:
            listed = self._offers.filter(genre__in=genres, stale_since__isnull=True)
            titles = self._titles.filter(pk__in=listed.values(self._kind)).exclude(enabled=wish.entries)
            switched = [[pk, curated] for pk, curated in titles.order_by().values_list("pk", "curated")]
            self._switch([pk for pk, _ in switched], enabled=wish.entries, curated=True)
        return {"maps": before, "enabled": wish.entries, "switched": switched}

    @transaction.atomic
    def take_back(self, before: Any) -> None:
        """A map that was not there stays, as each refresh makes one; it says nothing."""
        categories = set(Category.objects.values_list("pk", flat=True))
        present = set(Genre.objects.filter(pk__in=[pk for pk, _ in before["maps"]]).values_list("pk", flat=True))
        rows = []
        for pk, values in before["maps"]:
            ignored, show, category = values or (False, CategoryMap.Show.PORTAL, None)
            category = category if category in categories else None
            if pk in present:
                rows.append(CategoryMap(genre_id=pk, ignored=ignored, show=show, category_id=category))
        _write(rows)
        for curated in (True, False):
            titles = [pk for pk, was in before["switched"] if was == curated]
            self._switch(titles, enabled=not before["enabled"], curated=curated)

    def settled(self) -> None:
        """Nothing waits for it."""

    def _switch(self, titles: Sequence[int], *, enabled: bool, curated: bool) -> None:
        for start in range(0, len(titles), _AT_ONCE):
            self._titles.filter(pk__in=titles[start : start + _AT_ONCE]).update(enabled=enabled, curated=curated)


def _write(rows: list[CategoryMap]) -> None:
    """Over those that are there."""
    CategoryMap.objects.bulk_create(rows, update_conflicts=True, unique_fields=["genre"], update_fields=_WRITTEN)


def _values(row: CategoryMap | None) -> list[Any] | None:
    return [row.ignored, row.show, row.category_id] if row else None


def _facts(row: CategoryMap | None, counts: tuple[int, int]) -> Facts:
    page = reverse("admin:vod_categorymap_change", args=[row.pk]) if row else ""
    row = row or CategoryMap()
    group = row.category.name if row.category else ""
    return Facts(not row.ignored, row.show, group, "", *counts, page)
