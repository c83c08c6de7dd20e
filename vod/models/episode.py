"""Seasons and episodes of a series, and the episodes portals offer."""

from __future__ import annotations

from django.db import models

from vod.models.base import PublicTitle, Told
from vod.models.series import Series, SeriesOffer
from vod.querysets import EpisodeQuerySet


class Season(models.Model):
    """One season; number 0 holds the specials. Written by vod/episodes.py."""

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="seasons")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=300, blank=True)
    plot = models.TextField(blank=True)
    poster = models.CharField(max_length=2000, blank=True)
    released_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["series", "number"]
        constraints = [models.UniqueConstraint(fields=["series", "number"], name="one_row_per_season")]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """As the portal calls it, else by its number."""
        return self.name or (f"Season {self.number}" if self.number else "Specials")


class Episode(PublicTitle):
    """One episode as viewers see it."""

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="episodes")
    season = models.ForeignKey(Season, on_delete=models.CASCADE, related_name="episodes")
    number = models.PositiveIntegerField()
    lead = models.ForeignKey(
        "vod.EpisodeOffer", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects = EpisodeQuerySet.as_manager()

    class Meta:
        ordering = ["series", "season__number", "number", "id"]
        indexes = [models.Index(fields=["series", "season", "number"], name="episode_order")]


class EpisodeOffer(Told):
    """One episode as a portal offers it, with the series it stands in there."""

    series_offer = models.ForeignKey(SeriesOffer, on_delete=models.CASCADE, related_name="episodes")
    episode = models.ForeignKey(Episode, null=True, on_delete=models.SET_NULL, related_name="offers")
    provider_id = models.CharField(max_length=200)
    name = models.CharField(max_length=500)
    season = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    cmd = models.TextField(blank=True)
    container = models.CharField(max_length=10, blank=True)
    added_at = models.DateTimeField(null=True, blank=True)
    provider_data = models.JSONField(default=dict, blank=True)
    offered_to: models.JSONField[list[int], list[int]] = models.JSONField(default=list, blank=True)
    fingerprint = models.CharField(max_length=40, blank=True)
    stale_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["series_offer__rank", "series_offer__portal__priority", "id"]
        constraints = [
            models.UniqueConstraint(fields=["series_offer", "provider_id"], name="one_row_per_episode_offer")
        ]

    def __str__(self) -> str:
        return self.name
