"""Our categories, and what becomes of the portals' ones."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from portals.models.genre import GenreKind
from vod.models import Category, CategoryMap, Movie, MovieOffer, Series, SeriesOffer


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    """What viewers choose from."""

    empty_hint = "Categories come with a portal's movies and series; they are yours to rename and order."
    list_display = ("name", "kind", "position", "title_count")
    list_editable = ("position",)
    list_filter = ("kind",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        categories: QuerySet[Category] = super().get_queryset(request)
        return categories.annotate(
            movies_total=Count("movie_set", distinct=True), series_total=Count("series_set", distinct=True)
        )

    @display(description="titles")
    def title_count(self, category: Category) -> int:
        """How many stand in it."""
        return category.movies_total + category.series_total  # type: ignore[attr-defined,no-any-return]


@admin.register(CategoryMap)
class CategoryMapAdmin(ModelAdmin):
    """What a portal's category brings: taken or not, shown or hidden, sorted where."""

    list_display = ("genre", "portal", "kind", "title_count", "ignored", "show", "category")
    list_display_links = ("genre",)
    list_editable = ("ignored", "show")
    list_filter = ("genre__portal", "genre__kind", "ignored", "show")
    list_select_related = ("genre__portal", "category")
    list_per_page = 100
    search_fields = ("genre__name",)
    readonly_fields = ("genre",)
    autocomplete_fields = ("category",)
    actions = ("show_all", "hide_all")
    list_before_template = "vod/category_map_hint.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[CategoryMap]:
        maps: QuerySet[CategoryMap] = super().get_queryset(request)
        return maps.annotate(movies_total=_counted(MovieOffer), series_total=_counted(SeriesOffer))

    @display(description="portal", ordering="genre__portal")
    def portal(self, row: CategoryMap) -> str:
        """Whose category it is."""
        return row.genre.portal.name

    @display(description="kind", ordering="genre__kind")
    def kind(self, row: CategoryMap) -> str:
        """Movies or series."""
        return row.genre.get_kind_display()

    @display(description="titles")
    def title_count(self, row: CategoryMap) -> int:
        """How many the portal lists first in it."""
        return row.movies_total + row.series_total  # type: ignore[attr-defined,no-any-return]

    @action(description="Show all titles of these categories, new ones too", permissions=["change"])
    def show_all(self, request: HttpRequest, queryset: QuerySet[CategoryMap]) -> None:
        """Switch everything the portals sort there on."""
        self._switch(request, queryset, enabled=True)

    @action(description="Hide all titles of these categories, new ones too", permissions=["change"])
    def hide_all(self, request: HttpRequest, queryset: QuerySet[CategoryMap]) -> None:
        """Switch everything the portals sort there off."""
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[CategoryMap], *, enabled: bool) -> None:
        rows = list(queryset.select_related("genre"))
        show = CategoryMap.Show.YES if enabled else CategoryMap.Show.NO
        CategoryMap.objects.filter(pk__in=[row.pk for row in rows]).update(show=show)
        changed = 0
        for kind, model in ((GenreKind.MOVIE, Movie), (GenreKind.SERIES, Series)):
            genres = [row.genre_id for row in rows if row.genre.kind == kind]
            titles: Any = model._default_manager.filter(offers__genre__in=genres)
            changed += titles.switch(enabled=enabled) if genres else 0
        word = "shown to viewers" if enabled else "hidden from viewers"
        self.message_user(request, f"{changed} title(s) are now {word}.", messages.SUCCESS)


def _counted(model: type[MovieOffer | SeriesOffer]) -> Coalesce:
    """How many offers of a kind stand first in the category."""
    offers = model._default_manager.filter(genre=OuterRef("genre"), stale_since__isnull=True).order_by()
    return Coalesce(Subquery(offers.values("genre").annotate(n=Count("pk")).values("n")), 0)
