"""EPG sources: where guides come from, how they fared, refresh now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import action, display

from guide import arrivals
from guide.jobs import enqueue_refresh
from guide.models import DummyTemplate, EpgSource, GuideChannel, GuideProposal, Programme, SourceKind
from portals.models import RunState
from portals.models.run import counts_in_words
from restreamer.lib import redact
from restreamer.lib.errors import InvalidInput

_WORKING = (RunState.QUEUED, RunState.RUNNING)


class EpgSourceForm(forms.ModelForm[EpgSource]):
    """Only the fields an owner fills in."""

    class Meta:
        model = EpgSource
        fields = (
            "name", "kind", "address", "upload", "portal", "enabled", "priority", "refresh_hours", "shift_minutes",
            "time_zone", "languages", "days_back", "days_ahead", "keep_everything", "icons_as_logos",
            "user_agent", "proxy_url", "verify_tls",
        )  # fmt: skip


class SwitchForm(forms.ModelForm[EpgSource]):
    """A row of the list, where only a switch is set."""

    def _update_errors(self, errors: ValidationError) -> None:
        """What is wrong with a field that is not here, as with a row that is gone, is said of the row."""
        known = [name for name in getattr(errors, "error_dict", {}) if name in self.fields or name == NON_FIELD_ERRORS]
        if hasattr(errors, "error_dict") and len(known) < len(errors.error_dict):
            errors = ValidationError(errors.messages)
        super()._update_errors(errors)  # type: ignore[misc]


class DummyTemplateInline(StackedInline):
    """Rules of a source that makes its guide from names."""

    model = DummyTemplate
    extra = 0
    ordering = ("position", "id")


@admin.register(EpgSource)
class EpgSourceAdmin(ModelAdmin):
    """Add a guide, refresh it, read what came of it."""

    form = EpgSourceForm
    inlines = (DummyTemplateInline,)
    list_display = ("name", "health", "status", "shown_address", "enabled", "priority", "imported_at")
    list_editable = ("enabled",)
    list_filter = ("kind", "enabled", "failed", "incomplete")
    list_select_related = ("portal", "last_run")
    search_fields = ("name", "address")
    list_before_template = "guide/source_list_hint.html"
    change_form_outer_before_template = "guide/source_actions.html"
    actions = ("refresh_now",)
    warn_unsaved_form = True
    readonly_fields = ("status", "asked_at", "imported_at", "counted")
    fieldsets = (
        (None, {"fields": ("name", "kind", "address", "upload", "portal", "enabled", "priority", "status")}),
        (
            "Reading",
            {
                "fields": ("refresh_hours", "shift_minutes", "time_zone", "languages", "days_back", "days_ahead",
                           "keep_everything"),
                "classes": ("tab",),
            },
        ),
        ("Network", {"fields": ("user_agent", "proxy_url", "verify_tls"), "classes": ("tab",)}),
        ("Last visit", {"fields": ("asked_at", "imported_at", "counted"), "classes": ("tab",)}),
    )  # fmt: skip

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": SwitchForm, **kwargs})

    def save_model(self, request: HttpRequest, obj: EpgSource, form: Any, change: bool) -> None:
        """What was learnt of another address is forgotten; a new file is read at once."""
        old = EpgSource.objects.filter(pk=obj.pk).first() if change else None
        if old is not None and {"address", "upload", "kind", "portal"} & set(form.changed_data):
            obj.etag = obj.last_modified = obj.content_sha256 = obj.import_key = ""
        super().save_model(request, obj, form, change)
        if old is not None and old.upload and old.upload.name != obj.upload.name:
            old.upload.delete(save=False)
        if "upload" in form.changed_data and obj.upload:
            self._refresh(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A guide's channels and broadcasts, which nobody may delete alone, go with it: counted, they are too many."""
        channels = GuideChannel.objects.filter(source__in=list(objs))
        totals = {
            "EPG sources": len(objs),
            "guide channels": channels.count(),
            "broadcasts": Programme.objects.filter(channel__in=channels.values("pk")).count(),
        }
        return [str(source) for source in objs], totals, set(), []

    @display(description="address")
    def shown_address(self, source: EpgSource) -> str:
        """Where it comes from; passwords in addresses stay on the source's own page."""
        if source.portal is not None:
            return str(source.portal)
        if source.kind == SourceKind.UPLOAD:
            return Path(source.upload.name or "").name if source.upload else "nothing uploaded yet"
        return redact.url(source.address) if "://" in source.address else source.address

    @display(
        description="state",
        label={"ok": "success", "incomplete": "warning", "failed": "danger", "working": "info", "new": "info"},
    )
    def health(self, source: EpgSource) -> tuple[str, str]:
        """One word; the sentence stands beside it."""
        if source.last_run is not None and source.last_run.state in _WORKING:
            return "working", "refreshing"
        if source.failed:
            return "failed", "failed"
        if source.incomplete:
            return "incomplete", "incomplete"
        return ("ok", "works") if source.imported_at else ("new", "not asked yet")

    @display(description="counted")
    def counted(self, source: EpgSource) -> str:
        """The last import's counts, those that say something."""
        return counts_in_words(source.counts) or "–"

    @action(description="Refresh now", permissions=["change"])
    def refresh_now(self, request: HttpRequest, queryset: QuerySet[EpgSource]) -> None:
        """Fetch the chosen guides in the background."""
        for source in queryset:
            self._refresh(request, source)

    def get_urls(self) -> list[URLPattern]:
        """The button of the source's own page; POST only, because it does something."""
        view = self.admin_site.admin_view(require_POST(self.refresh_one))
        decide = self.admin_site.admin_view(require_POST(self.decide))
        own = [
            path("<int:pk>/refresh/", view, name="guide_epgsource_refresh"),
            path("proposed/<int:pk>/", decide, name="guide_epgsource_decide"),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Above the list: what playlists propose."""
        waiting: list[tuple[GuideProposal, str]] = []
        if self.has_add_permission(request):
            rows = GuideProposal.objects.filter(state=GuideProposal.State.OPEN).select_related("portal")
            waiting = [(row, redact.url(row.address)) for row in rows]
        return super().changelist_view(request, {**(extra_context or {}), "proposals": waiting})  # type: ignore[no-any-return]

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a proposed guide and read it at once, or leave it out."""
        proposal = get_object_or_404(GuideProposal.objects.select_related("portal"), pk=pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            if "take" in request.POST:
                self._refresh(request, arrivals.take(proposal))
            else:
                arrivals.refuse(proposal)
                self.message_user(request, f"{proposal.portal}: its guide is left out.", messages.SUCCESS)
        except InvalidInput as err:
            self.message_user(request, err.message, messages.WARNING)
        return redirect("admin:guide_epgsource_changelist")

    def refresh_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Refresh from the source's page."""
        source = get_object_or_404(EpgSource, pk=pk)
        if not self.has_change_permission(request, source):
            raise PermissionDenied
        self._refresh(request, source)
        return redirect("admin:guide_epgsource_change", pk)

    def _refresh(self, request: HttpRequest, source: EpgSource) -> None:
        run = enqueue_refresh(source, request.user.get_username())
        self.message_user(request, _started(source.name, run.pk), messages.SUCCESS)


def _started(name: str, run_id: int) -> SafeString:
    address = reverse("admin:portals_run_change", args=[run_id])
    return format_html('{}: refresh started. <a href="{}">Watch it</a>.', name, address)
