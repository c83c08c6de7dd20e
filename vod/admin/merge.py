"""What was joined and separated, and the way back."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from vod import merging
from vod.models import Merge


@admin.register(Merge)
class MergeAdmin(ModelAdmin):
    """Read only but for taking back."""

    list_display = ("goes_name", "stays_name", "kind", "shown_state", "decided_by", "decided_at")
    list_filter = ("kind", "state")
    search_fields = ("goes_name", "stays_name")
    actions = ("take_back",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Merge | None = None) -> bool:
        return False

    def has_curate_permission(self, request: HttpRequest) -> bool:
        """May the user decide, not only look?"""
        return request.user.has_perm("vod.change_movie")

    def has_delete_permission(self, request: HttpRequest, obj: Merge | None = None) -> bool:
        return False

    @display(description="state", label={"merged": "success", "apart": "info", "undone": "warning"})
    def shown_state(self, merge: Merge) -> tuple[str, str]:
        """Value and label."""
        return merge.state, merge.get_state_display()

    @action(description="Take back (undo)", permissions=["curate"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Merge]) -> None:
        """Undo the chosen decisions, newest first."""
        for decision in queryset.order_by("-pk"):
            try:
                title = merging.take_back(decision, request.user.get_username())
            except merging.NotMergeable as err:
                self.message_user(request, f"{decision}: {err.message}", messages.ERROR)
            else:
                self.message_user(request, f"{title}: taken back.", messages.SUCCESS)
