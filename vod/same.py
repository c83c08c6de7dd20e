"""Which offers are one title: by TMDB id, by IMDB id, else by folded name and year. Pure."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from portals.providers.titles import without_year, year_in
from restreamer.lib import names

_TMDB = re.compile(r"\A0*([1-9]\d{0,9})\Z")
_IMDB = re.compile(r"\A(?:tt)?0*([1-9]\d{0,9})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signs:
    """What an offer is recognised by. Empty = it says nothing."""

    portal_id: int
    tmdb_id: str = ""
    imdb_id: str = ""
    title_key: str = ""
    #: Language or country its name announces: the French and the German version are two titles.
    language: str = ""

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """The strongest first."""
        found = (("tmdb", self.tmdb_id), ("imdb", self.imdb_id), ("title", self.title_key))
        return tuple(key for key in found if key[1])


def title_key(name: str, year: int | None, *, year_needed: bool) -> str:
    """Folded name and year as one text; "" where that would say too little to join two titles.

    >>> title_key("EN - Léon: The Professional (1994) 4K", None, year_needed=True)
    'leontheprofessional 1994'
    >>> title_key("Heat", None, year_needed=True), title_key("Heat 1995", 1995, year_needed=True)
    ('', 'heat 1995')
    """
    year = year or year_in(name)
    if year is None and year_needed:
        return ""
    words = list(names.title(without_year(name)).words)
    if len(words) > 1 and words[-1] == str(year):
        words.pop()
    key = "".join(words)
    return f"{key} {year or ''}".strip()[:200] if key else ""


def language_of(name: str) -> str:
    """What language or country the name announces; ""."""
    return names.title(name).country


def tmdb_id(said: str) -> str:
    """A TMDB id as digits; "" when it is none (portals send 0)."""
    match = _TMDB.match(said.strip())
    return match[1] if match else ""


def imdb_id(said: str) -> str:
    """An IMDB id as `tt` and digits; "" when it is none."""
    match = _IMDB.match(said.strip())
    return f"tt{match[1]:0>7}" if match else ""


@dataclass(slots=True)
class _Known:
    language: str
    portals: set[int] = field(default_factory=set)


class Register:
    """Titles by what they are recognised by; grows while a batch is sorted."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, dict[int, _Known]] = {}

    def add(self, title_id: int, signs: Signs) -> None:
        """An offer of this title has these signs."""
        for key in signs.keys:
            titles = self._by_key.setdefault(key, {})
            known = titles.setdefault(title_id, _Known(signs.language))
            known.portals.add(signs.portal_id)

    def find(self, signs: Signs) -> int | None:
        """The title these signs mean, if one is known."""
        for key in signs.keys:
            found = self._fitting(self._by_key.get(key, {}).items(), signs)
            if found is not None:
                return found
        return None

    def _fitting(self, titles: Iterable[tuple[int, _Known]], signs: Signs) -> int | None:
        """Same language first; else one that names none, but then of another portal only: a portal that lists a
        title twice, once with a language, means two versions."""
        known = sorted(titles)
        for title_id, title in known:
            if title.language == signs.language:
                return title_id
        for title_id, title in known:
            if not (title.language and signs.language) and signs.portal_id not in title.portals:
                return title_id
        return None
