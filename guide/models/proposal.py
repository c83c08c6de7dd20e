"""A guide a playlist names in its header: nothing is fetched from it before its owner says so."""

from __future__ import annotations

from django.db import models

from portals.models import Portal


class GuideProposal(models.Model):
    """One address, and what was decided about it; decided ones stay, so that nobody is asked twice."""

    class State(models.TextChoices):
        OPEN = "open", "waits for you"
        TAKEN = "taken", "taken"
        REFUSED = "refused", "left out"

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="guide_proposals")
    address = models.CharField(max_length=2000)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["portal", "id"]
        constraints = [models.UniqueConstraint(fields=["portal", "address"], name="one_row_per_guide_proposal")]

    def __str__(self) -> str:
        return f"guide of {self.portal}"
