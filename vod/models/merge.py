"""What curators joined and separated, and what would take it back."""

from __future__ import annotations

from django.db import models

from vod.models.category import Category


class Merge(models.Model):
    """One decision. Plain numbers: what goes is gone after a merge, the decision about it stays."""

    class State(models.TextChoices):
        MERGED = "merged", "merged"
        APART = "apart", "kept apart"
        UNDONE = "undone", "taken back"

    kind = models.CharField(max_length=10, choices=Category.Kind.choices)
    stays_id = models.PositiveIntegerField()
    stays_name = models.CharField(max_length=500)
    goes_id = models.PositiveIntegerField()
    goes_name = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=State.choices)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(auto_now_add=True)
    #: The row and offers of what went, for undo.
    undo = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["kind", "stays_id", "goes_id"], name="merge_pair")]

    def __str__(self) -> str:
        return f"{self.goes_name} → {self.stays_name} ({self.get_state_display()})"
