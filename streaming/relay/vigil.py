"""Watches a running source for what bytes alone do not show. Pure: statistics and the clock are handed in."""

from __future__ import annotations

from dataclasses import dataclass

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
        self._window: _Look | None = None
        self._looked_at = float("-inf")
        self._had_sound = False

    def look(self, statistics: Statistics, now: float, *, has_sound: bool) -> Fault | None:
        """What is wrong now, if anything. Cheap: looks once a second."""
        if now - self._looked_at < LOOK_S:
            return None
        self._looked_at = now
        self._had_sound = self._had_sound or (has_sound and statistics.audio_pts is not None)
        return self._stands_still(statistics, now) or self._over_window(statistics, now)

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

    def _over_window(self, statistics: Statistics, now: float) -> Fault | None:
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
        before = self._window
        if before is None or look.pcr_jumps != before.pcr_jumps:
            self._window = look
            return None
        if now - before.at < self._window_s:
            return None
        self._window = look
        return _judge(before, look)


def _judge(before: _Look, look: _Look) -> Fault | None:
    packets = look.packets - before.packets
    payload = (look.video_packets - before.video_packets) + (look.audio_packets - before.audio_packets)
    if payload and (look.scrambled - before.scrambled) >= SCRAMBLED_SHARE * payload:
        return Fault.SCRAMBLED
    breaks = look.cc_errors - before.cc_errors
    if breaks >= STORM_BREAKS and breaks >= STORM_SHARE * packets:
        return Fault.CONTINUITY
    if before.pcr is not None and look.pcr is not None:
        passed_s = pcr_difference(look.pcr, before.pcr) / PCR_HZ
        if 0 <= passed_s < STARVED_SHARE * (look.at - before.at):
            return Fault.STARVED
    return None
