"""Catch-up: a piece of a channel's past, by start and duration, in every layout players ask for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.models import Viewer
from channels.models import Channel
from streaming.catchup import USUAL_MINUTES, minutes_between, minutes_of, start_of
from streaming.errors import ArchiveMissing, ChannelUnknown
from streaming.passthrough.candidates import archive_hours, archive_key, minutes_of_programme
from streaming.views.access import admitted_by_login
from streaming.views.errors import for_players
from streaming.views.passing import pass_through, player_of, told_without_opening

#: What `server_info.timezone` says: wall-clock starts are meant in it.
ZONE = UTC
#: Clocks differ, and archives keep a little more than they promise.
_SLACK = timedelta(hours=1)


@for_players
def timeshift(
    request: HttpRequest, name: str, password: str, minutes: str, start: str, public_id: str, extension: str = ""
) -> HttpResponseBase:
    """`/timeshift/U/P/<minutes>/<start>/<id>.ts`."""
    return _asked(request, name, password, public_id, start, minutes)


@for_players
def timeshift_php(request: HttpRequest) -> HttpResponseBase:
    """`/timeshift.php` and `/streaming/timeshift.php`, everything in the query."""
    said = request.GET
    return _asked(
        request,
        said.get("username", ""),
        said.get("password", ""),
        said.get("stream", "") or said.get("stream_id", ""),
        said.get("start", ""),
        said.get("duration", ""),
    )


def asks_for_past(request: HttpRequest) -> bool:
    """Has somebody put a start behind the address of a live channel?"""
    return bool(request.GET.get("utc", ""))


def past_of_live(request: HttpRequest, viewer: Viewer, channel: Channel) -> HttpResponseBase:
    """`?utc=<start>&lutc=<now>` behind a live address, `&utcend=` where the player knows the end."""
    start = start_of(request.GET.get("utc", ""), ZONE)
    end = request.GET.get("utcend", "")
    minutes = minutes_between(start, start_of(end, ZONE)) if end else minutes_of(request.GET.get("duration", ""))
    return past(request, viewer, channel, start, minutes)


def past(
    request: HttpRequest, viewer: Viewer, channel: Channel, start: datetime, minutes: int | None
) -> HttpResponseBase:
    """A piece of a channel's archive for an admitted viewer. Raises what they are told instead."""
    hours = archive_hours(channel.pk)
    now = timezone.now()
    if not hours or not now - timedelta(hours=hours) - _SLACK <= start <= now + timedelta(minutes=1):
        raise ArchiveMissing(f"{channel.name} keeps {hours} h; {start:%Y-%m-%d %H:%M} is not among them.")
    # The guide is asked for less than a minute's cost, and only by players that leave the duration out.
    lasts = minutes or minutes_of_programme(channel.pk, start) or USUAL_MINUTES
    key = archive_key(channel.pk, start, lasts, player_of(request, viewer))
    if request.method == "HEAD":
        return told_without_opening(key, "ts")
    return pass_through(request, viewer, key, f"{channel.name}, {start:%Y-%m-%d %H:%M} UTC")


def _asked(
    request: HttpRequest, name: str, password: str, public_id: str, start: str, minutes: str
) -> HttpResponseBase:
    sight = admitted_by_login(request, name, password)
    number = public_id.partition(".")[0]
    if not (number.isascii() and number.isdecimal()):
        raise ChannelUnknown(f"{public_id[:40]!r} is no channel's id.")
    return past(request, sight.viewer, sight.channel(int(number)), start_of(start, ZONE), minutes_of(minutes))
