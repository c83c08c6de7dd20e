"""Which guide channel is ours? Ids first, then names; every answer has a confidence and a reason. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rapidfuzz import fuzz, process

from guide.records import ChannelFacts
from guide.similarity import AUTO_ACCEPT, WORTH_SHOWING, Score, score
from restreamer.lib.countries import CODES
from restreamer.lib.names import FILLERS, ChannelName, country_of_id, parse

__all__ = ["AUTO_ACCEPT", "GuideEntry", "GuideIndex", "Proposal"]

#: Feeds of one channel that differ in picture only, as in `BBCOne.uk@HD`.
_QUALITY_FEEDS = frozenset({"sd", "hd", "fhd", "uhd", "4k", ""})
#: A word this many guide channels share finds nobody.
_COMMON_WORD = 150
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class GuideEntry:
    """A guide channel as the matcher needs to know it."""

    source_id: int
    guide_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A guide channel that may be ours."""

    entry: GuideEntry
    confidence: float
    reason: str

    @property
    def certain(self) -> bool:
        """May it be accepted without a person?"""
        return self.confidence >= AUTO_ACCEPT


class GuideIndex:
    """All guide channels, ready to be asked. Entries of earlier sources come first among equals."""

    def __init__(self, entries: Iterable[GuideEntry]) -> None:
        self._entries = list(entries)
        self._by_id: dict[str, list[int]] = defaultdict(list)
        self._by_key: dict[str, list[int]] = defaultdict(list)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._ranks: dict[int, int] = {}
        self._names: list[tuple[ChannelName, ...]] = []
        for at, entry in enumerate(self._entries):
            self._ranks.setdefault(entry.source_id, len(self._ranks))
            names = _names_of(entry)
            self._names.append(names)
            self._by_id[_base_id(entry.guide_id)].append(at)
            for key in {key for name in names for key in (name.key, name.core)}:
                self._by_key[key].append(at)
            for word in {word for name in names for word in name.words if word not in FILLERS}:
                self._by_word[word].append(at)
        self._keys_by_head: dict[str, list[str]] = defaultdict(list)
        for key in self._by_key:
            self._keys_by_head[key[:2]].append(key)

    def chosen(self, proposals: Iterable[Proposal]) -> Proposal | None:
        """The one to accept without a person: of the certain ones that of the first source; None without any."""
        certain = (proposal for proposal in proposals if proposal.certain)
        return min(certain, key=lambda p: (self._ranks[p.entry.source_id], -p.confidence), default=None)

    def proposals(self, channel: ChannelFacts) -> list[Proposal]:
        """The guide channels worth looking at, best first. At most one of each source is certain."""
        ours = _our_names(channel)
        found = {at: self._judge(channel, ours, at) for at in self._candidates(channel, ours)}
        worth = [(at, result) for at, result in found.items() if result.confidence >= WORTH_SHOWING]
        worth.sort(key=lambda pair: (-pair[1].confidence, pair[0]))
        return _without_ties([Proposal(self._entries[at], s.confidence, s.reason) for at, s in worth[: _SHOWN * 4]])[
            :_SHOWN
        ]

    def _judge(self, channel: ChannelFacts, ours: list[ChannelName], at: int) -> Score:
        entry = self._entries[at]
        if _plain_id(entry.guide_id) in map(_plain_id, channel.own_ids):
            return Score(1.0, "its portal's own guide")
        by_name = max(
            (score(mine, theirs) for mine in ours for theirs in self._names[at]),
            key=lambda result: result.confidence,
            default=Score(0.0, "no name"),
        )
        by_id = _id_score(channel.guide_id.strip(), entry.guide_id, by_name)
        return max(by_id, by_name, key=lambda result: result.confidence)

    def _candidates(self, channel: ChannelFacts, ours: list[ChannelName]) -> set[int]:
        found = set(self._by_id.get(_base_id(channel.guide_id), ())) if channel.guide_id.strip() else set()
        for own_id in channel.own_ids:
            found.update(self._by_id.get(_base_id(own_id), ()))
        for name in ours:
            found.update(self._by_key.get(name.key, ()), self._by_key.get(name.core, ()))
        certain = len(found)
        for name in ours:
            for word in name.words:
                sharing = self._by_word.get(word, ())
                if len(sharing) <= _COMMON_WORD:
                    found.update(sharing)
        if not certain:
            found.update(self._alike(ours))
        return found

    def _alike(self, ours: list[ChannelName]) -> Iterable[int]:
        """Misspelt names share no word with the right one, so keys are compared; nobody misspells the beginning."""
        for name in ours:
            if len(name.key) >= 4:
                keys = self._keys_by_head.get(name.key[:2], ())
                for key, _, _ in process.extract(name.key, keys, scorer=fuzz.ratio, limit=5, score_cutoff=85):
                    yield from self._by_key[key]


def _names_of(entry: GuideEntry) -> tuple[ChannelName, ...]:
    """Each display name taken apart, the id where there is none; plain numbers are channel numbers, not names."""
    country = country_of_id(entry.guide_id)
    names = [parse(name) for name in entry.names if not name.strip().isdigit()] or [parse(name) for name in entry.names]
    if not names:
        names = [parse(_base_id(entry.guide_id).rsplit(".", 1)[0] if country else entry.guide_id)]
    return tuple(dict.fromkeys(name if name.country else replace(name, country=country) for name in names))


def _our_names(channel: ChannelFacts) -> list[ChannelName]:
    country = CODES.get(channel.country.strip().lower(), "") or country_of_id(channel.guide_id)
    names = [parse(name) for name in (channel.name, *channel.other_names)]
    return list(dict.fromkeys(name if name.country else replace(name, country=country) for name in names))


def _plain_id(guide_id: str) -> str:
    return guide_id.strip().casefold()


def _base_id(guide_id: str) -> str:
    """`rai1.it` of `Rai1.it@HD`."""
    return _plain_id(guide_id).partition("@")[0]


def _id_score(ours: str, theirs: str, by_name: Score) -> Score:
    if not ours:
        return Score(0.0, "no id")
    if _plain_id(ours) != _plain_id(theirs):
        return _feed_score(_plain_id(ours), _plain_id(theirs))
    if ours.isdigit() or len(ours) < 3:
        # Panels count their channels from one; two of them agree on "17" by chance.
        if by_name.confidence < WORTH_SHOWING:
            return Score(0.7, "the same id, but a mere number, and another name")
        return Score(0.96, "the same id and a similar name")
    return Score(1.0, "the same id") if ours == theirs else Score(0.99, "the same id but for capital letters")


def _feed_score(ours: str, theirs: str) -> Score:
    our_base, _, our_feed = ours.partition("@")
    their_base, _, their_feed = theirs.partition("@")
    if our_base != their_base:
        return Score(0.0, "another id")
    if {our_feed, their_feed} <= _QUALITY_FEEDS:
        return Score(0.97, "the same id, in another quality")
    return Score(0.8, "the same id, but another feed")


def _without_ties(proposals: list[Proposal]) -> list[Proposal]:
    """Two certain ones of one source cannot both be right: the better stays certain, equals are left to a person."""
    kept: list[Proposal] = []
    best: dict[int, Proposal] = {}
    for proposal in proposals:
        source = proposal.entry.source_id
        first = best.setdefault(source, proposal)
        if proposal.certain and first is not proposal:
            if first.confidence - proposal.confidence < 0.001 and first.certain and not _one_channel(first, proposal):
                at = kept.index(first)
                kept[at] = best[source] = _left_open(first)
            proposal = _left_open(proposal)
        kept.append(proposal)
    return sorted(kept, key=lambda proposal: -proposal.confidence)


def _one_channel(first: Proposal, second: Proposal) -> bool:
    """`Rai1.it` and `Rai1.it@HD` show the same; either will do, so the first does."""
    return _feed_score(_plain_id(first.entry.guide_id), _plain_id(second.entry.guide_id)).confidence >= AUTO_ACCEPT


def _left_open(proposal: Proposal) -> Proposal:
    return replace(proposal, confidence=0.94, reason=f"{proposal.reason}; another guide channel fits as well")
