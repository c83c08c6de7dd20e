"""A network tuner over HTTP, at the root of a port or under `/hdhr/<token>` (reference hdhomerun.md, section 1).

At the root nobody can send a token: who may, is said by the networks a viewer is open to. No redirects, no cookies;
parameters we do not know are ignored, because these clients invent some.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.text import slugify

from accounts.models import Viewer
from restreamer.addresses import asked_base_url
from restreamer.lib.redis_client import connection
from streaming.errors import ChannelUnknown, DeviceUnknown
from streaming.outputs import hdhr as output
from streaming.outputs.addresses import Pictures
from streaming.sessions import Sessions
from streaming.tuner_devices import TunerDevice
from streaming.tuning import numbered, tuned, tuner_count
from streaming.views import live
from streaming.views.access import admitted, pictures_of
from streaming.views.errors import for_players_with_post
from streaming.visible import Sight

_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A tuner as asked for: whose, and what its documents say."""

    sight: Sight
    row: TunerDevice
    device: output.Device
    pictures: Pictures


def of_a_tuner(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Find the tuner by the token and name in the path, or by port and network."""

    @for_players_with_post
    @functools.wraps(view)
    def answer(
        request: HttpRequest, *args: Any, token: str | None = None, device: str | None = None, **kwargs: Any
    ) -> HttpResponseBase:
        return view(request, _asked(request, token or "", device or ""), *args, **kwargs)

    return answer


@of_a_tuner
def discover(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/discover.json`."""
    return _json(output.discover(asked.device))


@of_a_tuner
def lineup_status(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/lineup_status.json`."""
    return _json(output.STATUS)


@of_a_tuner
def lineup_post(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/lineup.post?scan=start`: there is nothing to scan, so it is done."""
    return _json({})


@of_a_tuner
def lineup(request: HttpRequest, asked: Asked, form: str) -> HttpResponseBase:
    """`/lineup.json`, `/lineup.xml` and `/lineup.m3u`."""
    content_type = _TYPES[form]
    if request.method == "HEAD":
        return HttpResponse(content_type=content_type)
    channels = numbered(asked.sight.channels(asked.row.lineup))
    if form == "m3u":
        pieces = output.lineup_m3u(asked.device, channels, asked.pictures)
    else:
        write = output.lineup_json if form == "json" else output.lineup_xml
        pieces = write(asked.device, channels)
    return StreamingHttpResponse(pieces, content_type=content_type)


@of_a_tuner
def device_xml(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/device.xml`."""
    return HttpResponse(output.device_xml(asked.device), content_type="application/xml; charset=utf-8", headers=_FRESH)


@of_a_tuner
def status(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/status.json`: what each tuner does, from the viewer's sessions."""
    sessions = Sessions(connection()).viewings(asked.sight.viewer.pk)
    rows: list[dict[str, str | int]] = []
    for at in range(max(asked.device.tuners, len(sessions))):
        row: dict[str, str | int] = {"Resource": f"tuner{at}"}
        if at < len(sessions):
            facts = sessions[at].facts
            row |= {"VctName": facts.title, "SignalStrengthPercent": 100, "SignalQualityPercent": 100}
            row |= {"SymbolQualityPercent": 100, "TargetIP": facts.peer}
        rows.append(row)
    return _json(rows)


@of_a_tuner
def tune(request: HttpRequest, asked: Asked, number: str, tuner: int = 0) -> HttpResponseBase:
    """`/auto/v<number>` and `/tuner<N>/v<number>`: the channel, on whichever tuner is free."""
    return live.watch(request, asked.sight.viewer, tuned(asked.sight, asked.row, number))


@of_a_tuner
def no_channel(request: HttpRequest, asked: Asked) -> HttpResponseBase:
    """`/auto/ch<frequency>` and friends: we have no frequencies."""
    raise ChannelUnknown("Channels are found by their number: /auto/v<number>.")


def home(request: HttpRequest) -> HttpResponseBase:
    """`/`: a browser goes to the pages; whoever does not ask for HTML gets the device's description."""
    if request.method in ("GET", "HEAD") and not _wants_pages(request) and TunerDevice.objects.active().exists():
        return device_xml(request)
    return redirect("admin:index")


def _wants_pages(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _asked(request: HttpRequest, token: str, slug: str) -> Asked:
    sight = admitted(request, token)
    row = _row(request, sight.viewer, token, slug)
    base = asked_base_url(request)
    # Who needs no token here is not told one.
    pictures = pictures_of(request, sight) if token else replace(pictures_of(request, sight), token="")
    if token:
        base += f"/hdhr/{token}" + (f"/{row.slug}" if slug else "")
    return Asked(sight, row, output.Device(row.name, row.device_id, tuner_count(row), base), pictures)


def _row(request: HttpRequest, viewer: Viewer, token: str, slug: str) -> TunerDevice:
    mine = TunerDevice.objects.active().filter(viewer=viewer)
    if slug:
        row = mine.filter(slug=slug).first()
    elif token:
        row = mine.order_by("id").first() or _first_device(viewer)
    else:
        # The socket's port, not the Host header's: a proxy in front may have any.
        row = mine.at_port(int(request.META.get("SERVER_PORT") or 0), settings.TUNER_PORTS).first()
    if row is None:
        raise DeviceUnknown(f"{viewer.name} has no network tuner here.")
    return row


def _first_device(viewer: Viewer) -> TunerDevice | None:
    """A viewer who asks by token and has no device gets one, and keeps its id; None when it was switched off."""
    if viewer.tuner_devices.exists():
        return None
    slug = slugify(viewer.name)[:50] or "tuner"
    return TunerDevice.objects.get_or_create(
        viewer=viewer, slug=slug if not TunerDevice.objects.filter(slug=slug).exists() else f"{slug}-{viewer.pk}"
    )[0]


def _json(document: object) -> HttpResponse:
    text = json.dumps(document, ensure_ascii=False)
    return HttpResponse(text, content_type="application/json; charset=utf-8", headers=_FRESH)


_TYPES = {
    "json": "application/json; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "m3u": "audio/x-mpegurl",
}
