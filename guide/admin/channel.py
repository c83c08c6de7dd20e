"""Guide channels: what the guides offer, searchable, with a mark for those in use."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from guide.models import GuideChannel, GuideMatch
from restreamer.lib.names import fold


class InUseFilter(admin.SimpleListFilter):
    """Mapped to one of our channels or not."""

    title = "in use"
    parameter_name = "in_use"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[GuideChannel]) -> list[tuple[str, str]]:
        return [("yes", "yes"), ("no", "no")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GuideChannel]) -> QuerySet[GuideChannel]:
        if self.value() == "yes":
            return queryset.filter(_in_use())
        if self.value() == "no":
            return queryset.filter(~_in_use())
        return queryset


def _in_use() -> Exists:
    """An accepted pair names the guide channel."""
    pairs = GuideMatch.objects.accepted().filter(guide_id=OuterRef("xmltv_id"))
    return Exists(pairs.filter(Q(source__isnull=True) | Q(source=OuterRef("source"))))


@admin.register(GuideChannel)
class GuideChannelAdmin(ModelAdmin):
    """Read only: a refresh writes it."""

    empty_hint = "They come when an EPG source is read."
    list_display = ("shown_name", "xmltv_id", "source", "is_in_use", "programmes_kept", "programmes_seen", "last_stop")
    list_filter = (("source", RelatedDropdownFilter), InUseFilter)
    list_select_related = ("source",)
    list_per_page = 100
    search_fields = ("folded",)
    search_help_text = "Name or id, with or without accents."
    show_full_result_count = False
    fields = (
        "source", "xmltv_id", "names", "icon", "lang", "programmes_seen", "programmes_kept", "first_start", "last_stop",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuideChannel]:
        channels: QuerySet[GuideChannel] = super().get_queryset(request)
        live = GuideChannel.objects.live()
        return channels.filter(pk__in=live.values("pk")).annotate(in_use=_in_use()).order_by("source", "xmltv_id")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[GuideChannel], search_term: str
    ) -> tuple[QuerySet[GuideChannel], bool]:
        found: tuple[QuerySet[GuideChannel], bool] = super().get_search_results(request, queryset, fold(search_term))
        return found

    @display(description="in use", boolean=True)
    def is_in_use(self, channel: GuideChannel) -> bool:
        """Is one of our channels mapped to it?"""
        return channel.in_use  # type: ignore[attr-defined,no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: GuideChannel | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: GuideChannel | None = None) -> bool:
        return False
