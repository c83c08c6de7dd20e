"""`/logo/<kind>/<id>/<digest>`: a stored picture, through us."""

from __future__ import annotations

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from streaming import picture_rows, pictures
from streaming.views.access import admitted
from streaming.views.errors import for_players
from streaming.visible import Sight

#: What a digest names never changes; what stands in for an old digest might.
_EXACT, _STAND_IN = "private, max-age=604800", "private, max-age=3600"
_RIGHTS = {
    "channel": "channels.view_channel",
    "group": "channels.view_group",
    "library": "channels.view_logo",
    "movie": "vod.view_movie",
    "series": "vod.view_series",
    "season": "vod.view_series",
    "episode": "vod.view_episode",
}


@for_players
def logo(request: HttpRequest, kind: str, public_id: int, digest: str) -> HttpResponseBase:
    """For viewers who see the row, and for people of the admin pages who may look at such rows."""
    row = picture_rows.stored(_sight(request, kind), kind, public_id, digest)
    kept = pictures.picture(row.address, row.way)
    headers = {
        "ETag": f'"{kept.tag}"',
        "Cache-Control": _EXACT if row.exact else _STAND_IN,
        # Nothing but a picture, whatever a browser thinks it is.
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    if f'"{kept.tag}"' in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    response = FileResponse(kept.path.open("rb"), content_type=kept.media_type, headers=headers)
    del response.headers["Content-Disposition"]
    return response


def _sight(request: HttpRequest, kind: str) -> Sight | None:
    """None = everything, for who is logged in with the right to see it."""
    user = request.user
    if "token" not in request.GET and user.is_staff and user.has_perm(_RIGHTS.get(kind, "")):
        return None
    return admitted(request)
