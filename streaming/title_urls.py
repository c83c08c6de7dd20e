"""Addresses of movies, episodes and catch-up."""

from django.urls import URLPattern, re_path

from streaming.views import catchup, titles

_WORD = r"[A-Za-z0-9._@-]{1,64}"
_LOGIN = rf"(?P<name>{_WORD})/(?P<password>{_WORD})"
_ID = r"(?P<public_id>\d{1,10})"
_ENDING = r"(?:\.(?P<extension>[A-Za-z0-9]{1,5}))?"
_TOKEN = r"(?:t/(?P<token>[^/]+)/)?"
_NUMBERS = r"(?P<season>\d{1,6})/(?P<episode>\d{1,6})"

#: Before those of channels: `/play/<portal>/…` would take them.
urlpatterns: list[URLPattern] = [
    re_path(rf"^{_TOKEN}vod/(?:movie|episode)/{_ID}{_ENDING}$", titles.title, name="title"),
    re_path(rf"^{_TOKEN}play/vod/(?P<portal>[^/]+)/(?P<movie>.+)$", titles.movie_of_portal),
    re_path(
        rf"^{_TOKEN}play/series/(?P<portal>[^/]+)/(?P<series>.+)/{_NUMBERS}(?:\.\w{{1,5}})?$", titles.episode_of_portal
    ),
    re_path(rf"^(?:movie|series)/{_LOGIN}/{_ID}{_ENDING}$", titles.by_login),
    re_path(
        rf"^timeshift/{_LOGIN}/(?P<minutes>[^/]{{0,20}})/(?P<start>[^/]{{1,40}})/{_ID}{_ENDING}$", catchup.timeshift
    ),
    re_path(r"^(?:streaming/)?timeshift\.php$", catchup.timeshift_php),
]
