"""Addresses of a panel: the servers in what an owner pasted, and the requests and streams made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from portals import errors
from portals.models import Subscription
from portals.providers.xtream.sentences import Say
from restreamer.lib import redact

_PARTS = re.compile(r"[\s,;]+")
#: What people leave behind the server when they paste an address that worked elsewhere.
_PAGE = re.compile(r"(?i)(?:/(?:c|stalker_portal(?:/c)?|[\w-]+\.php|index\.html?))?/*$")


def servers(address: str) -> list[str]:
    """The servers in an address, without a final slash; several may be given, separated by blanks or commas.

    >>> servers("panel.example:8080, http://b.example/player_api.php?username=u&password=p")
    ['http://panel.example:8080', 'http://b.example']

    Raises NotAPortal when one of them is no web address.
    """
    found = [_server(part) for part in _PARTS.split(address) if part]
    if not found:
        raise errors.NotAPortal(Say.NO_ADDRESS.of(address=address))
    return list(dict.fromkeys(found))


def _server(part: str) -> str:
    url = part if "://" in part else f"http://{part}"
    try:
        parts = urlsplit(url)
        valid = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        raise errors.NotAPortal(Say.NO_ADDRESS.of(address=redact.url(url)))
    return f"{parts.scheme.lower()}://{parts.netloc}{_PAGE.sub('', parts.path)}"


def server_after(url: str) -> str:
    """The server of an API address where redirects ended."""
    return url.partition("?")[0].rpartition("/")[0]


def api_url(server: str, subscription: Subscription, parameters: Mapping[str, str]) -> str:
    """A question to the panel."""
    fields = {"username": subscription.login, "password": subscription.password, **parameters}
    return f"{server}/player_api.php?{urlencode(fields, quote_via=quote)}"


def guide_url(server: str, subscription: Subscription) -> str:
    """The panel's whole guide as XMLTV."""
    fields = {"username": subscription.login, "password": subscription.password}
    return f"{server}/xmltv.php?{urlencode(fields, quote_via=quote)}"


def media_url(server: str, subscription: Subscription, order: str) -> str:
    """The address of `live/7.ts`, `movie/7.mkv` or `series/7.mkv`."""
    kind, _, item = order.partition("/")
    return f"{server}/{kind}/{_login(subscription)}/{quote(item)}"


def timeshift_path(server: str, subscription: Subscription, minutes: int, start: str, item: str) -> str:
    """Catch-up, path form."""
    return f"{server}/timeshift/{_login(subscription)}/{minutes}/{quote(start, safe=':')}/{quote(item)}"


def timeshift_query(
    server: str, subscription: Subscription, minutes: int, start: str, stream_id: str, extension: str
) -> str:
    """Catch-up, query form; `extension` may be empty."""
    fields = {
        "username": subscription.login,
        "password": subscription.password,
        "stream": stream_id,
        "start": start,
        "duration": str(minutes),
    }
    if extension:
        fields["extension"] = extension
    return f"{server}/streaming/timeshift.php?{urlencode(fields, safe=':', quote_via=quote)}"


def _login(subscription: Subscription) -> str:
    return f"{quote(subscription.login, safe='')}/{quote(subscription.password, safe='')}"
