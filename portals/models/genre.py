"""A portal's own sorting of its items, as it sends it."""

from __future__ import annotations

from django.db import models

from portals.models.portal import Portal


class GenreKind(models.TextChoices):
    """What the genre sorts."""

    LIVE = "live", "live"
    MOVIE = "movie", "movies"
    SERIES = "series", "series"


class Genre(models.Model):
    """Upstream columns only: written by refresh, read by everyone."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="genres")
    kind = models.CharField(max_length=10, choices=GenreKind.choices, default=GenreKind.LIVE)
    provider_id = models.CharField(max_length=200)
    name = models.CharField(max_length=300)
    censored = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)
    stale_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["portal", "kind", "position", "name"]
        constraints = [
            models.UniqueConstraint(fields=["portal", "kind", "provider_id"], name="one_row_per_genre"),
        ]

    def __str__(self) -> str:
        return self.name
