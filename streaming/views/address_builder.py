"""`/me/viewer/<id>/addresses/`: put an address together and copy it; for the viewer's owner and for administrators."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from accounts.models import Viewer
from accounts.views.pages import for_user, page
from restreamer.addresses import asked_base_url
from streaming.built_addresses import Wanted, built
from streaming.visible import Sight


@require_safe
@for_user
def builder(request: HttpRequest, viewer_id: int) -> HttpResponse:
    """The form, and what it gives."""
    user = cast(User, request.user)
    viewers = Viewer.objects.all() if user.is_superuser else Viewer.objects.filter(owner=user)
    viewer = get_object_or_404(viewers, pk=viewer_id)
    sight = Sight(viewer)
    wanted = Wanted(request.GET, sight, names_portals=user.is_superuser)
    addresses, says = built(wanted, sight, asked_base_url(request)) if wanted.is_valid() else ([], "")
    context = {
        "viewer": viewer,
        "form": wanted,
        "addresses": addresses,
        "says": says,
        "here": "players" if viewer.owner_id == user.pk else "",
    }
    return page(request, "streaming/address_builder.html", context)
