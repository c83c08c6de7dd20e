"""API tokens: made, shown once, taken away."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from api.models import ApiToken, make
from api.scopes import Scope


class TokenForm(ModelForm[ApiToken]):
    """What a token is for, what it may, and until when."""

    scopes = forms.MultipleChoiceField(
        label="May", choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget, required=True
    )

    class Meta:
        model = ApiToken
        fields = ("name", "scopes", "enabled", "expires_at")


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """A token belongs to whoever makes it, and never does what they may not."""

    form = TokenForm
    list_before_template = "api/token_list_hint.html"
    list_display = ("name", "hint", "shown_scopes", "user", "enabled", "expires_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    readonly_fields = ("user", "hint", "created_at", "last_used_at")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """What there is to say of a new one, and of one that is there."""
        asked = ("name", "scopes", "enabled", "expires_at")
        return asked if obj is None else (*asked, "user", "hint", "created_at", "last_used_at")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: ModelForm[ApiToken], change: bool) -> None:
        """A new one is made, and its secret shown this once."""
        if change:
            obj.save()
            return
        assert isinstance(request.user, User)
        row, secret = make(request.user, obj.name, form.cleaned_data["scopes"], obj.expires_at)
        ApiToken.objects.filter(pk=row.pk).update(enabled=obj.enabled)
        obj.__dict__.update(row.__dict__)
        self.message_user(request, f"Its token, shown this once: {secret}", messages.WARNING)

    @display(description="may")
    def shown_scopes(self, row: ApiToken) -> str:
        """As the API calls them."""
        return ", ".join(row.scopes)
