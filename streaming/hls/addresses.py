"""Addresses inside playlists: made absolute, held to HTTP, freed of advert counters in front of them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urljoin, urlsplit

from restreamer.lib import redact
from streaming.faults import Fault, UpstreamError

#: Query names under which advert counters ("beacons") carry the address they redirect to.
_BEACON_NAMES = frozenset({"redirect", "redirect_url", "redirecturl", "redirect_uri", "redirect_to"})
_MEDIA_SUFFIXES = (".ts", ".m2ts", ".mts", ".m3u8", ".m4s", ".mp4", ".cmfv", ".cmfa", ".aac", ".mp3", ".ac3", ".ec3")


def resolve(base: str, reference: str) -> str:
    """The absolute address of what a list names: relative, root-relative and scheme-relative alike.

    A reference nobody can read stays as it is: only asking for it is an error.
    """
    try:
        return urljoin(base, reference.strip())
    except ValueError:
        return reference


def checked(url: str) -> str:
    """The address, when it is one we go to.

    Raises UpstreamError for anything but http and https with a host: a playlist must not make us read files
    or speak to other services of this machine.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UpstreamError(Fault.REFUSED, f"The playlist points to {redact.url(url)}, which is no HTTP address.")
    return url


def unwrapped(url: str) -> str:
    """The media behind an advert counter, the address itself when there is none.

    `https://count.example/beacon?id=1&redirect=https%3A%2F%2Fcdn.example%2F1.ts` counts a viewer and redirects. Going
    straight to the media spares a connection and works when the counter is dead. Only names that say "redirect" and
    values that end like media are believed: `proxy?url=…` may add what the media needs.
    """
    if "redirect" not in url.lower():
        return url
    try:
        query = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return url
    for name, value in query:
        if name.lower() in _BEACON_NAMES and _is_media(value):
            return value
    return url


def _is_media(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path.lower().endswith(_MEDIA_SUFFIXES)


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """The text with `{$name}` replaced (EXT-X-DEFINE). A name nobody defined stays, visible, as it was."""
    if "{$" not in text:
        return text
    out, rest = [], text
    while "{$" in rest:
        before, _, rest = rest.partition("{$")
        name, brace, after = rest.partition("}")
        out.append(before)
        if not brace or name not in variables:
            out.append("{$")
            continue
        out.append(variables[name])
        rest = after
    return "".join([*out, rest])
