"""The user's view of background work: what works now with its progress, what came of the rest."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from portals import refreshing, runs
from portals.jobs import enqueue_held
from portals.models import Run, RunState
from portals.models.run import UNDER_WAY
from restreamer.lib.errors import RestreamerError


@admin.register(Run)
class RunAdmin(ModelAdmin):
    """Read only but for stopping, applying and taking back."""

    empty_hint = "Each refresh of a portal or guide stands here with what it brought, or why it failed."
    list_before_template = "portals/run_list_progress.html"
    change_form_outer_before_template = "portals/run_progress.html"

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

    def get_urls(self) -> list[URLPattern]:
        """What the page asks for while a run works, and its button."""
        progress = self.admin_site.admin_view(require_GET(self.under_way))
        stop = self.admin_site.admin_view(require_POST(self.stop_one))
        return [
            path("under-way/", progress, name="portals_run_under_way"),
            path("<int:pk>/stop/", stop, name="portals_run_stop"),
            *super().get_urls(),
        ]

    def under_way(self, request: HttpRequest) -> HttpResponse:
        """The runs that wait or work now, or with `?run=` that one; 204 when there is none, which ends the asking."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        runs.bury_dead()
        found = Run.objects.filter(state__in=UNDER_WAY).select_related("portal").order_by("id")
        if request.GET.get("run", "").isdigit():
            found = found.filter(pk=int(request.GET["run"]))
        shown = list(found[:20])
        if not shown:
            return HttpResponse(status=204)
        context = {"runs": shown, "may_stop": self.has_curate_permission(request)}
        return render(request, "portals/runs_under_way.html", context)

    def stop_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button beside a run that works, or that waits for a person."""
        if not self.has_curate_permission(request):
            raise PermissionDenied
        run = get_object_or_404(Run, pk=pk)
        if runs.cancel(run):
            self.message_user(request, f"{run}: stopped. What was stored before stays.", messages.SUCCESS)
        else:
            self.message_user(request, f"{run}: it had ended already.", messages.WARNING)
        return redirect("admin:portals_run_change", pk)

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
            "held": "warning", "cancelled": "warning", "interrupted": "danger",
        },
    )  # fmt: skip
    def shown_state(self, run: Run) -> tuple[str, str]:
        """Value and label."""
        return run.state, run.get_state_display()

    @display(description="progress")
    def progress(self, run: Run) -> str:
        """Items done of those expected, how fast, how long still."""
        return run.progress_words

    @display(description="result")
    def counted(self, run: Run) -> str:
        """The counts in words."""
        return run.result_words

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
