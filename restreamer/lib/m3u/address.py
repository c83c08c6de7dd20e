"""The address line of an entry: request headers behind a pipe, relative addresses, blanks; and whether we open such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

#: What a stream may be opened with. Anything else in a provider's list (file:, plugin:, data:) is refused: a list
#: comes from a stranger and must not reach into the machine.
SCHEMES = frozenset({"http", "https", "rtsp", "rtsps", "rtp", "udp", "rtmp", "rtmps", "srt", "mms", "mmsh"})

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PIPED = re.compile(r"\|(?=!?[A-Za-z][A-Za-z0-9_-]*=)")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_UNUSUAL = re.compile(r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff|]")


class Address(NamedTuple):
    """Where a stream is, and the headers its list asks to send along."""

    url: str
    headers: Mapping[str, str]


def read_address(line: str, base_url: str) -> Address | None:
    """The address line, resolved against the list's own address; None when its scheme is not one of SCHEMES."""
    piped = _PIPED.search(line)
    raw, headers = (line[: piped.start()], dict(header_pairs(line[piped.end() :]))) if piped else (line, NO_HEADERS)
    url = _UNUSUAL.sub(lambda match: quote(match[0]), raw.strip().replace("\t", ""))
    if _SCHEME.match(url) is None:
        url = _joined(base_url, url)
    if not can_open(url):
        return None
    scheme, colon, rest = url.partition(":")
    return Address(scheme.lower() + colon + rest, headers)


def can_open(url: str) -> bool:
    """Is this an absolute address of a kind we open?"""
    scheme = _SCHEME.match(url)
    return scheme is not None and scheme[1].lower() in SCHEMES


def header_pairs(text: str) -> Iterator[tuple[str, str]]:
    """The headers of `User-Agent=A%20B&Referer=http://h/`; names may begin with `!`, values are percent-encoded.

    >>> dict(header_pairs("!User-Agent=A%20B&Referer=http://h/?a=1"))
    {'User-Agent': 'A B', 'Referer': 'http://h/?a=1'}
    """
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        header = clean_header(name.strip().lstrip("!"), unquote(value))
        if equals and header:
            yield header


def clean_header(name: str, value: str) -> tuple[str, str] | None:
    """A header that can be sent; None when the name is none or no value is left without its control characters.

    >>> clean_header("Referer", "http://h/\\r\\nHost: evil")
    ('Referer', 'http://h/Host: evil')
    """
    value = "".join(char for char in value if char >= " " and char != "\x7f").strip()
    if not value.isascii():
        value = quote(value, safe=_PRINTABLE)  # headers carry ASCII
    return (name, value) if value and _HEADER_NAME.fullmatch(name) else None


def last_part(url: str) -> str:
    """What an entry without a name is called: the last part of its path, else its host.

    >>> last_part("http://h/live/News%20HD.ts?x=1"), last_part("udp://@239.0.0.1:5000")
    ('News HD.ts', '239.0.0.1:5000')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    path = unquote(parts.path).rstrip("/")
    return (path.rpartition("/")[2] or parts.netloc.rpartition("@")[2]).strip()


def _joined(base_url: str, url: str) -> str:
    try:
        return urljoin(base_url, url) if base_url else url
    except ValueError:
        return url
