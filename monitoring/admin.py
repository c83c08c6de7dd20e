"""Alerts as a list to be worked off: filtered, counted, resolved, and taken back."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from monitoring import alerts
from monitoring.models import Alert, Severity, Source

_LINK = "font-medium text-primary-600 dark:text-primary-500"


class StateFilter(admin.SimpleListFilter):
    """Open ones unless others are asked for; each choice with its count."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Alert]) -> list[tuple[str, str]]:
        over = Alert.objects.filter(resolved_at__isnull=False).count()
        return [("resolved", f"resolved ({over})"), ("all", f"all ({over + Alert.objects.open().count()})")]

    def choices(self, changelist: object) -> list[dict[str, object]]:  # type: ignore[override]
        first, *others = super().choices(changelist)  # type: ignore[arg-type]
        return [{**first, "display": f"open ({Alert.objects.open().count()})"}, *others]  # type: ignore[list-item]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() == "resolved":
            return queryset.filter(resolved_at__isnull=False)
        return queryset if self.value() == "all" else queryset.filter(resolved_at__isnull=True)


class SourceFilter(admin.SimpleListFilter):
    """Whose trouble, with how many of each are open."""

    title = "whose"
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Alert]) -> list[tuple[str, str]]:
        found = Alert.objects.open().values_list("source", flat=True)
        open_now = list(found)
        return [(one.value, f"{one.label} ({open_now.count(one.value)})") for one in Source]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset.filter(source=self.value()) if self.value() in Source.values else queryset


@admin.register(Alert)
class AlertAdmin(ModelAdmin):
    """Written by what happens; a person only says that something is seen to."""

    list_before_template = "monitoring/alert_list_hint.html"
    list_display = ("subject", "shown_kind", "text", "last_at", "count", "shown_state", "where")
    list_filter = (StateFilter, SourceFilter, "severity", "kind")
    list_per_page = 50
    search_fields = ("subject", "text")
    actions = ("resolve", "reopen")
    fields = (
        "subject", "kind", "text", "where", "source", "severity", "first_at", "last_at", "count", "resolved_at",
        "resolved_by",
    )  # fmt: skip
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        return False

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """May say that something is seen to."""
        return request.user.has_perm("monitoring.change_alert")

    @action(description="Resolve: I have seen to it", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        """Away with them until it happens again."""
        done = alerts.resolve([alert.pk for alert in queryset], request.user.get_username(), timezone.now())
        self.message_user(request, f"Resolved: {done}. What happens again comes back.", messages.SUCCESS)

    @action(description="Open again", permissions=["resolve"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[Alert]) -> None:
        """As if they had not been resolved."""
        done = alerts.reopen([alert.pk for alert in queryset])
        self.message_user(request, f"Open again: {done}.", messages.SUCCESS)

    @display(description="what", label={Severity.ERROR.value: "danger", Severity.WARNING.value: "warning"})
    def shown_kind(self, alert: Alert) -> tuple[str, str]:
        """Value for the colour, and words."""
        return alert.severity, alert.get_kind_display()

    @display(description="state", label={"open": "info", "resolved": "success"})
    def shown_state(self, alert: Alert) -> tuple[str, str]:
        """Open, or how it ended."""
        if alert.resolved_at is None:
            return "open", "open"
        return "resolved", f"resolved by {alert.resolved_by}" if alert.resolved_by else "over by itself"

    @display(description="where")
    def where(self, alert: Alert) -> SafeString | str:
        """A link to the page where something can be done."""
        if not alert.page:
            return "-"
        return format_html(
            '<a class="font-medium text-primary-600 dark:text-primary-500" href="{}">open</a>', alert.page
        )
