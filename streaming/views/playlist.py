"""`/playlist` and `/playlist.m3u8`: everything a viewer may watch, as M3U."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from channels.querysets import ChannelQuerySet
from restreamer.addresses import asked_base_url
from restreamer.lib.errors import InvalidInput
from streaming.outputs import playlist as output
from streaming.views.access import admitted
from streaming.views.errors import for_players
from streaming.visible import Sight

_HEADERS = {
    "Content-Type": "audio/x-mpegurl; charset=utf-8",
    "Content-Disposition": 'attachment; filename="restreamer.m3u"',
    "Cache-Control": "no-cache",
}


#: A switch in an address; left out means yes.
_SWITCH = [("1", "yes"), ("0", "no")]


class Choice(forms.Form):
    """What the address may ask for. An unknown value is an error; it never silently means “all”."""

    group = forms.CharField(required=False, max_length=200)
    portal = forms.SlugField(required=False)
    lineup = forms.SlugField(required=False)
    genres = forms.ChoiceField(required=False, choices=_SWITCH)
    numbers = forms.ChoiceField(required=False, choices=_SWITCH)

    def channels(self, sight: Sight) -> ChannelQuerySet:
        """Of the channels the viewer sees those asked for, in order. Raises LineupUnknown."""
        slug = self.cleaned_data["lineup"]
        chosen = sight.channels(sight.lineup(slug) if slug else None)
        if self.cleaned_data["group"]:
            chosen = chosen.in_group(self.cleaned_data["group"])
        if self.cleaned_data["portal"]:
            chosen = chosen.of_portal_slug(self.cleaned_data["portal"])
        return chosen


@for_players
def playlist(request: HttpRequest, token: str = "") -> HttpResponseBase:
    """The M3U of this viewer."""
    sight = admitted(request, token)
    choice = _choice(request)
    if request.method == "HEAD":
        return HttpResponse(headers=_HEADERS)
    form = output.PlaylistForm(
        base_url=asked_base_url(request),
        token=sight.viewer.token,
        pin=request.GET.get("pin", "") if sight.pin_given else "",
        with_groups=choice.cleaned_data["genres"] != "0",
        with_numbers=choice.cleaned_data["numbers"] != "0",
    )
    return StreamingHttpResponse(output.lines(choice.channels(sight), form), headers=_HEADERS)


def _choice(request: HttpRequest) -> Choice:
    unknown = set(request.GET) - set(Choice.base_fields) - {"token", "pin"}
    if unknown:
        sentence = f"There is no parameter {min(unknown)[:40]!r} here."
        raise InvalidInput(sentence, public=sentence)
    choice = Choice(request.GET)
    if not choice.is_valid():
        name, errors = next(iter(choice.errors.items()))
        raise InvalidInput(f"{name}: {errors[0]}", public=f"{name}: {errors[0]}")
    return choice
