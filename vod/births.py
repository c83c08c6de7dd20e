"""A title is born with its first offer; an offer another portal's title fits joins that one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.utils import timezone

from portals import bulk, new_genres
from portals.mirror.shape import NewRow
from portals.models import Genre, IdStock, Portal
from portals.providers.vod_records import MovieRecord, SeriesRecord
from vod import settling
from vod.models import Category, CategoryMap
from vod.same import Register, Signs, language_of
from vod.settling import TitleModel, search_text

R = TypeVar("R", MovieRecord, SeriesRecord)

_TITLE = (
    "id", "name", "custom_name", "enabled", "curated", "category", "adult", "year", "search_text", "lead", "created_at",
)  # fmt: skip


class Births(Generic[R]):
    """Gives new offers of one portal the titles they feed."""

    def __init__(self, portal: Portal, shown: TitleModel, *, year_needed: bool) -> None:
        self.portal = portal
        self.report: dict[str, list[list[str]]] = {}
        self._shown = shown
        self._year_needed = year_needed
        self._ids = IdStock()
        related = shown._meta.get_field("offers")
        self._offers: Any = related.related_model
        self._field: str = related.remote_field.name
        self._categories: dict[str, int] | None = None
        self._maps = {row.genre_id: row for row in CategoryMap.objects.filter(genre__portal=portal)}

    def meet(self, genres: Sequence[Genre]) -> None:
        """Write down what the owner wants of categories that appear."""
        said = new_genres.in_its_map(self.portal, genres[0].kind)
        if not said:
            return
        rows = [CategoryMap(genre=genre, **said) for genre in genres]
        CategoryMap.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
        self._maps.update({row.genre_id: row for row in rows})

    def reserve(self, count: int) -> None:
        """At most so many titles come next."""
        self._ids.reserve(count)

    def give(self, born: Sequence[NewRow[R]]) -> list[int]:
        """A title for each offer, an old one where it fits; returns the public ids of the new ones."""
        rows = [(row, self._signs(row)) for row in born]
        register = self._register([signs for _, signs in rows])
        placed: list[tuple[int, int]] = []
        new: dict[int, NewRow[R]] = {}
        for row, signs in rows:
            title_id = register.find(signs)
            if title_id is None:
                title_id = self._ids.take()
                new[title_id] = row
            register.add(title_id, signs)
            placed.append((title_id, row.pk))
        now = bulk.prepared(timezone.now())
        bulk.insert(self._shown, _TITLE, [self._title(i, row, now) for i, row in new.items()])
        bulk.assign(self._offers, self._field, placed)
        settling.settle(self._shown, [title_id for title_id, _ in placed if title_id not in new])
        return list(new)

    def follow(self, pks: Sequence[int]) -> None:
        """The titles these offers feed are named and described anew."""
        titles = self._offers._default_manager.filter(pk__in=pks).values_list(f"{self._field}_id", flat=True)
        settling.settle(self._shown, [pk for pk in titles if pk is not None])

    def _signs(self, row: NewRow[R]) -> Signs:
        own = row.own
        return Signs(self.portal.pk, own[0], own[1], own[2], language_of(row.name))

    def _register(self, wanted: Sequence[Signs]) -> Register:
        """The titles any of these could be."""
        register = Register()
        for column in ("tmdb_id", "imdb_id", "title_key"):
            values = {getattr(signs, column) for signs in wanted} - {""}
            if not values:
                continue
            offers = self._offers._default_manager.filter(
                **{f"{column}__in": values, f"{self._field}__isnull": False}
            ).values_list(f"{self._field}_id", "portal_id", "tmdb_id", "imdb_id", "title_key", "name")
            for title_id, portal_id, tmdb, imdb, key, name in offers:
                register.add(title_id, Signs(portal_id, tmdb, imdb, key, language_of(name)))
        return register

    def _title(self, public_id: int, row: NewRow[R], now: Any) -> tuple[Any, ...]:
        about = row.record.about
        names = {"original_name": about.original_name}
        return (
            public_id,
            row.name,
            "",
            self._is_shown(row.genre),
            False,
            self._category_of(row.genre),
            row.censored,
            about.year,
            search_text("", row.name, about.year, names),
            row.pk,
            now,
        )

    def _is_shown(self, genre: Genre | None) -> bool:
        rules = self._maps.get(genre.pk) if genre else None
        if rules is None or rules.show == CategoryMap.Show.PORTAL:
            return self.portal.enable_new_vod
        return bool(rules.show == CategoryMap.Show.YES)

    def _category_of(self, genre: Genre | None) -> int | None:
        if genre is None:
            return None
        rules = self._maps.get(genre.pk)
        if rules is not None and rules.category_id is not None:
            return rules.category_id
        name = genre.name[:200]
        if self._categories is None:
            self._categories = dict(Category.objects.filter(kind=genre.kind).values_list("name", "pk"))
        if name not in self._categories:
            self._categories[name] = Category.objects.get_or_create(kind=genre.kind, name=name)[0].pk
        return self._categories[name]
