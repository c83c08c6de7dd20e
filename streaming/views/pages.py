"""Addresses of pages that people know from the systems they come from: on to the page that is nearest."""

from __future__ import annotations

import re

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from portals.models import Portal

#: The page's own name first, where another room has one; then what is nearest.
_PAGES = {
    "streaming": ("now_playing",),
    "dashboard": ("admin:index",),
    "alerts": ("admin:monitoring_alert_changelist",),
    "log": ("log", "admin:monitoring_event_changelist", "admin:portals_run_changelist"),
}


@require_safe
def page(request: HttpRequest, name: str) -> HttpResponse:
    """`/streaming`, `/dashboard`, `/alerts` and `/log`."""
    return _for_staff(request) or redirect(_first(_PAGES[name]))


@require_safe
def portal_channels(request: HttpRequest, portal: str) -> HttpResponse:
    """`/portal/<id or short name>/channels`: the channels this portal feeds."""
    if (away := _for_staff(request)) is not None:
        return away
    row = Portal.objects.filter(slug=portal).first()
    if row is None and re.fullmatch(r"[0-9]{1,9}", portal):
        row = Portal.objects.filter(pk=int(portal)).first()
    if row is None:
        raise Http404
    return redirect(f"{reverse('admin:channels_channel_changelist')}?portal={row.pk}")


def _for_staff(request: HttpRequest) -> HttpResponse | None:
    """To the login, for who is not in; so that nobody else learns which portals there are."""
    if request.user.is_active and request.user.is_staff:
        return None
    return redirect_to_login(request.path, reverse("admin:login"))


def _first(names: tuple[str, ...]) -> str:
    for name in names[:-1]:
        try:
            return reverse(name)
        except NoReverseMatch:
            continue
    return reverse(names[-1])
