"""Each way a source fails in mid-stream, as scripts for a fake upstream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fakes import damage
from tests.fakes.material import PACKET
from tests.fakes.upstream import Script


@dataclass(frozen=True)
class Failure:
    """One fault. `script(bytes)`: it begins after so many; `noticed`: what the relay may note, "" for nothing."""

    name: str
    script: Callable[[int], Script]
    noticed: tuple[str, ...]
    #: The longest time without bytes for the player, seconds, when silence is waited for 8 s.
    gap_s: float
    #: Seconds to look on after the fault.
    after_s: float = 15.0


def _turned(recipe: damage.Recipe, speed: float = 1.0) -> Callable[[int], Script]:
    return lambda here: Script(turn_after=here, turn=recipe, turned_speed=speed)


#: Silence is 8 s, looked at once a second; opening the next source takes up to one more.
SILENT_GAP_S = 10.0
CLOSED_GAP_S = 1.0
NOISE_GAP_S = 4.0

FAILURES = {
    failure.name: failure
    for failure in (
        Failure("ended", lambda here: Script(end_after=here), ("ended",), CLOSED_GAP_S),
        Failure("reset", lambda here: Script(reset_after=here), ("reset",), CLOSED_GAP_S),
        Failure("silent", lambda here: Script(silent_after=here), ("silent",), SILENT_GAP_S, 25),
        Failure("page", _turned(damage.page), ("not_ts",), CLOSED_GAP_S),
        Failure("noise", _turned(damage.noise), ("not_ts",), NOISE_GAP_S, 20),
        Failure("slow", _turned(lambda: bytes, 0.5), ("starved",), CLOSED_GAP_S, 30),
        Failure("no picture", _turned(damage.no_picture), ("lost_video",), SILENT_GAP_S, 25),
        Failure("no sound", _turned(damage.no_sound), ("lost_audio",), CLOSED_GAP_S + 0.5, 25),
        Failure("forward", _turned(damage.jump(5000)), (), CLOSED_GAP_S + 0.5),
        Failure("back", _turned(damage.jump(-3)), (), CLOSED_GAP_S + 0.5),
        Failure("never a sound", lambda here: Script(turn_after=0, turn=damage.no_sound), (), CLOSED_GAP_S),
        Failure("frozen clock", _turned(damage.frozen_pcr), ("frozen",), CLOSED_GAP_S, 25),
    )
}


def whole_packets(size: float) -> int:
    """The next smaller whole number of packets, in bytes."""
    return int(size) // PACKET * PACKET
