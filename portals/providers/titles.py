"""Reads season, episode and year out of titles, where a list has nothing but names."""

from __future__ import annotations

import re
from typing import NamedTuple

_EPISODE_FORMS = (
    # S01E02, s1 e2, S01.E02, T1E2 (temporada), S01 EP02
    re.compile(r"(?i)(?<![a-z0-9])[st](\d{1,4})[\s._-]{0,3}(?:e|ep|x)[\s.]?(\d{1,4})(?!\d)"),
    # 1x02
    re.compile(r"(?i)(?<![a-z0-9.])(\d{1,2})x(\d{2,3})(?![a-z0-9])"),
    # Season 1 Episode 2
    re.compile(
        r"(?i)\b(?:season|saison|staffel|temporada|stagione)[\s.]{0,3}(\d{1,3})\W{0,5}"
        r"(?:episode|épisode|folge|episodio|episódio|ep)[\s.]{0,3}(\d{1,4})(?!\d)"
    ),
)
_YEAR = re.compile(r"[(\[]\s*((?:19|20)\d\d)\s*[)\]]")
_ADULT = re.compile(r"(?i)(?<![a-z0-9])(?:xxx|adults?(?!\s+swim)|porno?|erotic[ao]?|(?:\+\s?18|18\s?\+))(?![a-z0-9])")
_EDGES = " \t-–—:|.,_/"


class EpisodeTitle(NamedTuple):
    """`Show S01E02 - Pilot` taken apart. `series` is "" when nothing stands before the numbers."""

    series: str
    season: int
    number: int
    name: str


def episode_title(title: str) -> EpisodeTitle | None:
    """The parts of an episode's title; None when it names no season and episode.

    >>> episode_title("Breaking Bad S01E02 - Cat's in the Bag")
    EpisodeTitle(series='Breaking Bad', season=1, number=2, name="Cat's in the Bag")
    >>> episode_title("Die Hard (1988)") is None
    True
    """
    for form in _EPISODE_FORMS:
        match = form.search(title)
        if match:
            series = title[: match.start()].strip(_EDGES)
            name = title[match.end() :].strip(_EDGES)
            return EpisodeTitle(series, int(match[1]), int(match[2]), name)
    return None


def year_in(title: str) -> int | None:
    """The year in brackets, the last when there are several.

    >>> year_in("2001: A Space Odyssey (1968)"), year_in("1917")
    (1968, None)
    """
    years = _YEAR.findall(title)
    return int(years[-1]) if years else None


def without_year(title: str) -> str:
    """The title without years in brackets; unchanged when nothing else is there.

    >>> without_year("Die Hard (1988) [4K]"), without_year("(2012)")
    ('Die Hard [4K]', '(2012)')
    """
    return " ".join(_YEAR.sub(" ", title).split()) or title


def is_adult(name: str) -> bool:
    """Does a group or category call itself adult?

    >>> is_adult("XXX | HD"), is_adult("For Adults"), is_adult("18+"), is_adult("Adult Swim"), is_adult("Essex")
    (True, True, True, False, False)
    """
    return _ADULT.search(name) is not None
