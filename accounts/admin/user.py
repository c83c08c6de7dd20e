"""Web users: a role instead of permissions, passwords made here and shown once, where they are logged in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import people, second_factor, throttle, web_sessions
from accounts.roles import Role, give_role, must_leave_an_administrator, role_of
from restreamer.lib.errors import InvalidInput
from restreamer.lib.redis_client import RedisUnavailable, connection

admin.site.unregister(User)
admin.site.unregister(Group)


class UserForm(forms.ModelForm[User]):
    """Name, address, role; nothing of permissions."""

    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = User
        fields = ("username", "email", "is_active")
        labels = {"username": "Name", "email": "E-mail", "is_active": "May log in"}
        help_texts = {
            "username": "Letters, digits and @ . + - _; people log in with it or with the e-mail address.",
            "is_active": "Off: signed out everywhere at once, and nobody can log in with it.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["role"] = role_of(self.instance).value

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if name != self.instance.username:
            _in_form(people.check_user_name, name)
        return name

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        _in_form(people.check_email, email, of=self.instance if self.instance.pk else None)
        return email

    def clean(self) -> dict[str, Any] | None:
        """Somebody must be left who may administer."""
        cleaned = super().clean()
        stays = self.cleaned_data.get("role") == Role.ADMINISTRATOR and self.cleaned_data.get("is_active")
        if self.instance.pk and not stays:
            _in_form(must_leave_an_administrator, [self.instance.pk])
        return cleaned


def _in_form(check: Any, *args: Any, **kwargs: Any) -> None:
    try:
        check(*args, **kwargs)
    except InvalidInput as err:
        raise forms.ValidationError(err.message) from err


@admin.register(User)
class UserAdmin(ModelAdmin):
    """For administrators alone, whatever permissions somebody was given."""

    form = UserForm
    list_display = ("username", "email", "role", "is_active", "owns", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("username", "email")
    ordering = ("username",)
    actions = ("switch_off", "switch_on", "sign_out_everywhere")
    fields = ("username", "email", "role", "is_active")
    list_before_template = "accounts/user_list_hint.html"
    change_form_outer_before_template = "accounts/user_actions.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_administrator(request)

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_administrator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_administrator(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return _is_administrator(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.prefetch_related("groups", "viewers")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return "password" not in lookup and bool(super().lookup_allowed(lookup, value, request))

    @display(description="role")
    def role(self, user: User) -> str:
        """In one word."""
        return role_of(user).value

    @display(description="viewers")
    def owns(self, user: User) -> str:
        """The player logins of this person."""
        return ", ".join(viewer.name for viewer in user.viewers.all())  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: User, form: UserForm, change: bool) -> None:  # type: ignore[override]
        password = "" if change else people.new_password()
        if password:
            obj.set_password(password)
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            # Always: somebody from before there were roles loses what was given by hand.
            give_role(obj, Role(form.cleaned_data["role"]))
            if not obj.is_active:
                web_sessions.sign_out(obj)
        if password:
            sentence = f"The password of {obj.username} is {password} - it is shown only this once."
            self.message_user(request, sentence, messages.WARNING)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Deleting is refused where it would leave nobody to administer."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        try:
            must_leave_an_administrator(one.pk for one in objs)
        except InvalidInput as err:
            protected = [*protected, err.message]
        return deleted, counts, missing, protected

    # --- actions of the list -------------------------------------------------------------------------------------

    @action(description="Switch off (signed out everywhere)", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """They cannot log in until they are switched on again."""
        self._each(request, queryset, lambda user: people.switch(user, on=False), "switched off")

    @action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """They can log in again."""
        self._each(request, queryset, lambda user: people.switch(user, on=True), "switched on")

    @action(description="Sign out everywhere", permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End all their logins."""
        self._each(request, queryset, web_sessions.sign_out, "signed out")

    def _each(self, request: HttpRequest, users: QuerySet[User], do: Any, done: str) -> None:
        for user in users:
            try:
                do(user)
            except InvalidInput as err:
                self.message_user(request, f"{user}: {err.message}", messages.ERROR)
            else:
                self.message_user(request, f"{user}: {done}.", messages.SUCCESS)

    # --- buttons of a user's page --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """POST only, because they do something."""
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/reset-password/", view(require_POST(self.reset_password)), name="auth_user_reset"),
            path("<int:pk>/sign-out/", view(require_POST(self.sign_out)), name="auth_user_sign_out"),
            path("<int:pk>/no-factor/", view(require_POST(self.no_factor)), name="auth_user_no_factor"),
            path("unlock/", view(require_POST(self.unlock)), name="auth_user_unlock"),
        ]
        return own + super().get_urls()  # type: ignore[no-any-return]

    def reset_password(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new password, on the answer itself and nowhere else."""
        user = self._user(request, pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"New password of {user}",
            "opts": self.opts,
            "subject": user,
            "password": people.reset_password(user),
        }
        return never_cache(render)(request, "accounts/password_once.html", context)

    def sign_out(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One login of the user, or all of them."""
        user = self._user(request, pk)
        one = request.POST.get("session", "")
        gone = user.web_sessions.filter(pk=one).delete()[0] if one else web_sessions.sign_out(user)  # type: ignore[attr-defined]
        self.message_user(request, f"{user}: signed out of {gone} browser(s).", messages.SUCCESS)
        return redirect("admin:auth_user_change", pk)

    def no_factor(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For somebody who lost the phone."""
        user = self._user(request, pk)
        if second_factor.take_away(user):
            self.message_user(request, f"{user} needs no second factor any more.", messages.SUCCESS)
        return redirect("admin:auth_user_change", pk)

    def unlock(self, request: HttpRequest) -> HttpResponse:
        """Let an address log in again."""
        if not _is_administrator(request):
            raise PermissionDenied
        lifted = throttle.lift(connection(), request.POST.get("address", ""))
        self.message_user(request, "They may try again." if lifted else "They may try already.", messages.SUCCESS)
        return redirect("admin:auth_user_changelist")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With those who wait after too many wrong logins."""
        try:
            waiting = throttle.lockouts(connection())
        except RedisUnavailable:
            waiting = []
        shown: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "lockouts": waiting})
        return shown

    def _user(self, request: HttpRequest, pk: int) -> User:
        if not _is_administrator(request):
            raise PermissionDenied
        return get_object_or_404(User, pk=pk)


def _is_administrator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
