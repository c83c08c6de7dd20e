"""Viewings, running and past: who watched what, how it went in one sentence, and the whole journal of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from restreamer.lib.errors import RestreamerError
from restreamer.lib.redis_client import connection
from streaming.journal import keeping
from streaming.journal.reading import Told, told
from streaming.journal.rows import PlaySession


class RunningFilter(admin.SimpleListFilter):
    """Going on, or over."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[PlaySession]) -> list[tuple[str, str]]:
        return [("running", "running"), ("over", "over"), ("troubled", "with a fault")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PlaySession]) -> QuerySet[PlaySession]:
        if self.value() == "running":
            return queryset.filter(ended_at__isnull=True)
        if self.value() == "over":
            return queryset.filter(ended_at__isnull=False)
        return queryset.filter(faults__gt=0) if self.value() == "troubled" else queryset


@admin.register(PlaySession)
class PlaySessionAdmin(ModelAdmin):
    """Read only: a journal is written by what happened."""

    empty_hint = "Whatever somebody watches stands here from its first byte, with a journal of how it went."
    list_display = ("viewer_name", "title", "started_at", "lasted", "shown_end", "faults", "in_a_sentence")
    list_filter = (
        RunningFilter,
        ("viewer", RelatedDropdownFilter),
        ("channel", RelatedDropdownFilter),
        "end",
        ("started_at", RangeDateTimeFilter),
    )
    list_filter_submit = True
    list_per_page = 50
    search_fields = ("viewer_name", "title", "session_id", "peer")
    show_full_result_count = False
    fields = ("viewer_name", "title", "peer", "agent", "started_at", "lasted", "sent", "how_it_ended", "session_id")
    readonly_fields = fields
    change_form_outer_before_template = "streaming/session_journal.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlaySession]:
        rows: QuerySet[PlaySession] = super().get_queryset(request)
        return rows.defer("notes")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._catch_up(request)
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        self._catch_up(request)
        row = PlaySession.objects.filter(pk=object_id).first() if object_id and object_id.isdigit() else None
        context = {**(extra_context or {}), "journal": self._told(request, row) if row else None}
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return answer

    def _catch_up(self, request: HttpRequest) -> None:
        """What has just ended is in the list at once, also while the scheduler stands."""
        try:
            keeping.keep()
        except RestreamerError as err:
            self.message_user(request, f"What runs now cannot be told: {err.message}", "WARNING")

    def _told(self, request: HttpRequest, row: PlaySession) -> Told:
        try:
            return told(connection(), row)
        except RestreamerError:
            return Told(row, row.sentence, row.bytes_out, [], row.left_out)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: PlaySession | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PlaySession | None = None) -> bool:
        return False

    @display(description="lasted")
    def lasted(self, row: PlaySession) -> str:
        """From asking to the last byte."""
        if row.ended_at is None:
            return "goes on"
        seconds = (row.ended_at - row.started_at).total_seconds()
        return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

    @display(description="sent")
    def sent(self, row: PlaySession) -> str:
        """How much the player got."""
        return filesizeformat(row.bytes_out)

    @display(
        description="end",
        label={
            "running": "info", "left": "success", "changed": "success", "by_hand": "success", "long_enough": "success",
            "redirected": "info", "refused": "danger", "no_source": "danger", "died": "danger", "defect": "danger",
            "too_slow": "warning", "slot_wanted": "warning", "restart": "warning", "other": "warning",
        },
    )  # fmt: skip
    def shown_end(self, row: PlaySession) -> tuple[str, str]:
        """Value and label."""
        return (row.end, row.get_end_display()) if row.ended_at else ("running", "goes on")

    @display(description="end")
    def how_it_ended(self, row: PlaySession) -> str:
        """In the words of the list."""
        return row.get_end_display() if row.ended_at else "goes on"

    @display(description="in a sentence")
    def in_a_sentence(self, row: PlaySession) -> str:
        """What its page says first; of one that goes on only there."""
        return row.sentence or "goes on; open it to see how it does"
