"""Movies and episodes: by our id, by a portal's, and under the addresses of the Xtream scheme."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portals.models import Portal
from streaming.errors import ChannelUnknown, TitleUnknown
from streaming.passthrough.candidates import title_key
from streaming.redirecting import ways_of_title
from streaming.views import hls, live
from streaming.views.access import admitted, admitted_by_login
from streaming.views.away import away_for
from streaming.views.errors import for_players
from streaming.views.passing import pass_through, player_of, told_without_opening
from streaming.visible import Sight
from vod.models import EpisodeOffer, MovieOffer


@for_players
def title(request: HttpRequest, public_id: str, extension: str = "", token: str = "") -> HttpResponseBase:
    """`/vod/movie/<id>`, `/vod/episode/<id>`: whichever portal has it."""
    sight = admitted(request, token)
    return watch_title(request, sight, int(public_id), extension)


@for_players
def by_login(request: HttpRequest, name: str, password: str, public_id: str, extension: str = "") -> HttpResponseBase:
    """`/movie/U/P/ID.EXT` and `/series/U/P/ID.EXT`. An id is one thing, whatever the address calls it."""
    sight = admitted_by_login(request, name, password)
    return watch_title(request, sight, int(public_id), extension)


@for_players
def anything(request: HttpRequest, name: str, password: str, public_id: str, extension: str = "") -> HttpResponseBase:
    """`/U/P/ID`: a channel, a movie or an episode: ids are unique over all of them."""
    sight = admitted_by_login(request, name, password)
    try:
        channel = sight.channel(int(public_id))
    except ChannelUnknown:
        return watch_title(request, sight, int(public_id), extension)
    if extension == "m3u8":
        return hls.begin_elsewhere(request, sight, channel)
    return live.watch(request, sight.viewer, channel)


@for_players
def movie_of_portal(request: HttpRequest, portal: str, movie: str, token: str = "") -> HttpResponseBase:
    """`/play/vod/<portal>/<movie>`: by the portal's own id, from that portal first."""
    sight = admitted(request, token)
    offers = MovieOffer.objects.filter(portal=_portal(portal), provider_id=_storable(movie))
    offer = offers.values("pk", "movie_id", "container").first()
    if offer is None or offer["movie_id"] is None:
        raise TitleUnknown("The portal lists no such movie.")
    return watch_title(request, sight, offer["movie_id"], offer["container"], offer_id=offer["pk"])


@for_players
def episode_of_portal(
    request: HttpRequest, portal: str, series: str, season: str, episode: str, token: str = ""
) -> HttpResponseBase:
    """`/play/series/<portal>/<series>/<season>/<episode>`: by the portal's own id of the series and the numbers."""
    sight = admitted(request, token)
    offers = EpisodeOffer.objects.filter(
        series_offer__portal=_portal(portal),
        series_offer__provider_id=_storable(series),
        season=int(season),
        number=int(episode),
    )
    offer = offers.values("pk", "episode_id", "container").first()
    if offer is None or offer["episode_id"] is None:
        raise TitleUnknown("The portal lists no such episode.")
    return watch_title(request, sight, offer["episode_id"], offer["container"], offer_id=offer["pk"])


def watch_title(
    request: HttpRequest, sight: Sight, public_id: int, container: str, *, offer_id: int | None = None
) -> HttpResponseBase:
    """Give an admitted viewer a movie or an episode they may see. Raises what they are told instead."""
    found = sight.title(public_id)
    key = title_key(found.kind, found.public_id, offer_id, player_of(request, sight.viewer))
    if request.method == "HEAD":
        return told_without_opening(key, container)
    away = away_for(request, sight.viewer, key, ways_of_title)
    return pass_through(request, sight.viewer, key, found.name, away)


def _portal(named: str) -> Portal:
    """By its slug, else by its number. Raises TitleUnknown."""
    portal = Portal.objects.filter(slug=_storable(named)).first()
    if portal is None and re.fullmatch(r"[0-9]{1,9}", named):
        portal = Portal.objects.filter(pk=int(named)).first()
    if portal is None:
        raise TitleUnknown("There is no such portal.")
    return portal


def _storable(text: str) -> str:
    """PostgreSQL knows no NUL."""
    return text.replace("\0", " ")
