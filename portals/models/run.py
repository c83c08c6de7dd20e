"""A row per background run: what was asked, by whom, how far it got, what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models
from django.utils import timezone

from portals.models.portal import Portal


class RunKind(models.TextChoices):
    """What the run does."""

    TEST = "test", "test"
    LIVE = "live", "live channels"
    VOD = "vod", "movies and series"
    DETAILS = "details", "details of movies and series"
    GUIDE = "guide", "guide"
    BACKUP = "backup", "backup"


class RunState(models.TextChoices):
    """queued -> running -> done | failed | cancelled | interrupted (its worker died) | held (waits for a person)."""

    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"
    INTERRUPTED = "interrupted", "interrupted"
    HELD = "held", "held for confirmation"


#: States a run is under way in.
UNDER_WAY = (RunState.QUEUED, RunState.RUNNING)


class Run(models.Model):
    """One run. `error` is a sentence for the owner; `counts` holds added, updated, unchanged, stale."""

    portal = models.ForeignKey(Portal, null=True, blank=True, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=10, choices=RunKind.choices)
    subject = models.CharField(max_length=200, blank=True)
    asked_by = models.CharField(max_length=100, default="timer")
    state = models.CharField(max_length=12, choices=RunState.choices, default=RunState.QUEUED)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    #: Renewed while the run works; a running row whose heartbeat is old belongs to a dead worker.
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    step = models.CharField(max_length=200, blank=True)
    #: Items are counted from zero again in each step, so the rate is the step's.
    step_started_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    #: Examples per kind of change: {"renamed": [[old, new], …], "new": [[name], …], …}.
    report = models.JSONField(default=dict, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["portal", "kind", "-id"], name="run_latest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.portal or self.subject} ({self.get_state_display()})"

    @property
    def running_s(self) -> float | None:
        """Seconds the run has worked, or worked until its end."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    @property
    def result_words(self) -> str:
        """`82 total, 3 new`; empty when nothing was counted."""
        return counts_in_words(self.counts)

    @property
    def is_under_way(self) -> bool:
        """Does it wait or work?"""
        return self.state in UNDER_WAY

    @property
    def rate_per_s(self) -> float | None:
        """Items a second in the step at hand; None before there is anything to tell."""
        if self.state != RunState.RUNNING or self.step_started_at is None or self.heartbeat_at is None:
            return None
        elapsed_s = (self.heartbeat_at - self.step_started_at).total_seconds()
        return self.progress_done / elapsed_s if elapsed_s >= 0.5 and self.progress_done else None

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the step ends, at its rate so far; None when the portal does not say how much there is."""
        rate = self.rate_per_s
        if rate is None or self.progress_total < self.progress_done:
            return None
        return (self.progress_total - self.progress_done) / rate

    @property
    def percent(self) -> int | None:
        """How much of the step is done; None when nobody knows."""
        if not self.progress_total:
            return None
        return min(100, self.progress_done * 100 // self.progress_total)

    @property
    def progress_words(self) -> str:
        """`storing the channels: 12,000 of 50,000, 2,300 a second, 17 s left`; empty unless it works."""
        if self.state != RunState.RUNNING:
            return ""
        words = f"{self.progress_done:,}"
        if self.progress_total:
            words += f" of {self.progress_total:,}"
        if self.rate_per_s:
            words += f", {self.rate_per_s:,.0f} a second"
        if self.remaining_s is not None:
            words += f", {_duration(self.remaining_s)} left"
        if not self.progress_done and not self.progress_total:
            return self.step
        return f"{self.step}: {words}"


#: In this order they are told; PostgreSQL keeps the names in JSON by their length. Others follow by name.
_TOLD_FIRST = ("total", "read", "new", "back", "changed", "renamed", "moved", "suspected", "unchanged", "gone")


def counts_in_words(counts: Mapping[str, int]) -> str:
    """The counts that say something; empty when there are none at all."""
    names = [name for name in _TOLD_FIRST if name in counts]
    names += sorted(counts.keys() - names)
    told = [f"{counts[name]:,} {name.replace('_', ' ')}" for name in names if counts[name]]
    return ", ".join(told) or ("it lists none" if counts else "")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class RunPayload(models.Model):
    """Something large that belongs to a run: the list it was held with, or what would take it back."""

    HELD = "held"
    UNDO = "undo"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="payloads")
    purpose = models.CharField(max_length=10, choices=[(HELD, "held list"), (UNDO, "undo")])
    position = models.PositiveIntegerField()
    blob = models.BinaryField()

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["run", "purpose", "position"], name="run_payload_order")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.position} of run {self.run_id}"
