"""One thing with a beginning and an end, played in the browser: a piece of a channel's past, a movie, an episode."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
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
from vod.models import Episode, Movie


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


def title(request: HttpRequest, sight: Sight, public_id: int) -> HttpResponseBase:
    """A movie or an episode. Raises TitleUnknown."""
    found = sight.title(public_id)
    model: type[Movie | Episode] = Movie if found.kind == "movie" else Episode
    row = model.objects.select_related("lead").get(pk=public_id)
    container = row.lead.container if row.lead else ""
    query = {"token": sight.viewer.token, **(_pin(request, sight) if found.adult else {})}
    told: dict[str, Any] = {
        "name": row.shown_name,
        "address": f"/vod/{found.kind}/{public_id}{f'.{container}' if container else ''}?{urlencode(query)}",
        "container": container,
    }
    given = urlencode(given_login(request))
    behind = f"?{given}" if given else ""
    if isinstance(row, Movie):
        return _page(
            request, told, str(row.year or ""), (reverse("library-movie", args=[public_id]) + behind, "Movies")
        )
    series = reverse("library-one-series", args=[row.series_id])
    back = f"{series}?{urlencode({'season': str(row.season.number), **given_login(request)})}"
    following = _after(sight, row)
    if following is not None:
        told["next"] = {
            "page": reverse("library-play", args=[following.pk]) + behind,
            "name": f"Next: {following.number}. {following.shown_name}",
        }
    about = f"{row.series.shown_name}, season {row.season.number}, episode {row.number}"
    return _page(request, told, about, (back, "Episodes"))


def _after(sight: Sight, episode: Episode) -> Episode | None:
    """The episode that follows, in this season or the next."""
    of_series = sight.episodes().filter(series=episode.series_id, season__number__gte=episode.season.number)
    later = Q(season__number__gt=episode.season.number) | Q(number__gt=episode.number)
    return of_series.filter(later).in_order().first()


def _page(request: HttpRequest, told: dict[str, Any], about: str, back: tuple[str, str]) -> HttpResponseBase:
    context = {"told": told, "name": told["name"], "about": about, "back": back}
    response = render(request, "streaming/watch.html", context)
    response.headers["Content-Security-Policy"] = policy()
    response.headers["Cache-Control"] = "no-store"
    return response


def _pin(request: HttpRequest, sight: Sight) -> dict[str, str]:
    return {"pin": str(request.GET["pin"])} if sight.pin_given else {}
