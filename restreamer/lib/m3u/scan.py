"""Reads one #EXTINF line: duration, attributes, groups, name; also when quotes are missing, single or unbalanced."""

from __future__ import annotations

import re
from typing import NamedTuple

LIVE_DURATION_S = -1.0
_LONGEST_S = 10**7

_DURATION = re.compile(r"\s*+([-+0-9.]*+)")
_BLANKS = re.compile(r"\s*+")
_KEY = re.compile(r"[A-Za-z0-9_.-]++")
#: A bare value ends at a comma, or at blanks that a `key=` follows. A double quote that opens must close.
_PAIR = re.compile(
    r"""\s*+([A-Za-z0-9_.-]++)\s*+=(?:"""
    r"""\s*+(?:"([^"]*+)"|'([^']*+)')"""
    r"""|(?!\s*+")([^\s,]*+(?:\s++(?![A-Za-z0-9_.-]++\s*+=)[^\s,]++)*))"""
)
_QUOTED_PAIR = re.compile(r'(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]++)\s*+=\s*+"([^"]*+)"')
_FIRST_BLANK = len("#EXTINF:")

#: Pieces outside the quotes repeat from line to line; so many short ones are remembered.
_REMEMBERED = 4096
_REMEMBERED_LENGTH = 64


class Extinf(NamedTuple):
    """What one line says. Keys are in lower case; `groups` holds every `group-title`, several in one split at `;`.

    `name` is None when the line has no comma before a name, "" when nothing follows the comma.
    """

    duration_s: float
    attributes: dict[str, str]
    groups: tuple[str, ...]
    name: str | None


def scan_extinf(line: str) -> Extinf:
    """The line read by the rules of the reference, section 2. `line` begins with `#EXTINF:` in any case."""
    return _scan_tidy(line) or _scan_any(line)


class _Openings(dict[str, "tuple[float, str] | None"]):
    """`#EXTINF:-1 tvg-id=` -> (-1.0, "tvg-id"); None for what is not of this form."""

    _form = re.compile(r"(?i)#EXTINF:\s*+([-+0-9.]*+)\s++([A-Za-z0-9_.-]++)\s*+=\s*+")

    def __missing__(self, text: str) -> tuple[float, str] | None:
        match = self._form.fullmatch(text)
        found = (_duration_s(match[1]), match[2].lower()) if match else None
        if len(text) <= _REMEMBERED_LENGTH and len(self) < _REMEMBERED:
            self[text] = found
        return found


class _Keys(dict[str, "str | None"]):
    """` tvg-name=` -> "tvg-name"; None for what is not of this form."""

    _form = re.compile(r"\s++([A-Za-z0-9_.-]++)\s*+=\s*+")

    def __missing__(self, text: str) -> str | None:
        match = self._form.fullmatch(text)
        found = match[1].lower() if match else None
        if len(text) <= _REMEMBERED_LENGTH and len(self) < _REMEMBERED:
            self[text] = found
        return found


_openings = _Openings()
_keys = _Keys()


def _scan_tidy(line: str) -> Extinf | None:
    """The line when it is as it should be, as almost all are: split at the double quotes, every second part is a value.

    None when anything is unusual; then the full scanner decides.
    """
    parts = line.split('"')
    tail = parts[-1]
    if len(parts) < 3 or tail[:1] != ",":
        return None
    opening = _openings[parts[0]]
    keys = [_keys[part] for part in parts[2:-1:2]]
    if opening is None or None in keys:
        return None
    attributes = dict(zip([opening[1], *keys], parts[1::2], strict=False))
    # Fewer when a key came twice, or when a quote is missing.
    if len(attributes) * 2 + 1 != len(parts):
        return None
    title = attributes.get("group-title", "").strip()
    groups = (title,) if title and ";" not in title else split_groups(title)
    return Extinf(opening[0], attributes, groups, tail[1:].strip())  # type: ignore[arg-type]  # no key is None


def _scan_any(line: str) -> Extinf:
    start = _DURATION.match(line, _FIRST_BLANK)
    duration_s = _duration_s(start[1]) if start else LIVE_DURATION_S
    at = start.end() if start else _FIRST_BLANK
    attributes: dict[str, str] = {}
    titles: list[str] = []
    while True:
        pair = _PAIR.match(line, at)
        if pair is not None:
            double, single, bare = pair.group(2, 3, 4)
            value = double if double is not None else single if single is not None else bare.strip()
            _keep(attributes, titles, pair[1], value)
            at = pair.end()
            continue
        at = _end(_BLANKS, line, at)
        if at == len(line) or line[at] == ",":
            name = line[at + 1 :].strip() if at < len(line) else None
            break
        word_end = _end(_KEY, line, at)
        if word_end == at:
            name = _name_after_last_pair(line, attributes, titles)
            break
        at = word_end  # a word that belongs to nothing
    return Extinf(duration_s, attributes, split_groups(";".join(titles)), name)


def _end(pattern: re.Pattern[str], line: str, at: int) -> int:
    match = pattern.match(line, at)
    return match.end() if match else at


def _name_after_last_pair(line: str, attributes: dict[str, str], titles: list[str]) -> str | None:
    """Quotes are unbalanced: what looks like whole pairs counts, and the name follows the last of them."""
    pairs = list(_QUOTED_PAIR.finditer(line))
    for pair in pairs:
        if pair[1].lower() not in attributes:
            _keep(attributes, titles, pair[1], pair[2])
    comma = line.find(",", pairs[-1].end()) if pairs else -1
    if comma < 0:
        comma = line.rfind(",")
    return line[comma + 1 :].strip() if comma >= 0 else None


def _keep(attributes: dict[str, str], titles: list[str], key: str, value: str) -> None:
    key = key.lower()
    attributes.setdefault(key, value)
    if key == "group-title":
        titles.append(value)


def split_groups(title: str) -> tuple[str, ...]:
    """The groups of a `group-title`, in order, each once.

    >>> split_groups("News; UK;;News")
    ('News', 'UK')
    """
    return tuple(dict.fromkeys(filter(None, (part.strip() for part in title.split(";")))))


def _duration_s(text: str) -> float:
    """Seconds; -1 for what is no number or nobody lives to see.

    >>> _duration_s("-1"), _duration_s("5400.5"), _duration_s("1-2"), _duration_s("")
    (-1.0, 5400.5, -1.0, -1.0)
    """
    try:
        value = float(text)
    except ValueError:
        return LIVE_DURATION_S
    return value if value < _LONGEST_S else LIVE_DURATION_S
