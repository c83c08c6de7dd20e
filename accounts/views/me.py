"""`/me/`: the players of whoever is logged in, and nobody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from accounts import people
from accounts.addresses import ReadyAddress, ready_addresses
from accounts.models import Viewer, ViewerQuerySet
from accounts.playing import Playing, plays
from accounts.views.pages import for_user, page
from restreamer.lib.base_url import asked_base_url
from restreamer.lib.redis_client import RedisUnavailable


@dataclass(frozen=True, slots=True)
class Shown:
    """One viewer as its owner sees it. `playing` is None when nobody can tell now."""

    viewer: Viewer
    addresses: list[ReadyAddress]
    playing: list[Playing] | None


@require_safe
@for_user
def me(request: HttpRequest) -> HttpResponse:
    """The list."""
    viewers = _mine(request).prefetch_related("lineups")
    shown = [Shown(one, ready_addresses(one, asked_base_url(request)), _playing(one)) for one in viewers]
    may = request.user.has_perm("accounts.change_viewer")
    return page(request, "accounts/me.html", {"shown": shown, "here": "players", "may_change_viewers": may})


@require_POST
@csrf_protect
@for_user
def new_token(request: HttpRequest, viewer_id: int) -> HttpResponse:
    """New addresses; the old ones stop working."""
    viewer = get_object_or_404(_mine(request), pk=viewer_id)
    viewer.rotate_token()
    viewer.save(update_fields=["token"])
    messages.success(request, f"{viewer.name} has new addresses. Put them into its players; the old ones are void.")
    return redirect("me")


@require_POST
@csrf_protect
@for_user
def new_viewer_password(request: HttpRequest, viewer_id: int) -> HttpResponse:
    """A new password for Xtream players, on the answer itself and nowhere else."""
    viewer = get_object_or_404(_mine(request), pk=viewer_id)
    password = people.new_password()
    viewer.set_password(password)
    viewer.save(update_fields=["password_hash"])
    context = {"viewer": viewer, "password": password, "server": asked_base_url(request), "here": "players"}
    return page(request, "accounts/viewer_password.html", context)


def _mine(request: HttpRequest) -> ViewerQuerySet:
    return Viewer.objects.filter(owner=cast(User, request.user))


def _playing(viewer: Viewer) -> list[Playing] | None:
    try:
        return plays(viewer.pk)
    except RedisUnavailable:
        return None
