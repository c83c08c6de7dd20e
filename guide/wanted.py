"""Which guide channels are worth their broadcasts: those one of our channels is, or may be, mapped to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from guide.models import GuideMatch
from guide.records import ChannelFacts, key_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """A set of guide ids, or everything (`keys` is None). Ids are compared without regard to case."""

    keys: frozenset[str] | None = None

    @classmethod
    def of(cls, guide_ids: Iterable[str]) -> Wanted:
        """These ids."""
        return cls(frozenset(key_of(guide_id) for guide_id in guide_ids if guide_id.strip()))

    def __call__(self, key: str) -> bool:
        """Is the guide channel with this key wanted?"""
        return self.keys is None or key in self.keys

    @property
    def digest(self) -> str:
        """Equal for equal sets: tells whether a guide that has not changed must be read again."""
        if self.keys is None:
            return "everything"
        return hashlib.sha256("\n".join(sorted(self.keys)).encode()).hexdigest()


EVERYTHING = Wanted()

#: Gives the channels above us; hung in by the channels room when it is ready.
ChannelFeed = Callable[[], Iterable[ChannelFacts]]
_feeds: list[ChannelFeed] = []


def hear_channels_from(feed: ChannelFeed) -> Callable[[], None]:
    """From now on `feed` is asked for our channels. Returns its own undo."""
    _feeds.append(feed)
    return lambda: _feeds.remove(feed)


def our_channels() -> Iterable[ChannelFacts]:
    """Every channel the rooms above told us of."""
    for feed in _feeds:
        yield from feed()


def wanted_now() -> Wanted:
    """Ids our channels carry or their portals know them by, and ids of pairs that a person or the matcher has accepted.

    Everything, as long as nobody has told us which channels there are.
    """
    if not _feeds:
        return EVERYTHING
    accepted = GuideMatch.objects.accepted().values_list("guide_id", flat=True)
    ours = (guide_id for channel in our_channels() for guide_id in (channel.guide_id, *channel.own_ids))
    return Wanted.of([*accepted, *ours])
