"""One broadcast."""

from __future__ import annotations

from django.db import models

from guide.elements import read_inside
from guide.models.channel import GuideChannel
from guide.querysets import ProgrammeQuerySet
from guide.records import GuideRecord


class Programme(models.Model):
    """A broadcast in the guide's own times (UTC); shifts of source and channel are added when it is read.

    `rest` is all that XMLTV puts behind the description (credits, categories, pictures, numbers, ratings), written as
    XMLTV in the DTD's order. Half a million rows become a guide three times faster than from JSON, and whoever wants a
    single broadcast in full asks `record()`.
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
    rest = models.TextField(blank=True)

    objects = ProgrammeQuerySet.as_manager()

    class Meta:
        ordering = ["channel", "start"]
        constraints = [
            # Serves every reading: now and next, a window, keyset pages of the XMLTV output.
            models.UniqueConstraint(fields=["channel", "start"], name="one_programme_at_a_time"),
        ]

    def __str__(self) -> str:
        return self.title

    def record(self, channel_id: str = "") -> GuideRecord:
        """Everything known of the broadcast."""
        found = GuideRecord(channel_id, self.start, self.stop, self.title, lang=self.lang)
        read_inside(found, self.rest)
        found.subtitle, found.description = self.subtitle, self.description
        found.title, found.lang = self.title, self.lang
        return found
