"""Web users and viewers."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.adding import check_name, check_password_form
from accounts.models import Viewer
from restreamer.lib.errors import InvalidInput

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    """Django's user pages in the house's clothes."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Django's permission groups."""


class ViewerForm(forms.ModelForm[Viewer]):
    """Name and password can stand in addresses; the password is set, never shown."""

    new_password = forms.CharField(
        required=False,
        max_length=64,
        label="New password",
        help_text="Empty = unchanged; for a new viewer one is made up and shown once.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Viewer
        fields = ("name", "new_password", "connections", "may_redirect", "enabled", "expires_at", "owner")

    def clean_name(self) -> str:
        return _checked(check_name, self.cleaned_data["name"])

    def clean_new_password(self) -> str:
        value: str = self.cleaned_data["new_password"]
        return _checked(check_password_form, value) if value else ""


def _checked(check: Any, value: str) -> str:
    try:
        check(value)
    except InvalidInput as err:
        raise forms.ValidationError(err.message) from err
    return value


@admin.register(Viewer)
class ViewerAdmin(ModelAdmin):
    """What players log in with."""

    form = ViewerForm
    list_display = ("name", "limit", "enabled", "expires_at", "owner")
    list_filter = ("enabled",)
    search_fields = ("name",)
    actions = ("new_token",)

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
        super().save_model(request, obj, form, change)

    @action(description="New token (old addresses stop working)", permissions=["change"])
    def new_token(self, request: HttpRequest, queryset: QuerySet[Viewer]) -> None:
        """Rotate the tokens of the chosen viewers."""
        for viewer in queryset:
            viewer.rotate_token()
            viewer.save(update_fields=["token"])
        self.message_user(request, f"{queryset.count()} viewer(s) have a new token.", messages.SUCCESS)
