"""`/me/account/`: password, browsers, second factor and single sign-on of whoever is logged in."""

from __future__ import annotations

from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import people, second_factor, web_sessions
from accounts.qr import qr_picture
from accounts.roles import role_of
from accounts.second_factor import SecondFactor
from accounts.views.login import CodeForm, checked
from accounts.views.pages import for_user, page
from restreamer.lib.errors import InvalidInput

_PASSWORD = forms.PasswordInput(attrs={"autocomplete": "current-password"})


class OwnPasswordForm(forms.Form):
    """The old one, and the new one twice."""

    old_password = forms.CharField(max_length=1000, strip=False, label="Password now", widget=_PASSWORD)
    new_password = forms.CharField(
        max_length=1000,
        strip=False,
        label="New password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        max_length=1000,
        strip=False,
        label="Once more",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class SureForm(forms.Form):
    """One's password, before something that a forgotten open browser must not do."""

    password = forms.CharField(max_length=1000, strip=False, label="Your password", widget=_PASSWORD)


@require_safe
@for_user
def account(request: HttpRequest) -> HttpResponse:
    """All of it."""
    return _account(request, OwnPasswordForm(), SureForm())


@require_POST
@csrf_protect
@for_user
def change_password(request: HttpRequest) -> HttpResponse:
    """Another password; all other browsers are signed out."""
    user, form = _user(request), OwnPasswordForm(request.POST)
    if not form.is_valid():
        return _account(request, form, SureForm(), 400)
    new: str = form.cleaned_data["new_password"]
    if new != form.cleaned_data["again"]:
        form.add_error("again", "The two are not the same.")
    elif checked(request, user.username, form.cleaned_data["old_password"]) is None:
        form.add_error("old_password", "That is not your password.")
    else:
        try:
            people.set_password(user, new, but=request.session.get(web_sessions.KEY, ""))
        except InvalidInput as err:
            form.add_error("new_password", err.message)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, "Your password is changed; all other browsers are signed out.")
            return redirect("account")
    return _account(request, form, SureForm(), 400)


@require_POST
@csrf_protect
@for_user
def sign_out(request: HttpRequest) -> HttpResponse:
    """One of one's browsers, or all others."""
    user, one = _user(request), request.POST.get("session", "")
    if one:
        gone = user.web_sessions.filter(pk=one).delete()[0]
    else:
        gone = web_sessions.sign_out(user, but=request.session.get(web_sessions.KEY, ""))
    messages.success(request, f"Signed out of {gone} browser{'' if gone == 1 else 's'}.")
    return redirect("account")


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_protect
@for_user
def set_up_factor(request: HttpRequest) -> HttpResponse:
    """Begin with the password, end with the first right code; then the recovery codes are shown once."""
    user = _user(request)
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is not None and factor.confirmed_at is not None:
        return redirect("account")
    if request.method == "POST" and "password" in request.POST:
        if not _sure(request, user):
            return redirect("account")
        factor = second_factor.begin(user)
    if factor is None:
        return redirect("account")
    form = CodeForm(request.POST if "code" in request.POST else None)
    form.fields["code"].help_text = "The six digits your app shows now."
    if form.is_bound and form.is_valid():
        if factor.confirm(form.cleaned_data["code"]):
            return _on(request, user, factor)
        form.add_error("code", "That code is not right. Is the clock of your phone?")
    context = {"form": form, "picture": qr_picture(factor.address), "secret": factor.secret, "here": "account"}
    return page(request, "accounts/factor.html", context, 400 if form.errors else 200)


@require_POST
@csrf_protect
@for_user
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Ten new ones, shown once."""
    user = _user(request)
    factor = second_factor.of(user)
    if factor is None or not _sure(request, user):
        return redirect("account")
    return page(request, "accounts/recovery.html", {"codes": factor.new_recovery_codes(), "here": "account"})


@require_POST
@csrf_protect
@for_user
def take_factor_away(request: HttpRequest) -> HttpResponse:
    """From now on the password is enough."""
    user = _user(request)
    if _sure(request, user) and second_factor.take_away(user):
        messages.success(request, "The second factor is switched off.")
    return redirect("account")


def _on(request: HttpRequest, user: User, factor: SecondFactor) -> HttpResponse:
    row = web_sessions.current(request)
    if row is not None:
        row.verify(request)
        # What was logged in with the password alone is so no longer.
        web_sessions.sign_out(user, but=row.pk)
    context = {"codes": factor.new_recovery_codes(), "fresh": True, "here": "account"}
    return page(request, "accounts/recovery.html", context)


def _sure(request: HttpRequest, user: User) -> bool:
    right = checked(request, user.username, request.POST.get("password", "")[:1000]) is not None
    if not right:
        messages.error(request, "That is not your password.")
    return right


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _account(request: HttpRequest, form: OwnPasswordForm, sure: SureForm, status: int = 200) -> HttpResponse:
    user = _user(request)
    factor = second_factor.of(user)
    context = {
        "form": form,
        "sure": sure,
        "role": role_of(user),
        "sessions": user.web_sessions.all(),
        "this_session": request.session.get(web_sessions.KEY, ""),
        "factor": factor,
        "identities": user.identities.all(),
        "here": "account",
    }
    return page(request, "accounts/account.html", context, status)
