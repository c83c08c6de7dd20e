"""What portals offer: read only, because only refresh writes it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from channels.models import Stream


@admin.register(Stream)
class StreamAdmin(ModelAdmin):
    """For looking things up; curating happens on channels."""

    list_display = ("name", "number", "portal", "genre", "subscribed", "offered")
    list_filter = ("portal", ("genre", RelatedDropdownFilter), "is_radio", "censored", "subscribed")
    list_filter_submit = True
    list_select_related = ("portal", "genre")
    list_per_page = 50
    #: As they came; by portal and position would sort all of them for each page.
    ordering = ("id",)
    search_fields = ("name", "provider_id", "guide_id")
    show_full_result_count = False
    fields = (
        "portal", "name", "number", "genre", "provider_id", "guide_id", "logo", "is_radio", "censored",
        "subscribed", "archive_hours", "stale_since", "first_seen_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Stream | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Stream | None = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Not by what the list does not show: a play order may hold a login, to be guessed letter by letter."""
        shown = lookup.partition("__")[0] in {"id", "pk", *self.fields}
        return shown and bool(super().lookup_allowed(lookup, value, request))

    @display(description="offered now", boolean=True)
    def offered(self, stream: Stream) -> bool:
        """Still in the portal's list."""
        return stream.stale_since is None
