"""`/guide/`: what is on, was on and comes, as a grid; one broadcast; and the search by words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from channels.listing import listed_among
from channels.models import Group
from channels.querysets import ChannelQuerySet
from restreamer.lib import storable
from streaming import tv_guide
from streaming.errors import BroadcastUnknown
from streaming.passthrough.candidates import archive_hours
from streaming.views.access import pictures_of
from streaming.views.people import for_people, shown, zone_of
from streaming.visible import HIGHEST_ID, Sight

#: Channels on a page, and broadcasts a search lists.
CHANNELS_A_PAGE, MOST_FOUND = 50, 100
_MOST_PAGES = 10_000


@for_people
def grid(request: HttpRequest, sight: Sight) -> HttpResponseBase:
    """A page of channels over three hours; `at` (epoch seconds), `group`, `q`, `guide` and `page` choose."""
    now, zone = timezone.now(), zone_of(request)
    start = tv_guide.beginning(request.GET.get("at", ""), now)
    told = tv_guide.bounds()
    group, page = _number(request.GET.get("group", "")), _number(request.GET.get("page", "")) or 1
    channels = _chosen(request, sight.channels(), group)
    first = (min(page, _MOST_PAGES) - 1) * CHANNELS_A_PAGE
    some = list(listed_among(sight.channels(), channels[first : first + CHANNELS_A_PAGE + 1]))
    pictures = replace(pictures_of(request, sight), base_url="")
    logos = [(one, pictures.channel(one.id, one.logo, adult=one.adult)) for one in some[:CHANNELS_A_PAGE]]
    rows = tv_guide.grid(logos, start, now) if told else [tv_guide.Row(*one) for one in logos]
    stop = start + tv_guide.WINDOW
    context = {
        "here": "guide",
        "rows": rows,
        "knows": any(row.cells for row in rows),
        "told": told,
        "may_add_guides": request.user.has_perm("guide.add_epgsource"),
        "page": page,
        "more": len(some) > CHANNELS_A_PAGE,
        "groups": _groups(sight),
        "group": group,
        "asked": request.GET.get("q", ""),
        "with_guide": bool(request.GET.get("guide")),
        "days": tv_guide.days(start, now, zone, told or (now, now)),
        "start": start,
        "stop": stop,
        "now": now,
        "is_now": start <= now < stop,
        "times": [start + step * tv_guide.STEP for step in range(tv_guide.WINDOW // tv_guide.STEP)],
        "slots": range(tv_guide.SLOTS),
        "step_slots": tv_guide.SLOTS_A_STEP,
        "begins": int(start.timestamp()),
        "ends": int(stop.timestamp()),
        "earlier": int((start - tv_guide.WINDOW).timestamp()),
        "zone": zone,
    }
    with timezone.override(zone):
        return shown(request, "streaming/guide.html", context)


@for_people
def broadcast(request: HttpRequest, sight: Sight, channel_id: int, start: int) -> HttpResponseBase:
    """One broadcast, named by channel and begin in epoch seconds: what there is to know, and how to watch it."""
    channel = sight.channel(channel_id)
    try:
        moment = datetime.fromtimestamp(start, UTC)
    except (ValueError, OverflowError, OSError):
        raise BroadcastUnknown(f"{start} is no time.") from None
    showing = tv_guide.on_at(channel_id, moment)
    if showing is None:
        raise BroadcastUnknown(f"No guide tells what begins on {channel.name} at {moment}.")
    now, zone = timezone.now(), zone_of(request)
    pictures = replace(pictures_of(request, sight), base_url="")
    context = {
        "here": "guide",
        "channel": channel,
        "begins": start,
        "ends": int(showing.stop.timestamp()),
        "logo": pictures.channel(channel.pk, channel.logo, adult=channel.adult),
        "showing": showing,
        "programme": showing.programme,
        "record": showing.programme.record(),
        "when": tv_guide.when(showing, now),
        "archived": tv_guide.archived(showing, now, archive_hours(channel_id)),
        "zone": zone,
    }
    with timezone.override(zone):
        return shown(request, "streaming/broadcast.html", context)


@for_people
def search(request: HttpRequest, sight: Sight) -> HttpResponseBase:
    """Broadcasts by words: `text`, `when` (now, today, week) and `group` choose."""
    now, zone = timezone.now(), zone_of(request)
    text, wanted = storable.text(request.GET.get("text", ""), 100), request.GET.get("when", "week")
    midnight = (now.astimezone(zone) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    stops = {"now": now + timedelta(seconds=1), "today": midnight, "week": now + timedelta(days=7)}
    group = _number(request.GET.get("group", ""))
    found = tv_guide.search(sight, text, now, stops.get(wanted, stops["week"]), group, MOST_FOUND + 1, now)
    context = {
        "here": "guide",
        "found": found[:MOST_FOUND],
        "more": len(found) > MOST_FOUND,
        "text": text,
        "when": wanted if wanted in stops else "week",
        "whens": [("now", "on now"), ("today", "today"), ("week", "this week")],
        "groups": _groups(sight),
        "group": group,
        "zone": zone,
    }
    with timezone.override(zone):
        return shown(request, "streaming/guide_search.html", context)


def _chosen(request: HttpRequest, channels: ChannelQuerySet, group: int | None) -> ChannelQuerySet:
    if group is not None:
        channels = channels.filter(group=group)
    if asked := storable.text(request.GET.get("q", ""), 100):
        channels = channels.filter(name__icontains=asked)
    return channels.with_guide() if request.GET.get("guide") else channels


def _groups(sight: Sight) -> QuerySet[Group]:
    """Those that hold something the viewer sees."""
    return Group.objects.filter(pk__in=sight.channels().order_by().values("group"))


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    return number if 0 < (number := int(text)) <= HIGHEST_ID else None
