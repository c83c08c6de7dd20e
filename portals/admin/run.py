"""The user's view of background work: a table, not a log file."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from portals import runs
from portals.models import Run, RunState


@admin.register(Run)
class RunAdmin(ModelAdmin):
    """Read only but for stopping one that works."""

    list_display = ("created_at", "portal", "kind", "shown_state", "progress", "counted", "asked_by", "took", "error")
    list_filter = ("state", "kind", "portal")
    list_select_related = ("portal",)
    actions = ("stop",)
    fields = (
        "portal", "kind", "asked_by", "state", "step", "progress", "counted", "error",
        "created_at", "started_at", "finished_at", "took",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    @display(
        description="state",
        label={
            "done": "success", "failed": "danger", "running": "info", "queued": "info",
            "held": "warning", "cancelled": "warning",
        },
    )  # fmt: skip
    def shown_state(self, run: Run) -> tuple[str, str]:
        """Value and label."""
        return run.state, run.get_state_display()

    @display(description="progress")
    def progress(self, run: Run) -> str:
        """Items done of those expected, with the step."""
        if run.state != RunState.RUNNING:
            return ""
        total = f" of {run.progress_total:,}" if run.progress_total else ""
        return f"{run.step}: {run.progress_done:,}{total}"

    @display(description="result")
    def counted(self, run: Run) -> str:
        """The counts in words."""
        return ", ".join(f"{value:,} {key}" for key, value in run.counts.items())

    @display(description="took")
    def took(self, run: Run) -> str:
        """Seconds of work."""
        return "" if run.running_s is None else f"{run.running_s:.1f} s"

    @action(description="Stop")
    def stop(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Ask the chosen runs to stop."""
        stopped = sum(runs.cancel(run) for run in queryset)
        self.message_user(request, f"{stopped} run(s) stopped.", messages.SUCCESS if stopped else messages.WARNING)
