"""The M3U we write: one header line, then two lines per entry that every player reads alike.

Each rule prevents a break seen in a real client: values always in double quotes, no double quote inside a value or
a name (there is no escape for it), no control characters, nothing in a value that looks like another attribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

#: Never part of a value: control characters, Unicode line ends, byte order marks, halves of broken UTF-16 pairs,
#: and spaces that a trim or a collapse would change.
_NEEDS_CLEANING = re.compile(
    r"[\x00-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\ud800-\udfff]|  |^ | $"
)
_UNWANTED = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff\ud800-\udfff]")

#: Attributes that one strict client finds by searching for `name=` anywhere in the line.
_LOOKS_LIKE_ATTRIBUTE = re.compile(
    r"(?i)(tvg-(?:id|name|logo|chno|shift|rec|url|type)|x-tvg-url|url-tvg|group-title|ch-number|channel-number|tvh-chnum"
    r"|channel-id|radio|catchup(?:-(?:type|source|days|correction|id))?|timeshift|media(?:-(?:dir|size))?|realtime"
    r"|provider(?:-(?:type|logo|countries|languages))?|parent-code|censored)="
)

#: What each of those ends with: a glance at the letters before a `=` is far cheaper than the pattern.
_NAME_ENDS = (
    "id", "name", "logo", "chno", "shift", "rec", "url", "type", "tvg", "title", "number", "chnum", "radio", "catchup",
    "source", "days", "correction", "media", "dir", "size", "realtime", "provider", "countries", "languages", "code",
    "censored",
)  # fmt: skip

#: Attributes whose value is an address or an address template.
_ADDRESSES = frozenset(
    {"tvg-logo", "url-tvg", "x-tvg-url", "catchup-source", "tvg-url", "provider-logo", "logo", "tvc-guide-art"}
)
#: All printable ASCII but the double quote; `%` stays, so that nothing is encoded twice.
_SAFE_IN_ADDRESS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != '"')


def header(guide_urls: Iterable[str] = (), attributes: Mapping[str, str] | None = None) -> str:
    """The first line, with its line end. Guide addresses go into both names players look for."""
    guides = ",".join(_address(url) for url in guide_urls)
    named = {"url-tvg": guides, "x-tvg-url": guides, **(attributes or {})}
    return f"#EXTM3U{_attributes(named)}\n"


def render_entry(
    name: str,
    url: str,
    attributes: Mapping[str, str],
    *,
    groups: Iterable[str] = (),
    duration_s: int = -1,
    commas_in_name: bool = True,
) -> str:
    """Both lines of one entry, each with its line end. See `extinf`.

    >>> render_entry("News HD", "http://h/live/1.ts", {"tvg-id": "news.example", "tvg-chno": "7"}, groups=["News"])
    '#EXTINF:-1 tvg-id="news.example" tvg-chno="7" group-title="News",News HD\\nhttp://h/live/1.ts\\n'
    """
    line = extinf(name, attributes, groups=groups, duration_s=duration_s, commas_in_name=commas_in_name)
    # A pipe would be read as the start of request headers.
    return f"{line}\n{_address(url).replace('|', '%7C')}\n"


def extinf(
    name: str,
    attributes: Mapping[str, str],
    *,
    groups: Iterable[str] = (),
    duration_s: int = -1,
    commas_in_name: bool = True,
) -> str:
    """The #EXTINF line of one entry, without a line end.

    `attributes` are written in their order, those without a value left out; give every live channel a `tvg-id` of
    its own and a `tvg-chno`, or one client shares a guide among all that have none. `groups` become `group-title`,
    several joined by `;`; a `;` or `|` inside one name would mean several to some clients and is replaced.
    `commas_in_name=False` serves the servers that take what follows the last comma as the name.

    >>> extinf('The "Late" Show, live', {"tvg-id": "late.example"})
    '#EXTINF:-1 tvg-id="late.example",The \\'Late\\' Show, live'
    """
    shown = _clean(name) or _clean(attributes.get("tvg-name", "")) or _clean(attributes.get("tvg-id", "")) or "Channel"
    if not commas_in_name:
        shown = re.sub(r" ?, ?", " - ", shown).strip()
    return f"#EXTINF:{duration_s}{_attributes(attributes)}{_group_title(tuple(groups))},{shown}"


@lru_cache(maxsize=4096)
def _group_title(groups: tuple[str, ...]) -> str:
    """Many entries stand in few groups."""
    title = ";".join(filter(None, (_clean(group).replace(";", ",").replace("|", "/") for group in groups)))
    return _attributes({"group-title": title})


def _attributes(named: Mapping[str, str]) -> str:
    parts = []
    for key, raw in named.items():
        if not raw:
            continue
        value = _address(raw) if key in _ADDRESSES else _clean(raw)
        if "=" in value:
            value = _without_attributes(value, is_address=key in _ADDRESSES)
        if value:
            parts.append(f' {key}="{value}"')
    return "".join(parts)


def _clean(value: str) -> str:
    """One line of text that may stand between double quotes or after the comma."""
    # What the pattern finds is not printable or a space too many; asking for that costs a tenth of it.
    if (not value.isprintable() or "  " in value or value.strip() != value) and _NEEDS_CLEANING.search(value):
        value = " ".join(_UNWANTED.sub("", value).split())
    return value.replace('"', "'") if '"' in value else value


def _address(value: str) -> str:
    """An address or address template with everything but printable ASCII percent-encoded."""
    if value.isascii() and value.isprintable() and " " not in value and '"' not in value:
        return value
    return quote(_UNWANTED.sub("", value).strip(), safe=_SAFE_IN_ADDRESS)


def _without_attributes(value: str, *, is_address: bool) -> str:
    """The value with nothing left that a search for `name=` would find; an address keeps its meaning."""
    for before in value.split("=")[:-1]:
        if before.casefold().endswith(_NAME_ENDS):
            break
    else:
        return value
    if is_address:
        return _LOOKS_LIKE_ATTRIBUTE.sub(lambda m: f"{m[1][:-1]}%{ord(m[1][-1]):02X}=", value)
    return _LOOKS_LIKE_ATTRIBUTE.sub(r"\1 =", value)
