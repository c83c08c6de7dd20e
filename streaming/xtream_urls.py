"""Addresses of the Xtream scheme, at the root of the host."""

from django.urls import URLPattern, path, re_path

from streaming.views import titles, xtream, xtream_streams

#: A name or password in a path.
_WORD = r"[A-Za-z0-9._@-]{1,64}"
_LOGIN = rf"(?P<name>{_WORD})/(?P<password>{_WORD})"

named: list[URLPattern] = [
    path("player_api.php", xtream.player_api, name="player-api"),
    path("panel_api.php", xtream.panel_api),
    path("get.php", xtream.get_php, name="get-php"),
    path("xmltv.php", xtream.xmltv_php),
    re_path(rf"^player_api/{_LOGIN}(?:/(?P<action>\w+))?/?$", xtream.player_api),
    re_path(rf"^playlist/{_LOGIN}(?:/(?P<kind>m3u|m3u_plus))?/?$", xtream.get_php),
    re_path(rf"^epg/{_LOGIN}(?:/(?P<packed>gz))?/?$", xtream.xmltv_php),
    re_path(rf"^live/{_LOGIN}/(?P<public_id>\d{{1,10}})(?:\.(?P<extension>ts|m3u8))?$", xtream_streams.live),
]

#: Three bare segments: behind every other address.
bare: list[URLPattern] = [
    re_path(rf"^{_LOGIN}/(?P<public_id>\d{{1,10}})(?:\.(?P<extension>[A-Za-z0-9]{{1,5}}))?$", titles.anything),
]
