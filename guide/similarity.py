"""Do two names mean one channel? A confidence and the reason in words; pure."""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz

from restreamer.lib.names import FILLERS, ChannelName

#: From here on a pair is accepted without a person.
AUTO_ACCEPT = 0.95
#: Below this a pair is not worth showing.
WORTH_SHOWING = 0.6

#: Words any broadcaster may use. A name that has nothing else in common with another has nothing in common.
_GENERIC = frozenset(
    (
        "news", "movies", "movie", "music", "sports", "sport", "kids", "cinema", "film", "films", "action", "comedy",
        "drama", "family", "world", "international", "live", "plus", "radio", "hits", "classic", "classics", "gold",
        "max", "extra", "prime", "premium", "nature", "travel", "food", "weather", "business", "life", "style",
        "entertainment", "documentaries", "home", "shop", "shopping", "info", "national", "regional", "local", "golf",
        "tennis", "horror", "crime", "health", "fashion", "poker", "racing", "game", "games",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Score:
    """How sure we are that two names mean one channel, and why."""

    confidence: float
    reason: str

    def capped(self, most: float, because: str) -> Score:
        """No surer than `most`, for this reason."""
        return self if self.confidence <= most else Score(most, because)


NOTHING = Score(0.0, "nothing in common")


def score(ours: ChannelName, theirs: ChannelName) -> Score:
    """The similarity of two names that were taken apart; countries are theirs as far as known."""
    if not ours.words or not theirs.words:
        return NOTHING
    found = _by_words(ours, theirs)
    if ours.shift_hours != theirs.shift_hours:
        found = found.capped(0.3, f"one is +{max(ours.shift_hours, theirs.shift_hours)}")
    found = _by_country(found, ours.country, theirs.country)
    return _by_quality(found, ours.quality, theirs.quality)


def _by_words(ours: ChannelName, theirs: ChannelName) -> Score:
    if ours.key == theirs.key:
        return _same_key(ours, theirs)
    if ours.core == theirs.core and ours.numbers == theirs.numbers:
        return _same_core(ours, theirs)
    if sorted(ours.numbers) != sorted(theirs.numbers):
        return Score(min(0.4, _ratio(ours, theirs) * 0.5), "different numbers")
    if ours.regions != theirs.regions:
        return Score(min(0.7, _ratio(ours, theirs)), "different regions")
    if sorted(ours.words) == sorted(theirs.words):
        return Score(0.9, "the same words in another order")
    return _by_spelling(ours, theirs)


def _same_key(ours: ChannelName, theirs: ChannelName) -> Score:
    # "1 24" and "12 4" run together alike.
    if ours.numbers != theirs.numbers:
        return Score(0.4, "different numbers")
    if len(ours.key) == 1 or ours.key.isdigit():
        return Score(0.85, "the same name, but a very short one")
    return Score(0.98, "same name")


def _same_core(ours: ChannelName, theirs: ChannelName) -> Score:
    """Only fillers differ. That is less than nothing: NFL Channel and NFL Network are two, as are ART and ART TV."""
    differing = {word for word in {*ours.words} ^ {*theirs.words} if word in FILLERS}
    if differing <= {"the", "and", "und", "et"}:
        return Score(0.97, "same name")
    if differing <= {"the", "channel"} and len(ours.core) >= 5 and _tells_something(ours):
        return Score(0.96, "same name but for the word channel")
    return Score(0.9, f"same name but for {', '.join(sorted(differing))}")


def _by_spelling(ours: ChannelName, theirs: ChannelName) -> Score:
    mine = {word for word in ours.words if word not in FILLERS}
    yours = {word for word in theirs.words if word not in FILLERS}
    ratio = _ratio(ours, theirs)
    extra = sorted(mine ^ yours)
    if mine <= yours or yours <= mine:
        return Score(min(0.85, 0.55 + 0.3 * ratio), f"only one says {', '.join(extra)}")
    if mine & yours - _GENERIC:
        return Score(min(0.8, ratio), "some words in common")
    if ratio >= 0.85:
        return Score(ratio * 0.9, "nearly the same spelling")
    return Score(ratio * 0.6, "a distant likeness")


def _by_country(found: Score, ours: str, theirs: str) -> Score:
    if ours and theirs and ours != theirs:
        return found.capped(0.5, f"{found.reason}, but another country")
    if ours != theirs:
        return Score(max(0.0, found.confidence - 0.01), found.reason)
    return found


def _by_quality(found: Score, ours: str, theirs: str) -> Score:
    if "sd" in (ours, theirs) and {ours, theirs} & {"hd", "fhd", "uhd"}:
        return found.capped(0.93, f"{found.reason}, but one is SD")
    if (ours == "uhd") != (theirs == "uhd"):
        return found.capped(0.94, f"{found.reason}, but one is UHD")
    if ours != theirs:
        return Score(max(0.0, found.confidence - 0.005), found.reason)
    return found


def _tells_something(name: ChannelName) -> bool:
    """Is there a word in it that only one broadcaster uses?"""
    return any(word not in _GENERIC and word not in FILLERS and not word.isdigit() for word in name.words)


def _ratio(ours: ChannelName, theirs: ChannelName) -> float:
    return fuzz.ratio(ours.key, theirs.key) / 100
