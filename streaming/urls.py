"""Addresses of players."""

from django.urls import URLPattern, URLResolver, path, re_path

from streaming import title_urls, tuner_urls, xtream_urls
from streaming.views import group, guide, hls, library, live, logo, pages, player, playlist, tv_guide

urlpatterns: list[URLPattern | URLResolver] = [
    path("playlist", playlist.playlist, name="playlist"),
    path("playlist.m3u8", playlist.playlist),
    path("movies", playlist.movies),
    path("series", playlist.series),
    path("groups_playlist", playlist.groups, name="groups-playlist"),
    path("epg.xml", guide.epg, name="epg"),
    path("epg.xml.gz", guide.epg, {"packed": True}),
    path("logo/<str:kind>/<int:public_id>/<slug:digest>", logo.logo, name="logo"),
    path("stream/<int:channel_id>", live.stream, name="stream"),
    path("stream/<int:channel_id>.ts", live.stream),
    *title_urls.urlpatterns,
    path("play/<str:portal>/<path:provider_id>", live.play, name="play"),
    path("chplay/<path:group>", group.play, name="chplay"),
    path("hls/<int:channel_id>/index.m3u8", hls.master, name="hls"),
    path("hls/<int:channel_id>/live.m3u8", hls.media, name="hls-list"),
    path("hls/<int:channel_id>/<int:number>.ts", hls.segment),
    # For players that drop what stands behind the question mark.
    path("t/<str:token>/stream/<int:channel_id>", live.stream, name="stream-with-token"),
    path("t/<str:token>/stream/<int:channel_id>.ts", live.stream),
    path("t/<str:token>/play/<str:portal>/<path:provider_id>", live.play, name="play-with-token"),
    path("t/<str:token>/hls/<int:channel_id>/index.m3u8", hls.master, name="hls-with-token"),
    path("t/<str:token>/hls/<int:channel_id>/live.m3u8", hls.media),
    path("t/<str:token>/hls/<int:channel_id>/<int:number>.ts", hls.segment),
    path("t/<str:token>/chplay/<path:group>", group.play),
    *(path(name, pages.page, {"name": name}) for name in ("streaming", "dashboard", "alerts", "log")),
    path("player/", player.player, name="player"),
    *(
        path(start + rest, view)
        for start in ("player", "t/<str:token>/player")
        for rest, view in (
            ("", player.player),
            ("/", player.player),
            ("/<int:channel_id>", player.player),
            ("/<str:portal>/<path:provider_id>", player.of_portal),
        )
    ),
    path("guide/", tv_guide.grid, name="tv-guide"),
    path("guide/search/", tv_guide.search, name="tv-guide-search"),
    path("guide/<int:channel_id>/<int:start>/", tv_guide.broadcast, name="broadcast"),
    path("library/", library.library, name="library"),
    path("library/movies/", library.movies, name="library-movies"),
    path("library/movies/<int:public_id>/", library.movie, name="library-movie"),
    path("library/series/", library.series, name="library-series"),
    path("library/series/<int:public_id>/", library.one_series, name="library-one-series"),
    path("library/play/<int:public_id>/", library.play, name="library-play"),
    path("portal/<str:portal>/channels", pages.portal_channels),
    *tuner_urls.urlpatterns,
    *xtream_urls.named,
    re_path(r"^(?:t/[^/]*/)?(?:stream|play|chplay|player|hls)(?:/|$)", live.nowhere),
    *xtream_urls.bare,
]
