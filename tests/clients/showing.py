"""What a player showed over wall time, however it was asked: the only thing that proves that it plays."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise

#: Progress of less than this between two looks is none, in seconds of television.
STILL_S = 0.02


@dataclass(frozen=True, slots=True)
class Look:
    """One report of a player. `shown_s`: television shown so far, by its frames or its position."""

    at: float
    shown_s: float
    width: int = 0


@dataclass
class Showing:
    """All reports of one player; filled by a thread of its driver."""

    client: str
    began_at: float = field(default_factory=time.monotonic)
    looks: list[Look] = field(default_factory=list)
    #: Lines in which the player complains.
    complaints: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def see(self, shown_s: float, width: int = 0) -> None:
        """A report, now."""
        with self._lock:
            self.looks.append(Look(time.monotonic(), shown_s, width))

    def complain(self, line: str) -> None:
        """A line that may explain."""
        with self._lock:
            self.complaints.append(line.strip()[:300])

    @property
    def shown_s(self) -> float:
        """Television shown from the first look that had any to the last."""
        shown = [look.shown_s for look in self.looks]
        return shown[-1] - shown[0] if shown else 0.0

    @property
    def first_after_s(self) -> float:
        """From the start to the first look with a picture; infinite when there was none."""
        return next((look.at - self.began_at for look in self.looks if look.shown_s > STILL_S), float("inf"))

    @property
    def widths(self) -> list[int]:
        """Widths of the picture in their order."""
        found: list[int] = []
        for look in self.looks:
            if look.width and found[-1:] != [look.width]:
                found.append(look.width)
        return found

    def longest_still_s(self, until: float | None = None) -> float:
        """The longest time without progress after the first picture, up to now or to `until`."""
        moved: list[float] = []
        before: float | None = None
        for look in self.looks:
            if before is None or abs(look.shown_s - before) > STILL_S:
                moved.append(look.at)
                before = look.shown_s
        if until is not None:
            moved.append(until)
        return max((later - earlier for earlier, later in pairwise(moved)), default=float("inf"))

    def shown_between(self, start: float, stop: float) -> float:
        """Television shown between two moments of the clock."""
        within = [look.shown_s for look in self.looks if start <= look.at <= stop]
        return within[-1] - within[0] if within else 0.0
