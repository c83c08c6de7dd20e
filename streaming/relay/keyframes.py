"""Where viewers may begin: the entries of a ring, oldest first. No Django, no Redis."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """A keyframe's first packet in the ring."""

    position: int
    #: PAT and PMT packets to send before it; their continuity counters fit what follows.
    tables: bytes
    #: On the relay's clock.
    arrived_at: float


class KeyframeIndex:
    """The entries that are still in the ring."""

    def __init__(self) -> None:
        self._entries: deque[EntryPoint] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: EntryPoint) -> None:
        """Remember the newest entry."""
        self._entries.append(entry)

    def forget_before(self, tail: int) -> None:
        """The ring has let go of everything before `tail`."""
        while self._entries and self._entries[0].position < tail:
            self._entries.popleft()

    def clear(self) -> None:
        """Nobody is to begin at any of them."""
        self._entries.clear()

    def join_point(self, now: float, behind_s: float) -> EntryPoint | None:
        """Where a new viewer begins: the newest entry at least `behind_s` old.

        When all are younger, the oldest: as much as there is. None: nothing to begin with yet.
        """
        chosen = None
        for entry in self._entries:
            if chosen is not None and entry.arrived_at > now - behind_s:
                break
            chosen = entry
        return chosen
