"""How a running source measures up: now and then a score of what passed, without looking into any packet again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from streaming.faults import Fault
from streaming.mpegts import health
from streaming.mpegts.statistics import Statistics
from streaming.relay.joint import Joint

#: One score is made of so much time.
WINDOW_S = 30.0
#: A source that sends nothing for longer stalls.
STALL_S = 1.5

#: Losing a source by one of these says something of the stream itself.
OF_STREAM = frozenset(
    {
        Fault.ENDED, Fault.RESET, Fault.SILENT, Fault.STARVED, Fault.NOT_TS, Fault.NO_VIDEO, Fault.LOST_VIDEO,
        Fault.LOST_AUDIO, Fault.SCRAMBLED, Fault.FROZEN, Fault.CONTINUITY,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measurement:
    """A stream over some seconds. `at` is unix time; sizes and names are 0 and empty when they are not known."""

    stream_id: int
    at: float
    seconds: float
    score: float
    #: Points of 100 that each damage takes away.
    parts: dict[str, float] = field(default_factory=dict)
    fault: str = ""
    width: int = 0
    height: int = 0
    picture: str = ""
    sound: str = ""
    bitrate_bps: int = 0
    keyframe_interval_s: float = 0.0


class Checkup:
    """Of one opened source. All is called in the loop; times are its clock."""

    def __init__(self, stream_id: int, now: float, allowed_quiet_s: float, wall: Callable[[], float]) -> None:
        #: The picture's width and height.
        self.size = (0, 0)
        self.stall_s = max(STALL_S, allowed_quiet_s)
        self._stream_id = stream_id
        self._wall = wall
        self._since = now
        self._of: Statistics | None = None
        self._earlier = Statistics()
        self._stalled_s = 0.0

    def stalled(self, seconds: float) -> None:
        """Nothing came for so long."""
        self._stalled_s += seconds

    def look(self, joint: Joint, now: float) -> Measurement | None:
        """The score of the time that has passed, once there was enough of it."""
        statistics = joint.statistics
        if statistics is not self._of:
            # The source has been taken over just now: it is counted anew from here.
            self._begin(statistics, now)
            return None
        seconds = now - self._since
        if seconds < WINDOW_S:
            return None
        window = health.Window.between(
            self._earlier, statistics, seconds, now, has_sound=joint.has_sound, stalled_s=self._stalled_s
        )
        self._begin(statistics, now)
        return self._measured(joint, seconds, health.score(window), health.parts(window))

    def lost(self, joint: Joint, fault: Fault) -> Measurement | None:
        """The source was given up; None when that says nothing of the stream."""
        if fault not in OF_STREAM:
            return None
        return self._measured(joint, health.FAULT_S, 0.0, {}, str(fault))

    def _begin(self, statistics: Statistics, now: float) -> None:
        self._of, self._earlier, self._since, self._stalled_s = statistics, statistics.snapshot(), now, 0.0

    def _measured(
        self, joint: Joint, seconds: float, score: float, parts: dict[str, float], fault: str = ""
    ) -> Measurement:
        statistics, (width, height), (picture, sound) = joint.statistics, self.size, joint.decoded
        return Measurement(
            stream_id=self._stream_id,
            at=self._wall(),
            seconds=round(seconds, 1),
            score=round(score, 2),
            parts=parts,
            fault=fault,
            width=width,
            height=height,
            picture=picture,
            sound=sound,
            bitrate_bps=statistics.bitrate_bps,
            keyframe_interval_s=round(statistics.keyframe_interval_s or 0.0, 2),
        )
