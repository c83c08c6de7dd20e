"""One thing with a beginning and an end, played in the browser: a piece of a channel's past."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from streaming import tv_guide
from streaming.catchup import USUAL_MINUTES, minutes_between, start_of
from streaming.passthrough.candidates import minutes_of_programme
from streaming.views.catchup import ZONE
from streaming.views.people import given_login, policy, zone_of
from streaming.visible import Sight


def archive(request: HttpRequest, sight: Sight, channel_id: int) -> HttpResponseBase:
    """What a channel showed from `utc` to `utcend`. Raises StartUnreadable, ChannelUnknown."""
    channel = sight.channel(channel_id)
    start, end = start_of(request.GET["utc"], ZONE), request.GET.get("utcend", "")
    minutes = minutes_between(start, start_of(end, ZONE)) if end else minutes_of_programme(channel.pk, start)
    begins = int(start.timestamp())
    shown = tv_guide.on_at(channel.pk, start)
    here = timezone.localtime(start, zone_of(request))
    query = {"token": sight.viewer.token, **(_pin(request, sight) if channel.adult else {})}
    told = {
        "name": shown.programme.title if shown else channel.name,
        "address": f"/stream/{channel.pk}?{urlencode(query)}",
        "container": "ts",
        "archive": {"start": begins, "stop": begins + (minutes or USUAL_MINUTES) * 60},
    }
    back = f"{reverse('tv-guide')}?{urlencode({'at': str(begins), **given_login(request)})}"
    return _page(request, told, f"{channel.name}, {here:%A} {here.day} {here:%B, %H:%M}", (back, "TV guide"))


def _page(request: HttpRequest, told: dict[str, Any], about: str, back: tuple[str, str]) -> HttpResponseBase:
    context = {"told": told, "name": told["name"], "about": about, "back": back}
    response = render(request, "streaming/watch.html", context)
    response.headers["Content-Security-Policy"] = policy()
    response.headers["Cache-Control"] = "no-store"
    return response


def _pin(request: HttpRequest, sight: Sight) -> dict[str, str]:
    return {"pin": str(request.GET["pin"])} if sight.pin_given else {}
