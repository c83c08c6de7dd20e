"""Logging in and out: name or address and password, then the second factor where there is one."""

from __future__ import annotations

from typing import Any

import redis
from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods, require_POST

from accounts import second_factor, web_sessions
from accounts.views.pages import next_page, own_page, page
from restreamer.lib.redis_client import RedisUnavailable

_WRONG = "Name and password do not fit. Capital letters count."


class LoginForm(forms.Form):
    """What one types to get in."""

    username = forms.CharField(
        max_length=254,
        label="Name or e-mail",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}),
    )
    password = forms.CharField(
        max_length=1000, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    remember = forms.BooleanField(required=False, label="Stay logged in on this device")


class CodeForm(forms.Form):
    """A code of the authenticator, or a recovery code."""

    code = forms.CharField(
        max_length=40,
        label="Code",
        help_text="Six digits of your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "autocapitalize": "none"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_protect
@own_page
def log_in(request: HttpRequest) -> HttpResponse:
    """`/login/`, and where the admin sends those it does not know."""
    asked = request.POST.get("next", request.GET.get("next", ""))
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(next_page(request, request.user, asked, was_in=True))
        return _login_page(request, LoginForm(), asked)
    form = LoginForm(request.POST)
    if not form.is_valid():
        return _login_page(request, form, asked)
    user = checked(request, form.cleaned_data["username"], form.cleaned_data["password"])
    if user is None:
        form.add_error(None, _WRONG)
        return _login_page(request, form, asked, status=403)
    login(request, user)
    row = web_sessions.current(request)
    if row is not None:
        row.remember(request, wanted=form.cleaned_data["remember"])
    if second_factor.of(user) is not None:
        return redirect(f"{reverse('login-code')}?{urlencode({'next': asked})}")
    return redirect(next_page(request, user, asked))


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_protect
@own_page
def code(request: HttpRequest) -> HttpResponse:
    """`/login/code/`: the second step. Raises TooManyGuesses, RedisUnavailable."""
    asked = request.POST.get("next", request.GET.get("next", ""))
    # Only asking for the user finds out who owes a factor.
    if request.user.is_authenticated:
        return redirect(next_page(request, request.user, asked, was_in=True))
    user: User | None = getattr(request, "owes_factor", None)
    if user is None:
        return redirect("login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        factor, row = second_factor.of(user), web_sessions.current(request)
        if factor is not None and row is not None and factor.accepts(form.cleaned_data["code"]):
            row.verify(request)
            return redirect(next_page(request, user, asked))
        form.add_error("code", "That code is not right, or was used already. Wait for the next one.")
    return page(request, "accounts/code.html", {"form": form, "next": asked}, 200 if not form.errors else 403)


@require_POST
@csrf_protect
@own_page
def log_out(request: HttpRequest) -> HttpResponse:
    """`/logout/`."""
    logout(request)
    return redirect("login")


def checked(request: HttpRequest, name: str, password: str) -> User | None:
    """The user these belong to; the throttle counts. Raises RedisUnavailable, as the counts are there."""
    try:
        return authenticate(request, username=name, password=password)
    except redis.RedisError as err:
        raise RedisUnavailable("Nobody can log in: Redis, which counts wrong logins, does not answer.") from err


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """What an address meets that was wrong too often; called by django-axes."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    sentence = (
        f"Too many wrong logins came from your address. Wait {minutes} minutes, "
        "or have an administrator let you in again."
    )
    response = page(request, "accounts/refused.html", {"sentence": sentence}, 429)
    response["Retry-After"] = str(minutes * 60)
    response["Cache-Control"] = "no-store"
    return response


def _login_page(request: HttpRequest, form: LoginForm, asked: str, status: int = 200) -> HttpResponse:
    return page(request, "accounts/login.html", {"form": form, "next": asked}, status)
