"""Series with their episodes and offers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display

from vod.admin.title import OffersInline, TitleAdmin
from vod.models import Episode, Season, Series, SeriesOffer


class SeriesOffersInline(OffersInline):
    """Offers of a series."""

    model = SeriesOffer


class SeasonsInline(TabularInline):
    """The seasons, each with the way to its episodes."""

    model = Season
    fields = ("number", "name", "episodes")
    readonly_fields = ("number", "name", "episodes")
    ordering = ("number",)
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Season]:
        seasons: QuerySet[Season] = super().get_queryset(request)
        return seasons.annotate(episodes_total=Count("episodes"))

    @admin.display(description="episodes")
    def episodes(self, season: Season) -> SafeString:
        """How many, and the way there."""
        url = reverse("admin:vod_episode_changelist")
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}?season__id__exact={}">{} episodes</a>',
            url,
            season.pk,
            season.episodes_total,  # type: ignore[attr-defined]
        )


@admin.register(Series)
class SeriesAdmin(TitleAdmin):
    """Every series once, whoever offers it."""

    inlines = (SeasonsInline, SeriesOffersInline)
    list_before_template = "vod/series_list_hint.html"
    list_display = (*TitleAdmin.list_display, "episode_count")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Series]:
        series: QuerySet[Series] = super().get_queryset(request)
        episodes = Episode.objects.filter(series=OuterRef("pk")).order_by().values("series").annotate(n=Count("pk"))
        return series.annotate(episodes_total=Coalesce(Subquery(episodes.values("n")), 0))

    @display(description="episodes")
    def episode_count(self, series: Series) -> str:
        """How many are known; none before somebody asked for the details."""
        total: int = series.episodes_total  # type: ignore[attr-defined]
        return str(total) if total else "not fetched yet"
