"""Addresses of network tuners: at the root of a port, and under `/hdhr/<token>[/<device>]`.

One big client joins base and path with two slashes, so any number of them is one.
"""

from django.urls import URLPattern, re_path

from streaming.views import hdhr

_BASE = r"^(?:/*)(?:hdhr/(?P<token>[A-Za-z0-9_-]{1,64})(?:/(?P<device>[-\w]{1,60}))?/+)?"


urlpatterns: list[URLPattern] = [
    re_path(_BASE + r"discover\.json$", hdhr.discover, name="tuner-discover"),
    re_path(_BASE + r"lineup_status\.json$", hdhr.lineup_status),
    re_path(_BASE + r"lineup\.(?P<form>json|xml|m3u)$", hdhr.lineup),
    re_path(_BASE + r"lineup\.post$", hdhr.lineup_post),
    re_path(_BASE + r"device\.xml$", hdhr.device_xml),
    re_path(_BASE + r"(?:status|tuners)\.json$", hdhr.status),
    re_path(_BASE + r"auto/v(?P<number>[^/]{1,20})$", hdhr.tune),
    re_path(_BASE + r"tuner(?P<tuner>\d{1,3})/v(?P<number>[^/]{1,20})$", hdhr.tune),
    re_path(_BASE + r"(?:auto|tuner\d{1,3})/.*$", hdhr.no_channel),
]
