"""Watches a running source for what bytes alone do not show. Pure: statistics and the clock are handed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from streaming.faults import Fault
from streaming.mpegts.packets import PCR_HZ, pcr_difference
from streaming.mpegts.statistics import Statistics

#: Between two looks.
LOOK_S = 1.0
#: The least window over which shares are judged.
WINDOW_S = 10.0
#: Below this share of real time the source's own clock is starving its viewers.
STARVED_SHARE = 0.7
#: Breaks of the continuity counters in a window that make a storm, and their least share of the packets.
STORM_BREAKS = 150
STORM_SHARE = 0.005
#: Share of scrambled packets that makes a picture unwatchable.
SCRAMBLED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    pcr: int | None
    pcr_jumps: int
    packets: int
    cc_errors: int
    video_packets: int
    audio_packets: int
    scrambled: int


class Vigil:
    """One per opened source. `silence_s` is how long picture, sound or clock may stand still."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        #: A source that comes in pieces is judged over several of them.
        self._window_s = max(WINDOW_S, 2 * silence_s)
        self._looks: deque[_Look] = deque()
        self._looked_at = float("-inf")
        self._had_sound = False

    def due(self, now: float) -> bool:
        """It is time to look again: once a second."""
        return now - self._looked_at >= LOOK_S

    def look(self, statistics: Statistics, now: float, *, has_sound: bool) -> Fault | None:
        """What is wrong now, if anything. To be asked when it is `due`."""
        self._looked_at = now
        self._had_sound = self._had_sound or (has_sound and statistics.audio_pts is not None)
        look = _Look(
            now,
            statistics.pcr,
            statistics.pcr_jumps,
            statistics.packets,
            statistics.cc_errors,
            statistics.video_packets,
            statistics.audio_packets,
            statistics.scrambled_packets,
        )
        fault = self._stands_still(statistics, now)
        if fault is not None:
            # Of an encrypted picture no time stamp can be read: it stands still long before a window is over.
            lately = next((one for one in self._looks if now - one.at <= self._silence_s + LOOK_S), look)
            return Fault.SCRAMBLED if _scrambled(lately, look) else fault
        return self._over_window(look)

    def _stands_still(self, statistics: Statistics, now: float) -> Fault | None:
        def still(moved_at: float | None) -> bool:
            return moved_at is not None and now - moved_at > self._silence_s

        if still(statistics.pcr_moved_at):
            return Fault.FROZEN
        if still(statistics.video_moved_at):
            return Fault.LOST_VIDEO
        if self._had_sound and still(statistics.audio_moved_at):
            return Fault.LOST_AUDIO
        return None

    def _over_window(self, look: _Look) -> Fault | None:
        looks = self._looks
        if looks and look.pcr_jumps != looks[-1].pcr_jumps:
            looks.clear()
        looks.append(look)
        if look.at - looks[0].at < self._window_s:
            return None
        # The window moves on with each look: a source is judged by its last seconds, whenever they began.
        fault = _judge(looks)
        looks.popleft()
        return fault


def _judge(looks: Sequence[_Look]) -> Fault | None:
    before, look = looks[0], looks[-1]
    packets = look.packets - before.packets
    if _scrambled(before, look):
        return Fault.SCRAMBLED
    breaks = look.cc_errors - before.cc_errors
    if breaks >= STORM_BREAKS and breaks >= STORM_SHARE * packets:
        return Fault.CONTINUITY
    if _starves(looks):
        return Fault.STARVED
    return None


def _scrambled(before: _Look, look: _Look) -> bool:
    """Most of what carries picture and sound was encrypted meanwhile."""
    payload = (look.video_packets - before.video_packets) + (look.audio_packets - before.audio_packets)
    return payload > 0 and (look.scrambled - before.scrambled) >= SCRAMBLED_SHARE * payload


def _starves(looks: Sequence[_Look]) -> bool:
    """The source's clock advanced too little, also if its largest piece came just before the window began."""
    times = [(look.at, look.pcr) for look in looks if look.pcr is not None]
    if len(times) < len(looks) or times[-1][1] == times[-2][1]:
        # A clock that stands still is no slow one: it is between two pieces, or frozen.
        return False
    steps = [
        (pcr_difference(later, earlier) / PCR_HZ, until - since) for (since, earlier), (until, later) in pairwise(times)
    ]
    passed_s = sum(step for step, _ in steps)
    piece_s = max(step - took for step, took in steps)
    return passed_s >= 0 and passed_s + max(piece_s, 0.0) < STARVED_SHARE * (looks[-1].at - looks[0].at)
