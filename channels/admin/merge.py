"""Proposals that two channels are one: accept, reject, take back."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from channels import merging
from channels.models import Merge


@admin.register(Merge)
class MergeAdmin(ModelAdmin):
    """The surest first; what is decided stays listed and can be taken back."""

    list_display = ("goes_name", "stays", "sure", "reason", "shown_state", "decided_by")
    list_filter = ("state",)
    list_select_related = ("stays",)
    list_per_page = 100
    search_fields = ("goes_name", "stays__name")
    actions = ("accept", "reject", "take_back")
    list_before_template = "channels/merge_list_hint.html"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Merge | None = None) -> bool:
        return False

    def has_curate_permission(self, request: HttpRequest) -> bool:
        """May the user decide, not only look?"""
        return request.user.has_perm("channels.change_channel")

    def has_delete_permission(self, request: HttpRequest, obj: Merge | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """The button above the list; POST only."""
        find = self.admin_site.admin_view(require_POST(self.find))
        return [path("find/", find, name="channels_merge_find"), *super().get_urls()]

    def find(self, request: HttpRequest) -> HttpResponse:
        """Look for doubles; with `auto`, merge the sure ones."""
        if not request.user.has_perm("channels.change_channel"):
            raise PermissionDenied
        done = merging.refresh_proposals(auto="auto" in request.POST, by=request.user.get_username())
        text = f"{done.new} pair(s) found, {done.merged} merged, {done.open} wait for you."
        self.message_user(request, text, messages.SUCCESS)
        return redirect("admin:channels_merge_changelist")

    @display(description="sure", ordering="confidence")
    def sure(self, merge: Merge) -> str:
        """The confidence in percent."""
        return f"{merge.confidence * 100:.0f} %"

    @display(
        description="state",
        label={"open": "info", "accepted": "success", "rejected": "warning", "undone": "warning"},
    )
    def shown_state(self, merge: Merge) -> tuple[str, str]:
        """Value and label."""
        return merge.state, merge.get_state_display()

    @action(description="Merge them", permissions=["curate"])
    def accept(self, request: HttpRequest, queryset: QuerySet[Merge]) -> None:
        """Merge the chosen pairs."""
        merged = merging.accept_all(queryset.filter(state=Merge.State.OPEN), request.user.get_username())
        self.message_user(request, f"{merged} pair(s) merged.", messages.SUCCESS if merged else messages.WARNING)

    @action(description="Keep them apart", permissions=["curate"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Merge]) -> None:
        """Never propose the chosen pairs again."""
        chosen = list(queryset.filter(state=Merge.State.OPEN))
        for proposal in chosen:
            merging.reject(proposal, request.user.get_username())
        self.message_user(request, f"{len(chosen)} pair(s) stay apart.", messages.SUCCESS)

    @action(description="Take back (undo)", permissions=["curate"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Merge]) -> None:
        """Bring back the channels that went."""
        for proposal in queryset:
            try:
                merging.take_back(proposal, request.user.get_username())
            except merging.NotMergeable as err:
                self.message_user(request, f"{proposal}: {err.message}", messages.ERROR)
            else:
                self.message_user(request, f"{proposal.goes_name} is back.", messages.SUCCESS)
