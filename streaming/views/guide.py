"""`/epg.xml` and `/epg.xml.gz`: the guide of what a viewer sees, as XMLTV."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from restreamer.lib.errors import InvalidInput
from streaming import guides
from streaming.rendering import Rendering, answer
from streaming.views.access import admitted, pictures_of
from streaming.views.errors import for_players
from streaming.visible import Sight

#: A guide is made from what is shown and from what is on.
PARTS = ("guide", "live", "people")


class GuideChoice(forms.Form):
    """What the address may ask for."""

    lineup = forms.SlugField(required=False)
    back = forms.IntegerField(required=False, min_value=0, max_value=guides.MOST_DAYS)
    days = forms.IntegerField(required=False, min_value=1, max_value=guides.MOST_DAYS)


@for_players
def epg(request: HttpRequest, token: str = "", packed: bool = False) -> HttpResponseBase:
    """The viewer's guide; `back` and `days` choose the time, `lineup` the channels."""
    sight = admitted(request, token)
    unknown = set(request.GET) - set(GuideChoice.base_fields) - {"token", "pin"}
    choice = GuideChoice(request.GET)
    if unknown or not choice.is_valid():
        name = min(unknown) if unknown else next(iter(choice.errors))
        sentence = f"{name[:40]}: this cannot be asked for; there are lineup, back and days (0 to {guides.MOST_DAYS})."
        raise InvalidInput(sentence, public=sentence)
    asked = choice.cleaned_data
    return guide_answer(request, sight, packed=packed, lineup=asked["lineup"], back=asked["back"], ahead=asked["days"])


def guide_answer(
    request: HttpRequest,
    sight: Sight,
    *,
    packed: bool,
    lineup: str = "",
    back: int | None = None,
    ahead: int | None = None,
) -> HttpResponseBase:
    """The guide as a file, or word that the player has it. Raises LineupUnknown."""
    chosen = sight.lineup(lineup) if lineup else None
    start, stop = guides.window(guides.DAYS_BACK if back is None else back, ahead or guides.DAYS_AHEAD, guides.today())
    pictures = pictures_of(request, sight)
    names = ("xmltv", sight.viewer.pk, sight.adult, lineup, start, stop, packed, pictures)
    headers = {"Content-Type": "application/gzip" if packed else "application/xml; charset=utf-8"}
    if packed:
        headers["Content-Disposition"] = 'attachment; filename="epg.xml.gz"'

    def produce() -> Iterator[bytes]:
        pieces = guides.text(sight, chosen, start, stop, pictures)
        return _packed(pieces) if packed else pieces

    # What is packed already is not packed again on its way.
    return answer(request, Rendering(PARTS, names, produce, headers, eager=True, packable=not packed))


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()
