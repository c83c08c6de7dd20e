"""Which guide channel belongs to which of ours: proposals to accept or reject, one or many at a time."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display

from guide.jobs import enqueue_refresh
from guide.models import Decision, EpgSource, GuideMatch


class ConfidenceFilter(admin.SimpleListFilter):
    """How sure the matcher is."""

    title = "confidence"
    parameter_name = "confidence"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[GuideMatch]) -> list[tuple[str, str]]:
        return [("90", "90 % and more"), ("80", "80 % and more"), ("low", "less than 80 %")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GuideMatch]) -> QuerySet[GuideMatch]:
        if self.value() == "low":
            return queryset.filter(confidence__lt=0.8)
        if self.value() in ("90", "80"):
            return queryset.filter(confidence__gte=int(self.value() or 0) / 100)
        return queryset


@admin.register(GuideMatch)
class GuideMatchAdmin(ModelAdmin):
    """The matcher proposes, a person decides; a decision is remembered."""

    empty_hint = (
        "Once guides are read, pairs of your channels with theirs wait here for a decision where it is not certain."
    )
    list_display = ("channel_name", "shown_guide", "source", "shown_confidence", "reason", "state", "decided_by")
    list_filter = ("decision", ConfidenceFilter, ("source", RelatedDropdownFilter))
    list_select_related = ("source",)
    list_per_page = 100
    search_fields = ("channel_name", "guide_name", "guide_id")
    show_full_result_count = False
    actions = ("accept", "reject", "reopen")
    fields = ("channel_id", "channel_name", "source", "guide_id", "shift_minutes", "reason", "confidence", "decided_by")
    readonly_fields = ("reason", "confidence", "decided_by")

    def save_model(self, request: HttpRequest, obj: GuideMatch, form: Any, change: bool) -> None:
        """A pair made by hand is a decision."""
        super().save_model(request, obj, form, change)
        if not change:
            GuideMatch.objects.filter(pk=obj.pk).update(reason="chosen by hand", confidence=1.0)
            self._decide(request, GuideMatch.objects.filter(pk=obj.pk), Decision.ACCEPTED, "accepted")

    @display(description="guide channel", ordering="guide_name")
    def shown_guide(self, match: GuideMatch) -> str:
        """Name and id."""
        return f"{match.guide_name} ({match.guide_id})" if match.guide_name else match.guide_id

    @display(description="confidence", ordering="confidence")
    def shown_confidence(self, match: GuideMatch) -> str:
        """In per cent."""
        return f"{match.confidence:.0%}"

    @display(description="decision", label={"proposed": "info", "accepted": "success", "rejected": "danger"})
    def state(self, match: GuideMatch) -> tuple[str, str]:
        """Value and label."""
        return match.decision, match.get_decision_display()

    @action(description="Accept (the best one of each channel)", permissions=["change"])
    def accept(self, request: HttpRequest, queryset: QuerySet[GuideMatch]) -> None:
        """These pairs are right."""
        self._decide(request, queryset, Decision.ACCEPTED, "accepted")

    @action(description="Reject, and never propose again", permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[GuideMatch]) -> None:
        """These pairs are wrong."""
        self._decide(request, queryset, Decision.REJECTED, "rejected")

    @action(description="Open again", permissions=["change"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[GuideMatch]) -> None:
        """Forget what was decided."""
        self._decide(request, queryset, Decision.PROPOSED, "open again")

    def _decide(self, request: HttpRequest, queryset: QuerySet[GuideMatch], decision: Decision, word: str) -> None:
        pairs = GuideMatch.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        changed = pairs.decide(decision, by=request.user.get_username(), now=timezone.now())
        more = ""
        if decision == Decision.ACCEPTED and changed:
            more = " Their broadcasts are being read now."
            self._read_again(request, pairs)
        self.message_user(request, f"{changed} pair(s) {word}.{more}", messages.SUCCESS)

    def _read_again(self, request: HttpRequest, pairs: QuerySet[GuideMatch]) -> None:
        """Broadcasts of channels nobody wanted before are not stored; the kept download has them."""
        sources = EpgSource.objects.enabled().filter(matches__in=pairs, keep_everything=False).distinct()
        for source in sources:
            enqueue_refresh(source, request.user.get_username())
