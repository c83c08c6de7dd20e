"""Channels and groups: what viewers see."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.views import ChangeList

from channels.admin.bulk import BulkActions
from channels.admin.guide import GuideFilter, GuidePages
from channels.admin.provider_says import ChangedFilter, ProviderSays
from channels.models import Channel, ChannelStream, Group
from guide.jobs import ask_for_match
from guide.models import GuideMatch
from portals.models import Portal


class PortalFilter(admin.SimpleListFilter):
    """Channels fed by one portal."""

    title = "portal"
    parameter_name = "portal"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [(str(pk), name) for pk, name in Portal.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        value = self.value() or ""
        if not value.isdigit():
            return queryset
        fed = ChannelStream.objects.filter(stream__portal=int(value)).values("channel")
        return queryset.filter(pk__in=fed)


class PlayableFilter(admin.SimpleListFilter):
    """Channels that still have something to play."""

    title = "offered"
    parameter_name = "offered"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [("yes", "by a portal now"), ("no", "by nobody any more")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        playable = Channel.objects.playable()
        if self.value() == "yes":
            return queryset.filter(pk__in=playable.values("pk"))
        if self.value() == "no":
            return queryset.exclude(pk__in=playable.values("pk"))
        return queryset


class QualityFilter(admin.SimpleListFilter):
    """What the name announces; the choices are known without reading a hundred thousand rows."""

    title = "quality"
    parameter_name = "quality"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Channel]) -> list[tuple[str, str]]:
        return [("uhd", "UHD"), ("fhd", "Full HD"), ("hd", "HD"), ("sd", "SD"), ("none", "says nothing")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        value = self.value()
        return queryset.filter(quality="" if value == "none" else value) if value else queryset


class ChannelList(ChangeList):
    """Counts streams and finds guides for the rows of the page alone: of a hundred thousand it would take seconds."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        page = {channel.pk: channel for channel in self.result_list}
        links = ChannelStream.objects.filter(channel__in=page).order_by().values_list("channel_id")
        counts = dict(links.annotate(Count("pk")))
        pairs = GuideMatch.objects.accepted().filter(channel_id__in=page)
        guides = {one.channel_id: one.guide_name or one.guide_id for one in pairs}
        for pk, channel in page.items():
            channel.streams_total = counts.get(pk, 0)
            channel.guide_shown = guides.get(pk, "")


class StreamsInline(TabularInline):
    """The channel's streams in the order they are tried."""

    model = ChannelStream
    fields = ("stream", "rank")
    autocomplete_fields = ("stream",)
    ordering = ("rank", "id")
    extra = 0


@admin.register(Channel)
class ChannelAdmin(BulkActions, GuidePages, ProviderSays, ModelAdmin):
    """Enable, disable, rename, number, group."""

    list_display = ("name", "shown_number", "group", "enabled", "stream_count", "guide_channel")
    list_display_links = ("name",)
    list_editable = ("enabled",)
    list_filter = (
        "enabled",
        PortalFilter,
        ("group", RelatedDropdownFilter),
        PlayableFilter,
        GuideFilter,
        "is_radio",
        "adult",
        "favourite",
        QualityFilter,
        ChangedFilter,
    )
    list_filter_submit = True
    list_select_related = ("group",)
    list_per_page = 50
    search_fields = ("name", "guide_id")  # get_search_results looks at the names of streams too
    actions = ("enable", "disable", "number", "rename", "reset", "merge", "split", "rank", "favour", "unfavour")
    autocomplete_fields = ("group",)
    inlines = (StreamsInline,)
    show_full_result_count = False
    fields = ("name", "number", "group", "enabled", "logo", "guide_id", "is_radio", "adult", "favourite")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChannelList]:
        return ChannelList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Channel], search_term: str
    ) -> tuple[QuerySet[Channel], bool]:
        """Each word in the name, the guide id or a stream's name; without a join there is nothing to make distinct."""
        for word in search_term.split():
            fed = ChannelStream.objects.filter(stream__name__icontains=word).values("channel")
            queryset = queryset.filter(Q(name__icontains=word) | Q(guide_id__icontains=word) | Q(pk__in=fed))
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


@admin.register(Group)
class GroupAdmin(ModelAdmin):
    """Our own sorting."""

    empty_hint = "Groups come with a portal's genres at its first refresh; they are yours to rename, order and add to."
    list_display = ("name", "position", "channel_count")
    list_editable = ("position",)
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        groups: QuerySet[Group] = super().get_queryset(request)
        return groups.annotate(channels_total=Count("channels"))

    @display(description="channels")
    def channel_count(self, group: Group) -> int:
        """How many channels stand in it."""
        return group.channels_total  # type: ignore[attr-defined,no-any-return]
