"""Which guide channel belongs to which of our channels, and who said so."""

from __future__ import annotations

from datetime import datetime

from django.db import models, transaction

from guide.models.source import EpgSource

#: Rows named in one statement.
_AT_ONCE = 2000


class Decision(models.TextChoices):
    """proposed -> accepted | rejected; a decision of a person is never changed by the matcher."""

    PROPOSED = "proposed", "proposed"
    ACCEPTED = "accepted", "accepted"
    REJECTED = "rejected", "rejected"


class GuideMatchQuerySet(models.QuerySet["GuideMatch"]):
    """Words about matches."""

    def proposed(self) -> GuideMatchQuerySet:
        """Waiting for a person."""
        return self.filter(decision=Decision.PROPOSED)

    def accepted(self) -> GuideMatchQuerySet:
        """In force."""
        return self.filter(decision=Decision.ACCEPTED)

    def decide(self, decision: Decision, *, by: str, now: datetime) -> int:
        """Write the same decision on all of these; how many changed.

        A channel has one guide: of several accepted together the surest counts, and what was accepted or proposed for
        the channel besides is forgotten. What was rejected stays rejected.
        """
        chosen = self._surest() if decision == Decision.ACCEPTED else list(self.values_list("pk", flat=True))
        with transaction.atomic():
            return sum(
                _decide(chosen[at : at + _AT_ONCE], decision, by=by, now=now) for at in range(0, len(chosen), _AT_ONCE)
            )

    def _surest(self) -> list[int]:
        best: dict[int, int] = {}
        for pk, channel_id in self.order_by("-confidence", "pk").values_list("pk", "channel_id"):
            best.setdefault(channel_id, pk)
        return list(best.values())


def _decide(chosen: list[int], decision: Decision, *, by: str, now: datetime) -> int:
    rows = GuideMatch.objects.filter(pk__in=chosen)
    if decision == Decision.ACCEPTED:
        channels = list(rows.values_list("channel_id", flat=True))
        others = GuideMatch.objects.filter(channel_id__in=channels).exclude(pk__in=chosen)
        others.exclude(decision=Decision.REJECTED).delete()
    rows = rows.exclude(decision=decision, decided_by=by)
    if decision == Decision.PROPOSED:
        return rows.update(decision=decision, decided_by="", decided_at=None)
    return rows.update(decision=decision, decided_by=by, decided_at=now)


class GuideMatch(models.Model):
    """One pair and what became of it. Guide channels come and go with imports, so the pair holds ids, not rows."""

    #: Public id of the channel; the rooms above own the row.
    channel_id = models.PositiveIntegerField()
    channel_name = models.CharField(max_length=500, blank=True)
    source = models.ForeignKey(EpgSource, null=True, blank=True, on_delete=models.CASCADE, related_name="matches")
    guide_id = models.CharField(max_length=300)
    guide_name = models.CharField(max_length=500, blank=True)
    shift_minutes = models.IntegerField(default=0, help_text="For this channel only, on top of the source's.")
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.PROPOSED)
    reason = models.CharField(max_length=300, blank=True)
    confidence = models.FloatField(default=0.0)
    decided_by = models.CharField(max_length=100, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GuideMatchQuerySet.as_manager()

    class Meta:
        ordering = ["-confidence", "channel_name", "id"]
        verbose_name = "guide match"
        verbose_name_plural = "guide matches"
        constraints = [
            models.UniqueConstraint(fields=["channel_id", "source", "guide_id"], name="one_row_per_guide_pair"),
        ]
        # The proposals page, and what is in force for a channel.
        indexes = [models.Index(fields=["decision", "channel_id"], name="guide_match_decision")]

    def __str__(self) -> str:
        return f"{self.channel_name or self.channel_id} ← {self.guide_name or self.guide_id}"
