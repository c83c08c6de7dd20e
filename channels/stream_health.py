"""What was measured of a stream while it was watched: its score, its properties, and whether it is tried last.

Written by the streaming room (streaming/scoring.py); the score's formula stands in streaming/mpegts/health.py.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models

BEST = 100.0
#: What was bad is half forgotten after so long without being watched.
HALF_LIFE_S = 1800.0
#: Hysteresis: a stream whose score falls below the first is tried after all others until it has risen to the second.
DEMOTED_BELOW = 40.0
WELCOME_FROM = 60.0

#: What takes points away, in words; the keys are those of streaming/mpegts/health.py.
WORDS = {
    "losses_per_k": "packets are lost",
    "holes_per_m": "pictures are missing",
    "jumps_per_m": "its clocks jump",
    "late_pcrs_per_m": "its clock comes late",
    "table_changes_per_m": "its tables change or are damaged",
    "scrambled_share": "it is encrypted",
    "still_picture_s": "the picture stood still",
    "still_sound_s": "the sound stood still",
    "still_clock_s": "its clock stood still",
    "rare_keyframes": "it can be joined only rarely",
    "missing_sound": "announced sound does not come",
    "stalled_share": "it stalls",
}


class StreamHealth(models.Model):
    """One row per stream that was ever watched for a while."""

    stream = models.OneToOneField("channels.Stream", primary_key=True, on_delete=models.CASCADE, related_name="health")
    #: As it was at `scored_at`; see `score_at`.
    score = models.FloatField(default=BEST)
    scored_at = models.DateTimeField()
    measured_s = models.FloatField(default=0.0)
    demoted = models.BooleanField(default=False)
    #: Points of 100 each damage of the last window took away.
    parts: models.JSONField[dict[str, float], dict[str, float]] = models.JSONField(default=dict)
    fault = models.CharField(max_length=20, blank=True)
    fault_at = models.DateTimeField(null=True, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    picture = models.CharField(max_length=20, blank=True)
    sound = models.CharField(max_length=20, blank=True)
    bitrate_bps = models.BigIntegerField(default=0)
    keyframe_interval_s = models.FloatField(default=0.0)

    class Meta:
        verbose_name_plural = "stream health"

    def __str__(self) -> str:
        return f"{self.stream}: {self.score:.0f}"

    def score_at(self, now: datetime) -> float:
        """The score, what was bad being forgotten by and by."""
        return decayed(self.score, (now - self.scored_at).total_seconds())

    def demoted_at(self, now: datetime) -> bool:
        """Is it tried after the others?"""
        return is_demoted(self.score_at(now), was=self.demoted)

    def in_words(self, now: datetime) -> str:
        """The score with its parts."""
        said = [f"{self.score_at(now):.0f} of 100"]
        if self.demoted_at(now):
            said.append("tried after the channel's other streams")
        worst_first = sorted(self.parts.items(), key=lambda part: -part[1])
        said += [f"{WORDS.get(name, name)} (−{points:.0f})" for name, points in worst_first]
        if self.fault and self.fault_at is not None:
            said.append(f"last lost {_ago((now - self.fault_at).total_seconds())} ago ({self.fault.replace('_', ' ')})")
        said.append(f"measured {_ago((now - self.scored_at).total_seconds())} ago")
        return "; ".join(said)

    @property
    def properties(self) -> str:
        """What it is like: `1920×1080 h264, aac, 8.2 Mbit/s, a keyframe every 2.0 s`."""
        size = f"{self.width}×{self.height}" if self.height else ""
        said = [" ".join(part for part in (size, self.picture) if part), self.sound]
        said.append(f"{self.bitrate_bps / 1e6:.1f} Mbit/s" if self.bitrate_bps else "")
        said.append(f"a keyframe every {self.keyframe_interval_s:.1f} s" if self.keyframe_interval_s else "")
        return ", ".join(part for part in said if part)


def decayed(old: float, age_s: float, half_life_s: float = HALF_LIFE_S) -> float:
    """A score that nothing has confirmed for `age_s`: what was bad is forgotten, half of it per half-life."""
    remains: float = 0.5 ** (max(age_s, 0.0) / half_life_s)
    return BEST - (BEST - old) * remains


def is_demoted(score: float, *, was: bool) -> bool:
    """Hysteresis: once it was demoted, a stream must become clearly better to count again."""
    return score < (WELCOME_FROM if was else DEMOTED_BELOW)


def _ago(seconds: float) -> str:
    if seconds < 5400:
        return f"{max(0.0, seconds) / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"
