"""The user's view of background work: a table, not a log file."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from portals import refreshing, runs
from portals.jobs import enqueue_held
from portals.models import Run, RunState
from restreamer.lib.errors import RestreamerError


@admin.register(Run)
class RunAdmin(ModelAdmin):
    """Read only but for stopping one that works."""

    list_display = (
        "created_at", "portal", "subject", "kind", "shown_state", "progress", "counted", "asked_by", "took", "error",
    )  # fmt: skip
    list_filter = ("state", "kind", "portal")
    list_select_related = ("portal",)
    actions = ("stop", "apply_held", "take_back")
    fields = (
        "portal", "kind", "asked_by", "state", "step", "progress", "counted", "error", "examples", "undone_at",
        "subject", "created_at", "started_at", "finished_at", "took",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False

    def has_curate_permission(self, request: HttpRequest) -> bool:
        """May the user decide, not only look?"""
        return request.user.has_perm("portals.change_portal")

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

    @display(description="what changed")
    def examples(self, run: Run) -> SafeString | str:
        """The first changes of each kind, old → new."""
        if not run.report:
            return "nothing"
        return format_html_join(
            "",
            "<details><summary>{}: {}</summary><div>{}</div></details>",
            (
                (
                    kind,
                    run.counts.get(kind, len(rows)),
                    format_html_join("", "<div>{}</div>", ((" → ".join(r),) for r in rows)),
                )
                for kind, rows in run.report.items()
            ),
        )

    @action(description="Apply (held runs)", permissions=["curate"])
    def apply_held(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Let held runs do what they found."""
        held = list(queryset.filter(state=RunState.HELD))
        for run in held:
            enqueue_held(run)
        self.message_user(request, f"{len(held)} held run(s) go on.", messages.SUCCESS if held else messages.WARNING)

    @action(description="Take back (undo)", permissions=["curate"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Undo the chosen runs, newest first."""
        for run in queryset.order_by("-id"):
            try:
                refreshing.undo(run)
            except RestreamerError as err:
                self.message_user(request, f"{run}: {err.message}", messages.ERROR)
            else:
                self.message_user(request, f"{run}: taken back.", messages.SUCCESS)

    @action(description="Stop, or drop when held", permissions=["curate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Ask the chosen runs to stop."""
        stopped = sum(runs.cancel(run) for run in queryset)
        self.message_user(request, f"{stopped} run(s) stopped.", messages.SUCCESS if stopped else messages.WARNING)
