"""Episodes: shown, hidden, named."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from vod.models import Episode, EpisodeOffer


class EpisodeOffersInline(TabularInline):
    """Who offers the episode; the order is the series'."""

    model = EpisodeOffer
    fields = ("name", "series_offer", "container", "stale_since")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Episode)
class EpisodeAdmin(ModelAdmin):
    """Reached from a series; searched by name or by the series'."""

    list_display = ("shown_title", "series", "season", "number", "enabled")
    list_display_links = ("shown_title",)
    list_editable = ("enabled",)
    list_filter = ("enabled",)
    list_select_related = ("series", "season")
    list_per_page = 100
    ordering = ("series", "season__number", "number")
    search_fields = ("name", "custom_name", "series__search_text")
    show_full_result_count = False
    fields = ("series", "season", "number", "name", "custom_name", "enabled")
    readonly_fields = ("series", "season", "number", "name")
    inlines = (EpisodeOffersInline,)
    actions = ("enable", "disable")
    list_before_template = "vod/episode_list_hint.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in ("season__id__exact", "series__id__exact") or super().lookup_allowed(lookup, value, request)

    def save_model(self, request: HttpRequest, obj: Episode, form: Any, change: bool) -> None:
        obj.curated = True
        super().save_model(request, obj, form, change)

    @display(description="name", ordering="name")
    def shown_title(self, episode: Episode) -> str:
        """As viewers read it."""
        return episode.shown_name

    @action(description="Show to viewers", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Episode]) -> None:
        """Switch the chosen ones on."""
        self._switch(request, queryset, enabled=True)

    @action(description="Hide from viewers", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Episode]) -> None:
        """Switch the chosen ones off."""
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Episode], *, enabled: bool) -> None:
        changed = Episode.objects.filter(pk__in=queryset.order_by().values("pk")).update(enabled=enabled, curated=True)
        word = "shown to viewers" if enabled else "hidden from viewers"
        self.message_user(request, f"{changed} episode(s) are now {word}.", messages.SUCCESS)
