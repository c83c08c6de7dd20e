"""How good a stream is, as a number from 0 to 100 that orders candidates: the same stream always gets the same score.

The score of a window of time is

    100 × Π (1 − weight × min(1, amount / worst))     over all damages of `DAMAGES`

so nothing wrong is 100, each kind of damage can take its weight away and no more, damages multiply, and more damage
never scores higher. With `m` for minute and `k` for a thousand packets:

    damage              amount                                             worst    weight
    losses              continuity breaks and transport errors per k       10       0.7
    holes               pictures missing per m                             60       0.5
    jumps               jumps of picture clock and PCR per m               6        0.4
    late clock          PCRs more than 0.25 s apart per m                  120      0.2
    tables              changed or damaged tables per m                    12       0.2
    scrambled           share of encrypted packets                         0.5      1.0
    still picture       seconds since the picture's clock moved            10       1.0
    still sound         seconds since the sound's clock moved              10       0.5
    still clock         seconds since the PCR moved                        10       0.5
    rare keyframes      1 when none came for 12 s                          1        0.1
    missing sound       1 when sound is announced and none comes           1        0.5
    stalls              share of the time in which nothing came            0.2      0.6

What a picture shows is not looked at: black, frozen or silent content that is sent correctly scores as good.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from streaming.mpegts.statistics import Statistics

BEST = 100.0
#: How much of the past a running score is made of.
MEMORY_S = 300.0
#: A source that was lost by its own fault counts as so long a time that scored nothing: it halves the score.
FAULT_S = 300.0

#: Damage (attribute of `Window`): worst amount and weight.
DAMAGES = {
    "losses_per_k": (10.0, 0.7),
    "holes_per_m": (60.0, 0.5),
    "jumps_per_m": (6.0, 0.4),
    "late_pcrs_per_m": (120.0, 0.2),
    "table_changes_per_m": (12.0, 0.2),
    "scrambled_share": (0.5, 1.0),
    "still_picture_s": (10.0, 1.0),
    "still_sound_s": (10.0, 0.5),
    "still_clock_s": (10.0, 0.5),
    "rare_keyframes": (1.0, 0.1),
    "missing_sound": (1.0, 0.5),
    "stalled_share": (0.2, 0.6),
}


@dataclass(frozen=True, slots=True)
class Window:
    """What was wrong with a stream during some time; every amount 0 is perfect."""

    losses_per_k: float = 0.0
    holes_per_m: float = 0.0
    jumps_per_m: float = 0.0
    late_pcrs_per_m: float = 0.0
    table_changes_per_m: float = 0.0
    scrambled_share: float = 0.0
    still_picture_s: float = 0.0
    still_sound_s: float = 0.0
    still_clock_s: float = 0.0
    rare_keyframes: float = 0.0
    missing_sound: float = 0.0
    stalled_share: float = 0.0

    @classmethod
    def between(
        cls,
        earlier: Statistics,
        later: Statistics,
        seconds: float,
        now: float,
        *,
        has_sound: bool = False,
        stalled_s: float = 0.0,
    ) -> Window:
        """The time between two snapshots of one stream's statistics; `now` is the clock they were kept by.

        That sound is announced, and for how long nothing came at all, is the caller's to know.
        """
        packets = max(later.packets - earlier.packets, 1)
        minutes = max(seconds, 1.0) / 60

        def grown(*names: str) -> int:
            return sum(getattr(later, name) - getattr(earlier, name) for name in names)

        return cls(
            losses_per_k=grown("cc_errors", "transport_errors") * 1000 / packets,
            holes_per_m=grown("holes") / minutes,
            jumps_per_m=grown("time_jumps", "pcr_jumps") / minutes,
            late_pcrs_per_m=grown("late_pcrs") / minutes,
            table_changes_per_m=grown("psi_changes", "damaged_tables") / minutes,
            scrambled_share=grown("scrambled_packets") / packets,
            still_picture_s=_since(later.video_moved_at, now),
            still_sound_s=_since(later.audio_moved_at, now),
            still_clock_s=_since(later.pcr_moved_at, now),
            rare_keyframes=float(later.long_gop),
            missing_sound=float(has_sound and not grown("audio_packets")),
            stalled_share=stalled_s / max(seconds, 1.0),
        )


def _since(moved_at: float | None, now: float) -> float:
    # A clock that was read a moment ago moves: blocks come in ticks, PES packets of sound up to a second apart.
    return 0.0 if moved_at is None else max(0.0, now - moved_at - 1.0)


def score(window: Window) -> float:
    """The window's score, 0 to 100; the formula stands above."""
    quality = 1.0
    for cost in _costs(window).values():
        quality *= 1.0 - cost
    return BEST * quality


def parts(window: Window) -> dict[str, float]:
    """What each damage alone takes away, in points of 100; those that take nothing are not named."""
    return {name: round(BEST * cost, 1) for name, cost in _costs(window).items() if cost > 0}


def worst_damage(window: Window) -> str:
    """The name of the damage that costs most; empty when nothing does."""
    costs = _costs(window)
    name = max(costs, key=lambda name: costs[name])
    return name if costs[name] > 0 else ""


def _costs(window: Window) -> dict[str, float]:
    """Per damage the share of the score it takes away."""
    amounts: dict[str, float] = asdict(window)
    return {name: weight * min(1.0, max(0.0, amounts[name]) / worst) for name, (worst, weight) in DAMAGES.items()}


def blended(old: float, new: float, seconds: float, memory_s: float = MEMORY_S) -> float:
    """The running score of a stream after a window of `seconds` that scored `new`."""
    weight: float = 0.5 ** (max(seconds, 0.0) / memory_s)
    return old * weight + new * (1.0 - weight)
