"""Where the tracks of an output stand at its end, as far as is known before the rest has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Sound:
    """Where one sound track stands."""

    pts: int | None = None
    #: Between its last two PES packets.
    step: int = 0
    #: Position of a PES packet that has not come whole, and how many bytes it lacks as far as known.
    open_at: int | None = None
    missing: int = 0
    opened_dts: int | None = None
    #: The picture's DTS when some of it came last.
    came_dts: int | None = None

    @property
    def end(self) -> int | None:
        """PTS of what comes next."""
        return None if self.pts is None else self.pts + self.step


@dataclass(slots=True)
class Clean:
    """A place between two pictures where the output may end, and the clocks there."""

    position: int
    dts: int | None = None
    shown: int | None = None
    #: Where the last whole picture begins: it is kept back too, so that after a cut there is always a picture left to
    #: send in one piece with what ends it (see `seam`).
    last: int = 0
