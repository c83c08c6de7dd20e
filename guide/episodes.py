"""Season and episode of a broadcast, from its numbering or, failing that, from what its texts say."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HIGHEST = 100_000
#: `0.4.0/1`, `0/5 . 3/10 .`, `.4.`: zero-based, each part may be missing or hold a total.
_NS = re.compile(r"\s*(\d+)?\s*(?:/\s*\d+)?\s*\.\s*(\d+)?\s*(?:/\s*\d+)?\s*(?:\.|\Z)")
_BOTH = re.compile(
    r"\bS(?:eason|taffel|aison|erie|eries)?\.?\s*(\d{1,4})\s*[,.:/-]?\s*"
    r"(?:E(?:p(?:isode)?)?|Folge)\.?\s*(\d{1,5})\b|\b(\d{1,2})x(\d{1,3})\b",
    re.IGNORECASE,
)
_EPISODE = re.compile(r"\b(?:E|Ep|Episode|Folge|Épisode|Episodio|Odc|Part|Teil)\.?\s*(\d{1,5})\b", re.IGNORECASE)
_NUMBER = re.compile(r"\s*#?(\d{1,5})\s*(?:/\s*\d+)?\s*\Z")
#: In prose only an unmistakable form counts: "S01E05", "(S2 Ep3)", "Season 1, Episode 5".
_IN_PROSE = re.compile(
    r"\bS(\d{1,3})\s?,?\s?E(?:p\.?\s?)?(\d{1,4})\b|\b(?:Season|Series|Staffel|Saison)\s(\d{1,3})\s?[,:-]?\s?"
    r"(?:Episode|Ep\.?|Folge|Épisode)\s(\d{1,4})\b",
    re.IGNORECASE,
)


def episode_of(nums: Mapping[str, str], *texts: str) -> tuple[int | None, int | None]:
    """Season and episode, counted from one as people do; None for what is unknown."""
    for found in (_from_ns(nums.get("xmltv_ns", "")), _from_onscreen(nums.get("onscreen", ""))):
        if found != (None, None):
            return found
    for text in texts:
        match = _IN_PROSE.search(text[:1000]) if text else None
        if match:
            return _bounded(match[1] or match[3]), _bounded(match[2] or match[4])
    return None, None


def _from_ns(text: str) -> tuple[int | None, int | None]:
    match = _NS.match(text)
    if match is None:
        return None, None
    return _bounded(match[1], plus=1), _bounded(match[2], plus=1)


def _from_onscreen(text: str) -> tuple[int | None, int | None]:
    both = _BOTH.search(text)
    if both:
        return _bounded(both[1] or both[3]), _bounded(both[2] or both[4])
    episode = _EPISODE.search(text) or _NUMBER.match(text)
    return None, _bounded(episode[1]) if episode else None


def _bounded(digits: str | None, plus: int = 0) -> int | None:
    """The number, unless it is none of an episode (dates and ids stand in these fields too)."""
    if not digits or len(digits) > 6:
        return None
    number = int(digits) + plus
    return number if number < _HIGHEST else None
