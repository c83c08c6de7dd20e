"""A channel as a guide announces it."""

from __future__ import annotations

from django.db import models
from django.db.models import F

from guide.models.source import EpgSource
from guide.records import key_of


class GuideChannelQuerySet(models.QuerySet["GuideChannel"]):
    """Words about guide channels."""

    def live(self) -> GuideChannelQuerySet:
        """Of the generation readers see."""
        return self.filter(generation=F("source__live_generation"))

    def readable(self) -> GuideChannelQuerySet:
        """Live, and of a source that is switched on."""
        return self.live().filter(source__in=EpgSource.objects.enabled())

    def by_guide_id(self, guide_ids: list[str]) -> GuideChannelQuerySet:
        """Known by one of these ids, whatever their case."""
        return self.filter(key__in={key_of(guide_id) for guide_id in guide_ids})


class GuideChannel(models.Model):
    """One channel of one generation of a source; a new import brings new rows."""

    source = models.ForeignKey(EpgSource, on_delete=models.CASCADE, related_name="channels")
    generation = models.PositiveIntegerField()
    key = models.CharField(max_length=300, editable=False)
    xmltv_id = models.CharField(max_length=300)
    names: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    #: Id and names without case and accents, for searching.
    folded = models.TextField(blank=True, editable=False)
    icon = models.CharField(max_length=2000, blank=True)
    lang = models.CharField(max_length=20, blank=True)
    #: Broadcasts in the guide, and how many of them lie in the window and are kept.
    programmes_seen = models.PositiveIntegerField(default=0)
    programmes_kept = models.PositiveIntegerField(default=0)
    first_start = models.DateTimeField(null=True, blank=True)
    last_stop = models.DateTimeField(null=True, blank=True)

    objects = GuideChannelQuerySet.as_manager()

    class Meta:
        ordering = ["source", "xmltv_id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "generation", "key"], name="one_row_per_guide_channel"),
        ]
        # Finds the channels of all sources that know an id.
        indexes = [models.Index(fields=["key"], name="guide_channel_key")]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """The first display name, or the id."""
        return self.names[0] if self.names else self.xmltv_id
