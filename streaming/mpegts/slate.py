"""A short transport stream sent over and over in real time: what a viewer sees while there is nothing else.

A slate is fed to a `Splicer` like any other source, and left like any other:

    splicer.cut(); splicer.begin()
    slate = Slate(data, now)
    splicer.rewrite(slate.read(now), now)        # every tick
    splicer.cut(); splicer.begin()               # the real source is there, with an entry

Its end and its beginning are joined by the splicer as those of any source that loops.
"""

from __future__ import annotations

from bisect import bisect_right

from restreamer.lib.errors import RestreamerError
from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import CLOCK_HZ, PACKET_SIZE, difference

#: So much is sent ahead of the clock, so that players have something to begin with.
LEAD_S = 1.0
#: A slate must be longer than this, or its loop is no jump of its clock.
SHORTEST_S = 2.0


class BadSlate(RestreamerError):
    """A slate that cannot be looped."""

    permanent = True


class Slate:
    """Paces one slate by its own clock. `data` is whole packets that begin with tables and a keyframe."""

    def __init__(self, data: bytes, now: float) -> None:
        self._data = data[: len(data) // PACKET_SIZE * PACKET_SIZE]
        self._began_at = now
        self._timetable, self.duration_s = _timetable(self._data)
        #: Units of the lead track sent so far, over all rounds.
        self._sent = 0
        self._position = 0

    def read(self, now: float) -> bytes:
        """The packets that are due since the last call; b"" when none are. After a pause, at most one round."""
        elapsed = now - self._began_at + LEAD_S
        count = len(self._timetable)
        rounds, into = divmod(max(elapsed, 0.0), self.duration_s)
        due = int(rounds) * count + bisect_right(self._timetable, into, key=lambda unit: unit[0])
        if due - self._sent > count:
            # The caller was away: what was missed is missed.
            self._began_at = now - LEAD_S
            due = self._sent + 1
        out = []
        while self._sent < due:
            self._sent += 1
            out.append(self._next_unit())
        return b"".join(out)

    def _next_unit(self) -> bytes:
        """The packets up to the end of the next unit, the last one's with all that is left."""
        index = (self._sent - 1) % len(self._timetable)
        end = self._timetable[index + 1][1] if index + 1 < len(self._timetable) else len(self._data)
        start, self._position = self._position, end % len(self._data)
        return self._data[start:end]


def _timetable(data: bytes) -> tuple[list[tuple[float, int]], float]:
    """When each unit of the lead track is due and where it begins, and how long a round lasts, in seconds."""
    scanner = EntryScanner()
    units: list[tuple[int, int]] = []
    entries = 0
    for part in scanner.parts(data, 0):
        entries += len(part.entries)
        lead = scanner.programme.lead if scanner.programme else None
        for unit in part.units:
            if lead is not None and unit.pid == lead.pid and unit.times is not None:
                units.append((unit.times.dts, part.position + unit.packet * PACKET_SIZE))
    if len(units) < 2 or not entries:
        raise BadSlate("A slate must hold tables, a keyframe and at least two pictures.")
    first = units[0][0]
    times = [difference(dts, first) / CLOCK_HZ for dts, _ in units]
    duration = times[-1] + times[-1] / (len(times) - 1)
    if duration < SHORTEST_S:
        raise BadSlate(f"A slate of {duration:.1f} s is too short to be looped.")
    return [(time, position) for time, (_, position) in zip(times, units, strict=True)], duration
