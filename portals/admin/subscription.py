"""MACs and logins, each with the fields that belong to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from unfold.admin import ModelAdmin
from unfold.decorators import action

from portals import in_use, portal_events
from portals.in_use import Use
from portals.jobs import enqueue_checks
from portals.models import Login, Mac, Subscription, SubscriptionState
from portals.models.subscription import normal_mac
from restreamer.lib.errors import InvalidInput
from restreamer.lib.redis_client import RedisUnavailable, connection

#: Text colours of Unfold's precompiled sheet, readable in light and dark.
STATE_COLOURS: dict[str, str] = {
    SubscriptionState.NEW: "text-font-subtle-light dark:text-font-subtle-dark",
    SubscriptionState.OK: "text-green-700 dark:text-green-400",
    SubscriptionState.LOGIN_NEEDED: "text-red-700 dark:text-red-400",
    SubscriptionState.UNKNOWN: "text-red-700 dark:text-red-400",
    SubscriptionState.BLOCKED: "text-red-700 dark:text-red-400",
    SubscriptionState.EXPIRED: "text-red-700 dark:text-red-400",
    SubscriptionState.CONFLICT: "text-red-700 dark:text-red-400",
    SubscriptionState.THROTTLED: "text-orange-700 dark:text-orange-400",
    SubscriptionState.COOLDOWN: "text-orange-700 dark:text-orange-400",
}


_EXPIRY_WORDS = {"past": "over", "soon": "soon"}
_EXPIRY_COLOURS = {"past": "text-red-700 dark:text-red-400", "soon": "text-orange-700 dark:text-orange-400"}


class SubscriptionForm(forms.ModelForm[Subscription]):
    """MACs in any spelling; the stored password is never sent to the browser."""

    class Meta:
        model = Subscription
        fields = (
            "portal", "label", "mac", "login", "password", "serial", "device_id", "device_id2", "signature", "model",
            "streams", "shared_count", "enabled", "rank", "expires_at",
        )  # fmt: skip
        widgets = {"password": forms.PasswordInput(attrs={"autocomplete": "new-password", "placeholder": "unchanged"})}

    def clean_mac(self) -> str:
        value: str = self.cleaned_data.get("mac", "")
        if not value or value == self.instance.mac:
            return value
        try:
            return normal_mac(value)
        except InvalidInput as err:
            raise forms.ValidationError(err.message) from err

    def clean_password(self) -> str:
        return self.cleaned_data.get("password") or self.instance.password


def _tell_uses(request: HttpRequest, rows: Iterable[Subscription]) -> None:
    """Give the rows what they are busy with, in words this person may read; None when it cannot be read now."""
    may_know_viewers = bool(getattr(request.user, "is_superuser", False))
    try:
        uses = in_use.by_subscription(connection())
    except RedisUnavailable:
        uses = None
    for row in rows:
        words = None if uses is None else [_in_words(use, may_know_viewers) for use in uses.get(row.pk, [])]
        row.uses_in_words = words  # type: ignore[attr-defined]


def _in_words(use: Use, may_know_viewers: bool) -> str:
    watched_by = f" · {', '.join(use.viewers)}" if may_know_viewers and use.viewers else ""
    return f"{use.title}{watched_by} · {'nobody watches' if use.idle else f'{use.minutes} min'}"


class _SubscriptionAdmin(ModelAdmin):
    form = SubscriptionForm
    list_filter = ("portal", "state", "enabled")
    readonly_fields: tuple[str, ...] = (
        "in_use", "state", "state_until", "last_error", "warning", "checked_at", "account",
    )  # fmt: skip
    list_select_related = ("portal",)
    actions = ("test_now", "disable_not_working", "drop_not_working")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """What is in use is read once for all rows of a page."""
        page = super().get_changelist_instance(request)
        _tell_uses(request, page.result_list)
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Subscription | None:
        row: Subscription | None = super().get_object(request, object_id, from_field)
        if row is not None:
            _tell_uses(request, [row])
        return row

    @admin.display(description="in use")
    def in_use(self, subscription: Subscription) -> SafeString | str:
        """What it is busy with now; who watches, for administrators."""
        uses: list[str] | None = getattr(subscription, "uses_in_words", [])
        if uses is None:
            return "Cannot be read now: Redis does not answer."
        return format_html_join(mark_safe("<br>"), "{}", ((one,) for one in uses)) or "–"

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, subscription: Subscription) -> SafeString | str:
        """The day; in colour when it is over or soon, and then in words too."""
        if subscription.expires_at is None:
            return "–"
        day = date_format(localtime(subscription.expires_at), "j M Y")
        runs_out = subscription.runs_out(timezone.now())
        if not runs_out:
            return day
        return format_html('<span class="{}">{} ({})</span>', _EXPIRY_COLOURS[runs_out], day, _EXPIRY_WORDS[runs_out])

    @admin.display(description="account")
    def account(self, subscription: Subscription) -> str:
        """What the provider last told of it."""
        return format_html_join(mark_safe("<br>"), "{}: {}", subscription.facts.items()) or "not told yet"

    @admin.display(description="said lately")
    def said_lately(self, subscription: Subscription) -> str:
        """What the portal told this box, newest first."""
        try:
            events = portal_events.lately(connection(), subscription.pk)
        except RedisUnavailable:
            return "Cannot be read now: Redis does not answer."
        rows = [(date_format(localtime(one.at), "j M Y, H:i"), one.sentence) for one in events]
        return format_html_join(mark_safe("<br>"), "{} · {}", rows) or "nothing"

    @action(description="Test now, in the background", permissions=["change"])
    def test_now(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        """Ask about the chosen ones."""
        chosen = list(queryset.values_list("pk", flat=True))
        enqueue_checks(chosen)
        self.message_user(request, f"{len(chosen)} are being tested; look again in a moment.", messages.SUCCESS)

    @action(description="Disable those that do not work…", permissions=["change"])
    def disable_not_working(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Of the chosen ones, switch off what the provider refuses or what is over."""
        return self._to_not_working(request, queryset.filter(enabled=True), "disable_not_working")

    @action(description="Delete those that do not work…", permissions=["delete"])
    def drop_not_working(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse | None:
        """Of the chosen ones, delete what the provider refuses or what is over."""
        return self._to_not_working(request, queryset, "drop_not_working")

    def _to_not_working(
        self, request: HttpRequest, queryset: QuerySet[Subscription], action_name: str
    ) -> HttpResponse | None:
        """What is to be done happens once a person has seen to whom, and then to those alone that still do not work."""
        found = queryset.filter(Subscription.objects.all().not_working_q())
        chosen = list(found.select_related("portal"))
        if not chosen:
            text = "None of the chosen ones is known not to work. “Test now” asks the provider."
            self.message_user(request, text, messages.WARNING)
            return None
        drops = action_name == "drop_not_working"
        if "confirmed" not in request.POST:
            told = {
                **self.admin_site.each_context(request),
                "title": "Those that do not work",
                "opts": self.opts,
                "action_name": action_name,
                "drops": drops,
                "chosen": chosen,
                "now": timezone.now(),
            }
            return TemplateResponse(request, "portals/not_working.html", told)
        rows = Subscription.objects.filter(pk__in=[one.pk for one in chosen])
        if drops:
            self.log_deletions(request, found)
            rows.delete()
        else:
            rows.update(enabled=False)
        done = "deleted" if drops else "disabled"
        self.message_user(request, f"{len(chosen)} that do not work {done}.", messages.SUCCESS)
        return None

    def save_model(self, request: HttpRequest, obj: Subscription, form: Any, change: bool) -> None:
        if form.changed_data:
            # What the portal said of the old identity says nothing of the new one.
            obj.state, obj.state_until, obj.last_error = SubscriptionState.NEW, None, ""
        super().save_model(request, obj, form, change)


@admin.register(Mac)
class MacAdmin(_SubscriptionAdmin):
    """MACs of Stalker portals with the identity they send."""

    empty_hint = (
        "A Stalker portal knows its customers by the MAC of their box. Paste yours on the portal's page, any "
        "number at once."
    )
    list_display = ("mac", "portal", "state", "streams", "in_use", "expires", "enabled", "last_error")
    search_fields = ("mac", "label", "portal__name")
    fieldsets = (
        (None, {"fields": ("portal", "mac", "label")}),
        ("Use", {"fields": ("streams", "shared_count", "enabled", "rank", "expires_at")}),
        ("Login, when the portal asks for one", {"fields": ("login", "password")}),
        (
            "Identity of the box",
            {
                "fields": ("serial", "device_id", "device_id2", "signature", "model"),
                "description": "Send what your own box or app sent before; empty ids are not sent at all. "
                "A portal pins the first ids it sees to the MAC.",
            },
        ),
        ("State", {"fields": (*_SubscriptionAdmin.readonly_fields, "said_lately")}),
    )
    readonly_fields = (*_SubscriptionAdmin.readonly_fields, "said_lately")


@admin.register(Login)
class LoginAdmin(_SubscriptionAdmin):
    """Logins of Xtream portals."""

    empty_hint = (
        "The name and password an Xtream provider gave you, or that a playlist's addresses hold. Add them on "
        "the portal's page."
    )
    list_display = ("login", "portal", "state", "streams", "in_use", "expires", "enabled", "last_error")
    search_fields = ("login", "label", "portal__name")
    fieldsets = (
        (None, {"fields": ("portal", "login", "password", "label")}),
        ("Use", {"fields": ("streams", "shared_count", "enabled", "rank", "expires_at")}),
        ("State", {"fields": _SubscriptionAdmin.readonly_fields}),
    )
