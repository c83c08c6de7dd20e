"""Which channels are one: proposals with a reason and a confidence, from names and guide ids alone. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from restreamer.lib.names import ChannelName, parse

#: From here on a merge happens without asking, where the owner allows that.
AUTO_ACCEPT = 0.95

#: More channels than this under one key say nothing of being one (`Event 1`, `24/7`, `No signal`).
_CROWD = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A channel as merging needs to know it. `portals` are the ids of those that feed it."""

    channel_id: int
    name: str
    portals: frozenset[int]
    guide_id: str = ""
    is_radio: bool = False
    adult: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """`goes` becomes part of `stays`."""

    stays: int
    goes: int
    confidence: float
    reason: str


def propose(entries: Iterable[Entry], decided: frozenset[tuple[int, int]] = frozenset()) -> list[Proposal]:
    """Every pair that may be one channel, surest first. Pairs in `decided` (lower id first) are not asked again.

    The channel with the lower id stays: it is older, and players know it.
    """
    named = [(entry, parse(entry.name)) for entry in entries]
    found: dict[tuple[int, int], Proposal] = {}
    for pair in _candidates(named):
        (one, one_name), (other, other_name) = sorted(pair, key=lambda x: x[0].channel_id)
        key = (one.channel_id, other.channel_id)
        if key in found or key in decided:
            continue
        confidence, reason = compare(one, one_name, other, other_name)
        if confidence >= 0.5:
            found[key] = Proposal(*key, round(confidence, 3), reason)
    return sorted(found.values(), key=lambda p: (-p.confidence, p.stays, p.goes))


def compare(one: Entry, one_name: ChannelName, other: Entry, other_name: ChannelName) -> tuple[float, str]:
    """How sure we are (0 to 1) that both are one channel, and why."""
    if one.is_radio != other.is_radio:
        return 0.0, "one is radio"
    if one_name.shift_hours != other_name.shift_hours:
        return 0.0, "one is shifted"
    if one_name.numbers != other_name.numbers or one_name.regions != other_name.regions:
        return 0.0, "different numbers or regions"
    if one_name.country and other_name.country and one_name.country != other_name.country:
        return 0.2, "another country"
    same_guide = bool(one.guide_id) and one.guide_id.casefold() == other.guide_id.casefold()
    confidence, reason = _by_name(one_name, other_name, same_guide=same_guide)
    if one.guide_id and other.guide_id and not same_guide:
        confidence, reason = min(confidence, 0.9), f"{reason}, but different guide ids"
    if one.adult != other.adult:
        confidence, reason = min(confidence, 0.6), f"{reason}, but only one is adult"
    if one.portals & other.portals:
        confidence, reason = min(confidence, 0.9), f"{reason}, but one portal lists both"
    return confidence, reason


def _by_name(one: ChannelName, other: ChannelName, *, same_guide: bool) -> tuple[float, str]:
    if one.key == other.key and one.words:
        if same_guide:
            return 0.995, "same name and same guide id"
        if len(one.key) < 3 or one.key.isdigit():
            return 0.8, "same name, but a very short one"
        if one.country == other.country:
            return 0.98, "same name" + (f" and country ({one.country.upper()})" if one.country else "")
        return 0.96, "same name; only one names a country"
    if one.core == other.core and same_guide:
        return 0.97, "same guide id, and names that differ by a filler word only"
    if same_guide:
        return 0.75, "same guide id, but different names"
    if one.core == other.core and len(one.core) > 3:
        return 0.8, "names that differ by a filler word only"
    return 0.0, "different names"


def _candidates(
    named: Sequence[tuple[Entry, ChannelName]],
) -> Iterator[tuple[tuple[Entry, ChannelName], tuple[Entry, ChannelName]]]:
    """Pairs worth comparing: same core of the name, or same guide id; never all against all."""
    blocks: dict[tuple[object, ...], list[tuple[Entry, ChannelName]]] = defaultdict(list)
    for item in named:
        entry, name = item
        if name.words:
            blocks["name", name.core, name.shift_hours].append(item)
        if entry.guide_id:
            blocks["guide", entry.guide_id.casefold()].append(item)
    for block in blocks.values():
        if 1 < len(block) <= _CROWD:
            yield from combinations(block, 2)


def quality_rank(name: str, height: int = 0) -> int:
    """Sorting key of a stream by picture, best first: the measured height wins over what the name says."""
    if height:
        return -height
    return -{"uhd": 2160, "fhd": 1080, "hd": 720, "": 600, "sd": 480}[parse(name).quality]
