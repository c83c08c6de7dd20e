"""What is on, was on and comes: by channel, and by words."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.errors import HttpError

from api.access import needs
from api.routes.shapes import Limit, Problem, PublicId
from api.scopes import Scope
from channels.models import Channel
from guide.matchmaking import refs_of
from guide.models import Programme
from guide.querysets import Showing
from guide.records import GuideRef
from guide.words import words_of
from restreamer.lib import storable

router = Router(tags=["guide"])

Hours = Annotated[int, Query(ge=1, le=24 * 14, description="How far from `start` on.")]


class Broadcast(Schema):
    """One broadcast on one channel, times with their zone."""

    channel: int
    start: datetime
    stop: datetime
    title: str
    subtitle: str
    description: str
    categories: list[str]
    season: int | None
    episode: int | None


class OnNow(Schema):
    """What a channel shows, and what comes after it; null where the guide does not know."""

    channel: int
    now: Broadcast | None
    next: Broadcast | None


@router.get("/now", response=list[OnNow], auth=needs(Scope.GUIDE_READ))
def now(request: HttpRequest, channel: Annotated[list[PublicId], Query(max_length=500)]) -> list[dict[str, Any]]:
    """What these channels show at this moment: `?channel=1001&channel=1002`."""
    refs = refs_of(channel)
    found = Programme.objects.now_and_next(refs.values(), timezone.now())
    rows = []
    for one in channel:
        both = found[refs[one]] if one in refs else None
        rows.append(
            {
                "channel": one,
                "now": _broadcast(one, both.now) if both and both.now else None,
                "next": _broadcast(one, both.next) if both and both.next else None,
            }
        )
    return rows


@router.get("/channels/{int:channel_id}", response={200: list[Broadcast], 404: Problem}, auth=needs(Scope.GUIDE_READ))
def of_channel(
    request: HttpRequest, channel_id: int, start: datetime | None = None, hours: Hours = 24
) -> list[dict[str, Any]]:
    """What a channel shows from `start` (now unless given) on."""
    channel = get_object_or_404(Channel, pk=channel_id)
    return _window([channel.pk], start, hours)


@router.get("/search", response=list[Broadcast], auth=needs(Scope.GUIDE_READ))
def search(
    request: HttpRequest,
    text: Annotated[str, Query(min_length=2, max_length=100)],
    group: str = "",
    start: datetime | None = None,
    hours: Hours = 48,
    limit: Limit = 100,
) -> list[dict[str, Any]]:
    """Broadcasts of shown channels whose title, subtitle or description hold all the words, the soonest first.

    Case and accents do not count."""
    channels = Channel.objects.enabled()
    if group:
        channels = channels.filter(group__name=storable.text(group))
    begin = _begin(start)
    named: dict[GuideRef, list[int]] = defaultdict(list)
    for pk, ref in refs_of(channels.values_list("pk", flat=True)).items():
        named[ref].append(pk)
    found = Programme.objects.search(named, words_of(text), begin, begin + timedelta(hours=hours), limit)
    return [_broadcast(pk, showing) for ref, showing in found for pk in named[ref]][:limit]


def _window(channels: list[int], start: datetime | None, hours: int) -> list[dict[str, Any]]:
    begin = _begin(start)
    refs = refs_of(channels)
    found = Programme.objects.window(refs.values(), begin, begin + timedelta(hours=hours))
    return [_broadcast(pk, one) for pk in channels if pk in refs for one in found[refs[pk]]]


def _begin(start: datetime | None) -> datetime:
    begin = start or timezone.now()
    if timezone.is_naive(begin):
        raise HttpError(400, "start needs its zone, as in 2026-05-04T20:15:00Z.")
    if not 1970 <= begin.year < 9000:
        raise HttpError(400, "No guide reaches to that start.")
    return begin


def _broadcast(channel: int, showing: Showing) -> dict[str, Any]:
    programme = showing.programme
    return {
        "channel": channel,
        "start": showing.start,
        "stop": showing.stop,
        "title": programme.title,
        "subtitle": programme.subtitle,
        "description": programme.description,
        "categories": programme.categories or [],
        "season": programme.season,
        "episode": programme.episode,
    }
