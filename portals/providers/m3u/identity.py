"""Who is who in a playlist, which has no ids: an id per stream that survives what providers change.

The refresh matches by id and name first and by other evidence after, so an id must never join two streams, and should
stay the same where that can be known for certain:

- Names, order, groups and logos are no part of it: they change all the time.
- An address of a panel (`/live/USER/PASSWORD/1234.ts`, `/USER/PASSWORD/1234`) names its stream by kind and number.
  Host, user and password are left out, so that a new host or a new password changes nothing. Numbers are only unique
  within one panel, so this holds for the list's main panel, the one most of its addresses name; others keep host and
  all in their id.
- Any other address counts whole, but for what is known to change from download to download: scheme, tokens, expiry
  times and credentials in its query. What a curator would call the same channel on a new host is then found by name
  and group.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

_PANEL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[^/?#@]+)/(?:(?P<kind>live|movie|series)/)?"
    r"(?P<user>[^/?#]+)/(?P<password>[^/?#]+)/(?P<number>\d+)(?P<ending>\.\w{1,5})?(?=[?#]|$)"
)
#: Query fields that are never what tells two streams apart. Short and doubtful names are left out on purpose.
_VOLATILE = frozenset(
    {"token", "access_token", "auth_token", "authtoken", "play_token", "auth", "sig", "sign", "signature", "expires"}
    | {"expiry", "exp", "hdnts", "hdnea", "hdntl", "wmsauthsign", "nimblesessionid", "sessionid", "session_id"}
    | {"jsessionid", "phpsessid", "policy", "key-pair-id", "username", "password", "user", "pass", "passwd", "pwd"}
    | {"login", "mac", "utc", "lutc"}
)
#: A hostile list must not fill the memory with panels; real ones name a handful.
_MOST_PANELS = 1000


class Panel(NamedTuple):
    """Whose numbers they are."""

    host: str
    user: str
    password: str


class PanelAddress(NamedTuple):
    """An address of a panel taken apart."""

    scheme: str
    panel: Panel
    #: "live", "movie" or "series"; short addresses without it are live.
    kind: str
    number: str
    #: With its dot; "" without.
    ending: str


class PanelCount:
    """Finds the panel that most addresses of a list name."""

    def __init__(self) -> None:
        self._seen: Counter[Panel] = Counter()

    def see(self, url: str) -> None:
        """Count one address of the list."""
        match = _PANEL.match(url)
        if match:
            panel = Panel(match["host"], match["user"], match["password"])
            if panel in self._seen or len(self._seen) < _MOST_PANELS:
                self._seen[panel] += 1

    def main(self) -> Panel | None:
        """None when no address looks like a panel's."""
        # Equal counts are settled by name, so that the order of the list does not matter.
        return max(self._seen, key=lambda panel: (self._seen[panel], panel), default=None)


def panel_address(url: str) -> PanelAddress | None:
    """The parts of a panel's address, decoded; None when it is none."""
    match = _PANEL.match(url)
    if match is None:
        return None
    panel = Panel(match["host"], unquote(match["user"]), unquote(match["password"]))
    return PanelAddress(match["scheme"], panel, match["kind"] or "live", match["number"], match["ending"] or "")


def provider_id(url: str, main: Panel | None) -> str:
    """The id of the stream at this address, in a list whose main panel is `main`."""
    match = _PANEL.match(url)
    if match and main == (match["host"], match["user"], match["password"]):
        return f"{match['kind'] or 'live'}:{match['number']}"
    return "url:" + hashlib.sha1(_steady(url).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:24]


def with_login(url: str, login: str, password: str) -> str:
    """A panel's address with another login in it; any other address as it is."""
    match = _PANEL.match(url)
    if match is None:
        return url
    return (
        f"{url[: match.start('user')]}{quote(login, safe='')}/{quote(password, safe='')}{url[match.end('password') :]}"
    )


def _steady(url: str) -> str:
    rest = url.partition("://")[2] or url
    if "?" not in rest and "#" not in rest and "@" not in rest:
        return rest
    try:
        parts = urlsplit(url)
        fields = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return rest
    kept = [field for field in fields if field[0].lower() not in _VOLATILE]
    host = parts.netloc.rpartition("@")[2]
    return f"{host}{parts.path}?{urlencode(kept)}" if kept else host + parts.path
