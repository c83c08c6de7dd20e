"""The Xtream Codes API: player_api.php, panel_api.php, get.php and xmltv.php (reference xtream-codes-api.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase

from restreamer.addresses import asked_base_url
from restreamer.lib.redis_client import connection
from streaming import playlists, xtream_api
from streaming.errors import LoginWrong, ViewerNotAllowed
from streaming.outputs.addresses import Addresses, Pictures
from streaming.outputs.playlist import PlaylistForm
from streaming.outputs.xtream import account
from streaming.rendering import Rendering, answer
from streaming.sessions import Sessions
from streaming.views.access import admitted_by_login, identified_by_login, pictures_of
from streaming.views.errors import for_players_with_post
from streaming.views.guide import guide_answer
from streaming.views.playlist import m3u_answer
from streaming.visible import Sight

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON = "application/json; charset=utf-8"


@for_players_with_post
def player_api(request: HttpRequest, name: str = "", password: str = "", action: str = "") -> HttpResponseBase:
    """`/player_api.php`: the login's document, or what the action asks for."""
    asked = _asked(request, username=name, password=password, action=action)
    try:
        sight = identified_by_login(request, asked.get("username", ""), asked.get("password", ""))
    except (LoginWrong, ViewerNotAllowed) as err:
        return _document(account.refused(err.public))
    chosen = xtream_api.ACTIONS.get(asked.get("action", ""))
    if chosen is None:
        return _document(_login(request, sight, asked["password"]))
    if account.status(sight.viewer) != "Active":
        return _document([])
    pictures = pictures_of(request, sight)
    if not chosen.lasting:
        return _whole(chosen.answer(sight, asked, pictures))
    names = ("xtream", asked.get("action"), asked.get("category_id"), sight.viewer.pk, sight.adult, pictures)

    def produce() -> Iterator[bytes]:
        return chosen.answer(sight, asked, pictures)

    return answer(request, Rendering(chosen.parts, names, produce, {"Content-Type": _JSON}))


@for_players_with_post
def panel_api(request: HttpRequest) -> HttpResponseBase:
    """`/panel_api.php`: everything in one document, for old set-top plugins; with an action it is `player_api.php`."""
    asked = _asked(request)
    if asked.get("action"):
        return player_api(request)
    try:
        sight = identified_by_login(request, asked.get("username", ""), asked.get("password", ""))
    except (LoginWrong, ViewerNotAllowed) as err:
        return _document(account.refused(err.public))
    login = _login(request, sight, asked["password"])
    return _whole(_panel(sight, login, pictures_of(request, sight)))


@for_players_with_post
def get_php(request: HttpRequest, name: str = "", password: str = "", kind: str = "") -> HttpResponseBase:
    """`/get.php`: the playlist in this scheme's addresses. Unknown parameters are ignored: players invent some."""
    asked = _asked(request, username=name, password=password, type=kind)
    sight = admitted_by_login(request, asked.get("username", ""), asked.get("password", ""))
    choice = playlists.read_choice(_choice_query(asked), credentials=())
    addresses = Addresses(
        base_url=asked_base_url(request),
        name=sight.viewer.name,
        secret=asked["password"],
        pictures=pictures_of(request, sight),
        pin=asked.get("pin", "") if sight.pin_given else "",
        live_form="m3u8" if asked.get("output", "").lower() in ("m3u8", "hls") else "ts",
        xtream=True,
    )
    plus = asked.get("type") != "m3u"
    form = PlaylistForm(
        addresses, plus=plus, xui=choice.cleaned_data["flavour"] == "xui", lineup=asked.get("lineup", "")
    )
    return m3u_answer(request, sight, choice, form, f"tv_channels_{sight.viewer.name}.m3u")


@for_players_with_post
def xmltv_php(request: HttpRequest, name: str = "", password: str = "", packed: str = "") -> HttpResponseBase:
    """`/xmltv.php`: the guide of exactly this viewer's channels."""
    asked = _asked(request, username=name, password=password)
    sight = admitted_by_login(request, asked.get("username", ""), asked.get("password", ""))
    return guide_answer(request, sight, packed=bool(packed) or asked.get("gzip") == "1", lineup=asked.get("lineup", ""))


def _asked(request: HttpRequest, **path: str) -> dict[str, str]:
    """Parameters: the path wins, then a form's body, then the query. A JSON body says nothing."""
    asked = {key: str(value) for key, value in request.GET.items()}
    if request.method == "POST" and request.content_type in _FORMS:
        asked |= {key: str(value) for key, value in request.POST.items()}
    return asked | {key: value for key, value in path.items() if value}


def _login(request: HttpRequest, sight: Sight, password: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    active = len(Sessions(connection()).viewings(sight.viewer.pk))
    return {
        "user_info": account.user_info(sight.viewer, password, active, now),
        "server_info": account.server_info(asked_base_url(request), now),
    }


def _document(document: object) -> HttpResponse:
    return _whole([orjson.dumps(document)])


def _whole(pieces: Iterable[bytes]) -> HttpResponse:
    return HttpResponse(b"".join(pieces), content_type=_JSON, headers={"Cache-Control": "no-store"})


def _choice_query(asked: Mapping[str, str]) -> QueryDict:
    """What of this scheme's parameters a playlist's choice understands."""
    query = QueryDict(mutable=True)
    query["kind"] = ",".join(kind for kind in asked.get("key", "").split(",") if kind in playlists.KINDS) or _ALL_KINDS
    query["lineup"] = asked.get("lineup", "")
    query["flavour"] = asked.get("flavour", "") if asked.get("flavour") in ("plain", "xui") else ""
    return query


#: All three by convention.
_ALL_KINDS = ",".join(playlists.KINDS)


def _panel(sight: Sight, login: dict[str, Any], pictures: Pictures) -> Iterator[bytes]:
    yield orjson.dumps(login)[:-1] + b',"categories":{'
    for at, (kind, tell) in enumerate(_PANEL_CATEGORIES.items()):
        yield (b"," if at else b"") + f'"{kind}":'.encode() + b"".join(tell(sight, {}, pictures))
    yield b'},"available_channels":{'
    for at, channel in enumerate(orjson.loads(b"".join(xtream_api.live_streams(sight, {}, pictures)))):
        more = {"type_name": "Live Streams", "live": "1", "series_no": None, "container_extension": "ts"}
        yield (b"," if at else b"") + f'"{channel["stream_id"]}":'.encode() + orjson.dumps(channel | more)
    yield b"}}"


_PANEL_CATEGORIES = {
    "live": xtream_api.live_categories,
    "movie": xtream_api.vod_categories,
    "series": xtream_api.series_categories,
}
