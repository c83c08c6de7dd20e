"""One broadcast."""

from __future__ import annotations

from typing import Any

from django.db import models

from guide.models.channel import GuideChannel
from guide.querysets import ProgrammeQuerySet


class Programme(models.Model):
    """A broadcast in the guide's own times (UTC); shifts of source and channel are added when it is read.

    `details` holds what only full guides ask for, under short keys: `credits` (job -> people, actors as "Name|Role"),
    `ratings` ([system, value] pairs), `star` ("7.5/10"), `date`, `country`, `nums` (numbering system -> text),
    `new`, `repeat`, `premiere`. Null when there is nothing.
    """

    channel = models.ForeignKey(GuideChannel, on_delete=models.CASCADE, related_name="programmes", db_index=False)
    start = models.DateTimeField()
    stop = models.DateTimeField()
    title = models.TextField()
    subtitle = models.TextField(blank=True)
    description = models.TextField(blank=True)
    lang = models.CharField(max_length=20, blank=True)
    categories: models.JSONField[list[str] | None, list[str] | None] = models.JSONField(null=True, blank=True)
    season = models.PositiveIntegerField(null=True, blank=True)
    episode = models.PositiveIntegerField(null=True, blank=True)
    icon = models.TextField(blank=True)
    details: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True, blank=True)

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        ordering = ["channel", "start"]
        constraints = [
            # Serves every reading: now and next, a window, keyset pages of the XMLTV output.
            models.UniqueConstraint(fields=["channel", "start"], name="one_programme_at_a_time"),
        ]

    def __str__(self) -> str:
        return self.title
