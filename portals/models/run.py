"""A row per background run: what was asked, by whom, how far it got, what came of it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from portals.models.portal import Portal


class RunKind(models.TextChoices):
    """What the run does."""

    TEST = "test", "test"
    LIVE = "live", "live channels"
    VOD = "vod", "movies and series"
    GUIDE = "guide", "guide"


class RunState(models.TextChoices):
    """queued -> running -> done | failed | cancelled | held (waits for a person)."""

    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"
    HELD = "held", "held for confirmation"


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
