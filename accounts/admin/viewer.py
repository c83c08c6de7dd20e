"""Viewers: what players log in with."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from accounts.adding import check_name, check_password_form
from accounts.addresses import ready_addresses
from accounts.models import AdultView, Viewer
from restreamer.lib.base_url import asked_base_url
from restreamer.lib.errors import InvalidInput


class ViewerForm(forms.ModelForm[Viewer]):
    """Name and password can stand in addresses; the password is set, never shown."""

    new_password = forms.CharField(
        required=False,
        max_length=64,
        label="New password",
        help_text="Empty = unchanged; for a new viewer one is made up and shown once.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    new_pin = forms.RegexField(
        r"^[0-9]{4,12}$",
        required=False,
        label="New PIN",
        help_text="Four to twelve digits; empty = unchanged. Adds &pin=… to the addresses of adult channels.",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password", "inputmode": "numeric"}),
        error_messages={"invalid": "A PIN has four to twelve digits."},
    )

    class Meta:
        model = Viewer
        fields = (
            "name", "new_password", "connections", "limit_policy", "may_redirect", "enabled", "expires_at", "owner",
            "lineups", "with_live", "with_movies", "with_series", "adult", "new_pin", "networks", "open_networks",
            "notes",
        )  # fmt: skip
        widgets: ClassVar[dict[str, forms.Widget]] = {
            name: UnfoldAdminTextareaWidget(attrs={"rows": 2}) for name in ("networks", "open_networks", "notes")
        }

    def clean_name(self) -> str:
        return _checked(check_name, self.cleaned_data["name"])

    def clean_new_password(self) -> str:
        value: str = self.cleaned_data["new_password"]
        return _checked(check_password_form, value) if value else ""

    def clean(self) -> dict[str, Any] | None:
        """A PIN that lets see something must be there."""
        cleaned = super().clean()
        wants_pin = self.cleaned_data.get("adult") == AdultView.PIN
        if wants_pin and not self.instance.pin_hash and not self.cleaned_data.get("new_pin"):
            self.add_error("new_pin", "Adult channels are to be seen with a PIN: set one.")
        return cleaned


def _checked(check: Any, value: str) -> str:
    try:
        check(value)
    except InvalidInput as err:
        raise forms.ValidationError(err.message) from err
    return value


@admin.register(Viewer)
class ViewerAdmin(ModelAdmin):
    """What players log in with."""

    empty_hint = "A viewer is what a player logs in with: add one for each television, or each person."
    form = ViewerForm
    list_display = ("name", "limit", "enabled", "expires_at", "lineup_names", "owner")
    list_filter = ("enabled", "lineups", "adult")
    search_fields = ("name", "notes")
    autocomplete_fields = ("lineups", "owner")
    actions = ("new_token", "switch_off", "switch_on")
    fieldsets = (
        (None, {"fields": ("name", "new_password", "enabled", "expires_at", "owner", "notes")}),
        ("What they see", {"fields": ("lineups", ("with_live", "with_movies", "with_series"), "adult", "new_pin")}),
        ("Limits", {"fields": (("connections", "limit_policy"), "may_redirect", "networks", "open_networks")}),
    )

    change_form_outer_after_template = "accounts/viewer_addresses.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With the addresses to copy into a player."""
        viewer = self.get_object(request, object_id)
        addresses = ready_addresses(viewer, asked_base_url(request)) if viewer is not None else []
        shown: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "addresses": addresses}
        )
        return shown

    def get_queryset(self, request: HttpRequest) -> QuerySet[Viewer]:
        viewers: QuerySet[Viewer] = super().get_queryset(request)
        return viewers.select_related("owner").prefetch_related("lineups")

    @display(description="lineups")
    def lineup_names(self, viewer: Viewer) -> str:
        """What the viewer was given."""
        return ", ".join(lineup.name for lineup in viewer.lineups.all()) or "everything"

    @display(description="streams at once", ordering="connections")
    def limit(self, viewer: Viewer) -> str:
        """The limit in words."""
        return str(viewer.connections) if viewer.connections else "no limit"

    def save_model(self, request: HttpRequest, obj: Viewer, form: ViewerForm, change: bool) -> None:  # type: ignore[override]
        password = form.cleaned_data["new_password"]
        if not change and not password:
            password = secrets.token_urlsafe(9)
            self.message_user(
                request, f"The password of {obj.name} is {password} - it is shown only this once.", messages.WARNING
            )
        if password:
            obj.set_password(password)
        if form.cleaned_data["new_pin"]:
            obj.set_pin(form.cleaned_data["new_pin"])
        super().save_model(request, obj, form, change)

    @action(description="New token (old addresses stop working)", permissions=["change"])
    def new_token(self, request: HttpRequest, queryset: QuerySet[Viewer]) -> None:
        """Rotate the tokens of the chosen viewers."""
        for viewer in queryset:
            viewer.rotate_token()
            viewer.save(update_fields=["token"])
        self.message_user(request, f"{queryset.count()} viewer(s) have a new token.", messages.SUCCESS)

    @action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Viewer]) -> None:
        """Their addresses stop working until they are switched on again."""
        self.message_user(request, f"{queryset.update(enabled=False)} viewer(s) switched off.", messages.SUCCESS)

    @action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[Viewer]) -> None:
        """Their addresses work again."""
        self.message_user(request, f"{queryset.update(enabled=True)} viewer(s) switched on.", messages.SUCCESS)
