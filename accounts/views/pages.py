"""What the pages of web users share: their look, their headers, and where somebody goes next."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from restreamer.lib.errors import RestreamerError

View = Callable[..., HttpResponse]
#: Pages that send nobody away who is logged in.
_EVERYBODYS = ("/me/", "/player/", "/guide/", "/library/")
#: Parameters that stand in no report of an error.
_SECRET = sensitive_post_parameters("password", "old_password", "new_password", "again", "code")


def page(request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """One of our own pages: nothing of it is kept by anybody, and only our own files run on it."""
    response = render(request, template, {"sign_on": settings.OIDC_ISSUER and settings.OIDC_NAME, **(context or {})})
    response.status_code = status
    response.own_page = True  # type: ignore[attr-defined]
    return response


def own_page(view: View) -> View:
    """For views of these pages: never cached, secrets kept out of reports, our errors as a page with a sentence."""

    @_SECRET
    @never_cache
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except RestreamerError as err:
            response = page(request, "accounts/refused.html", {"sentence": err.public}, err.status)
            if err.retry_after_s is not None:
                response["Retry-After"] = str(int(err.retry_after_s))
            return response

    return answer


def for_user(view: View) -> View:
    """For views of somebody's own things: others go to the login first."""

    @own_page
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect(f"{reverse('login')}?next={reverse('me')}")
        return view(request, *args, **kwargs)

    return answer


def next_page(request: HttpRequest, user: User, asked: str, *, was_in: bool = False) -> str:
    """Where the user goes from the login: where they wanted, when that is ours and open to them.

    `was_in`: they were logged in before. Then a page that is not theirs may have sent them, and would again.
    """
    ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    everybodys, staffs = asked.startswith(_EVERYBODYS), asked.startswith(reverse("admin:index"))
    if ours and (everybodys or (user.is_staff and (staffs or not was_in))):
        return asked
    return reverse("admin:index") if user.is_staff else reverse("me")
