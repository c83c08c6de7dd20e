"""Channels: what viewers see."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.views import ChangeList

from channels.admin.bulk import BulkActions
from channels.admin.bulk_fields import FieldActions
from channels.admin.filters import CountryFilter, GroupFilter, PlayableFilter, PortalFilter, QualityFilter
from channels.admin.guide import GuideFilter, GuidePages
from channels.admin.logos import WearerForm, WearsLogo
from channels.admin.provider_says import ChangedFilter, ProviderSays
from channels.models import Channel, ChannelStream
from guide.jobs import ask_for_match
from guide.models import GuideMatch

_ROWS = 50
#: More in one page is more than its form may send, and no browser enjoys it; actions take all that were found.
_PAGE_SIZES = (25, _ROWS, 100, 250, 500, 1000)
_ROWS_PARAMETER = "rows"


class ChannelList(ChangeList):
    """Counts streams and finds guides for the rows of the page alone: of a hundred thousand it would take seconds."""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Without what only says how many rows a page has."""
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name != _ROWS_PARAMETER}

    def get_results(self, request: HttpRequest) -> None:
        rows = request.GET.get(_ROWS_PARAMETER, "")
        if rows in map(str, _PAGE_SIZES):
            self.list_per_page = int(rows)
        super().get_results(request)
        page = {channel.pk: channel for channel in self.result_list}
        links = ChannelStream.objects.filter(channel__in=page).order_by().values_list("channel_id")
        counts = dict(links.annotate(Count("pk")))
        pairs = GuideMatch.objects.accepted().filter(channel_id__in=page)
        guides = {one.channel_id: one.guide_name or one.guide_id for one in pairs}
        for pk, channel in page.items():
            channel.streams_total = counts.get(pk, 0)
            channel.guide_shown = guides.get(pk, "")

    def page_sizes(self) -> list[tuple[int, str, bool]]:
        """How many rows a page may have, where that is chosen, and whether it is so now; for the template."""
        return [
            (rows, self.get_query_string({_ROWS_PARAMETER: rows}, ["p", "all"]), rows == self.list_per_page)
            for rows in _PAGE_SIZES
        ]


class StreamsInline(TabularInline):
    """The channel's streams in the order they are tried."""

    model = ChannelStream
    fields = ("stream", "rank")
    autocomplete_fields = ("stream",)
    ordering = ("rank", "id")
    extra = 0


@admin.register(Channel)
class ChannelAdmin(BulkActions, FieldActions, GuidePages, ProviderSays, WearsLogo, ModelAdmin):
    """Enable, disable, rename, number, group."""

    list_display = ("name", "shown_number", "group", "enabled", "stream_count", "guide_channel")
    list_display_links = ("name",)
    list_editable = ("enabled",)
    list_filter = (
        "enabled",
        PortalFilter,
        ("group", GroupFilter),
        PlayableFilter,
        GuideFilter,
        "is_radio",
        "adult",
        "favourite",
        QualityFilter,
        CountryFilter,
        ChangedFilter,
    )
    list_filter_submit = True
    list_select_related = ("group",)
    list_per_page = _ROWS
    list_max_show_all = _PAGE_SIZES[-1]
    list_after_template = "channels/channel_list_rows.html"
    search_fields = ("name", "guide_id")  # get_search_results looks at numbers and the names of streams too
    search_help_text = "Name, number, guide id or stream"
    actions = (
        "enable", "disable", "move", "number", "rename", "set_logo", "take_icons", "mark_adult", "mark_not_adult",
        "favour", "unfavour", "reset", "merge", "split", "rank",
    )  # fmt: skip
    autocomplete_fields = ("group",)
    inlines = (StreamsInline,)
    show_full_result_count = False
    form = WearerForm
    fields = (
        "name", "number", "group", "enabled", "picture", "logo", "logo_file", "logo_from", "guide_id", "is_radio",
        "adult", "favourite",
    )  # fmt: skip
    readonly_fields = ("picture",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChannelList]:
        return ChannelList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Channel], search_term: str
    ) -> tuple[QuerySet[Channel], bool]:
        """Each word in the name, the guide id or a stream's name, or the number itself.

        Without a join there is nothing to make distinct.
        """
        for word in search_term.split():
            fed = ChannelStream.objects.filter(stream__name__icontains=word).values("channel")
            found = Q(name__icontains=word) | Q(guide_id__icontains=word) | Q(pk__in=fed)
            if re.fullmatch(r"[0-9]{1,6}([.][0-9]{1,2})?", word):
                found |= Q(number=Decimal(word))
            queryset = queryset.filter(found)
        return queryset, False

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if {"enabled", "name", "guide_id"} & set(form.changed_data):
            ask_for_match()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Merges into a channel, which nobody may delete alone, go with it."""
        deleted, counts, _missing, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected

    @display(description="number", ordering="number")
    def shown_number(self, channel: Channel) -> str:
        """As players show it."""
        return channel.shown_number or "–"

    @display(description="streams")
    def stream_count(self, channel: Channel) -> int:
        """How many streams feed it."""
        return getattr(channel, "streams_total", 0)

    @action(description="Show to viewers", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Switch the chosen channels on."""
        self._switch(request, queryset, enabled=True)

    @action(description="Hide from viewers", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Switch the chosen channels off."""
        self._switch(request, queryset, enabled=False)

    @action(description="Mark as favourites", permissions=["change"])
    def favour(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Lineups can choose favourites."""
        self._mark(request, queryset, favourite=True)

    @action(description="No favourites any more", permissions=["change"])
    def unfavour(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Take the mark away."""
        self._mark(request, queryset, favourite=False)

    def _mark(self, request: HttpRequest, queryset: QuerySet[Channel], *, favourite: bool) -> None:
        chosen = Channel.objects.filter(pk__in=queryset.order_by().values("pk"))
        changed = chosen.exclude(favourite=favourite).update(favourite=favourite)
        word = "favourites now" if favourite else "no favourites any more"
        self.message_user(request, f"{changed} channel(s) are {word}.", messages.SUCCESS)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Channel], *, enabled: bool) -> None:
        chosen = Channel.objects.filter(pk__in=queryset.order_by().values("pk")).exclude(enabled=enabled)
        changed = chosen.update(enabled=enabled)
        if changed:
            ask_for_match()
        word = "shown to viewers" if enabled else "hidden from viewers"
        self.message_user(request, f"{changed} channel(s) are now {word}.", messages.SUCCESS)
