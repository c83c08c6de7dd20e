"""`/playlist` and `/playlist.m3u8`: everything a viewer may watch, as M3U."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from restreamer.addresses import asked_base_url
from streaming import playlists
from streaming.outputs.addresses import Addresses
from streaming.outputs.playlist import PlaylistForm
from streaming.rendering import Rendering, answer
from streaming.views.access import admitted, pictures_of
from streaming.views.errors import for_players
from streaming.visible import Sight

#: What a playlist is made from.
PARTS = ("live", "vod", "people")

Text = Callable[[playlists.Choice, Sight, PlaylistForm], Iterator[str]]


@for_players
def playlist(request: HttpRequest, token: str = "") -> HttpResponseBase:
    """The M3U of this viewer; docs/playlists.md lists the parameters."""
    sight = admitted(request, token)
    choice = playlists.read_choice(request.GET, credentials=("token", "pin"))
    form = playlist_form(choice, sight, addresses_of(request, sight, choice))
    return m3u_answer(request, sight, choice, form, "restreamer.m3u")


@for_players
def movies(request: HttpRequest, token: str = "") -> HttpResponseBase:
    """`/movies`: the playlist of movies."""
    return _of_kind(request, token, "movies")


@for_players
def series(request: HttpRequest, token: str = "") -> HttpResponseBase:
    """`/series`: the playlist of series and their episodes."""
    return _of_kind(request, token, "series")


def _of_kind(request: HttpRequest, token: str, kind: str) -> HttpResponseBase:
    sight = admitted(request, token)
    query = request.GET.copy()
    query["kind"] = kind
    choice = playlists.read_choice(query, credentials=("token", "pin"))
    form = playlist_form(choice, sight, addresses_of(request, sight, choice))
    return m3u_answer(request, sight, choice, form, f"{kind}.m3u")


@for_players
def groups(request: HttpRequest, token: str = "") -> HttpResponseBase:
    """`/groups_playlist`: one entry for each group, which plays the first of its channels that works."""
    sight = admitted(request, token)
    choice = playlists.read_choice(request.GET, credentials=("token", "pin"))
    form = playlist_form(choice, sight, addresses_of(request, sight, choice))
    return m3u_answer(request, sight, choice, form, "groups.m3u", text=playlists.groups_text)


def addresses_of(request: HttpRequest, sight: Sight, choice: playlists.Choice) -> Addresses:
    """The addresses of a list asked for by token."""
    return Addresses(
        base_url=asked_base_url(request),
        name=sight.viewer.name,
        secret=sight.viewer.token,
        pictures=pictures_of(request, sight),
        pin=request.GET.get("pin", "") if sight.pin_given else "",
        live_form="m3u8" if choice.cleaned_data["form"] == "hls" else "ts",
        direct=choice.is_on("direct", usually=False),
    )


def playlist_form(choice: playlists.Choice, sight: Sight, addresses: Addresses) -> PlaylistForm:
    """How the choice wants the list written. Raises LineupUnknown."""
    lineup = choice.cleaned_data["lineup"]
    if lineup:
        sight.lineup(lineup)
    return PlaylistForm(
        addresses,
        with_groups=choice.is_on("genres", usually=True),
        with_numbers=choice.is_on("numbers", usually=True),
        commas_in_names=choice.is_on("commas", usually=True),
        xui=choice.cleaned_data["flavour"] == "xui",
        with_mimetype=choice.is_on("mimetype", usually=False),
        lineup=lineup,
    )


def m3u_answer(
    request: HttpRequest,
    sight: Sight,
    choice: playlists.Choice,
    form: PlaylistForm,
    filename: str,
    *,
    text: Text = playlists.text,
) -> HttpResponseBase:
    """The playlist as a file, or word that the player has it."""
    headers = {
        "Content-Type": "audio/x-mpegurl",
        "Content-Disposition": f'attachment; filename="{filename}"',
    }
    asked = sorted((name, str(value)) for name, value in choice.cleaned_data.items())
    names = (text.__name__, sight.viewer.pk, sight.adult, form, asked)
    return answer(request, Rendering(PARTS, names, lambda: text(choice, sight, form), headers))
