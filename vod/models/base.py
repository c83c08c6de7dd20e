"""What movies and series have in common, on either side."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import Any

from django.db import models

from portals.models import Genre, Portal, PublicIdCounter
from portals.providers.vod_records import About
from vod.models.category import Category

_NAMES = [field.name for field in fields(About)]


class PublicTitle(models.Model):
    """Takes a public id at birth. The id is for ever: players key favourites and history on it."""

    id = models.PositiveIntegerField(primary_key=True, editable=False)
    #: Set by every act of a curator: what is curated is never removed by itself.
    curated = models.BooleanField(default=False, editable=False)
    custom_name = models.CharField(max_length=500, blank=True, help_text="Empty = as the portal calls it.")
    enabled = models.BooleanField(default=False)
    #: As the offer it follows has it; written by vod/settling.py only.
    name = models.CharField(max_length=500, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.shown_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Take a public id at birth."""
        if not self.id:
            self.id = PublicIdCounter.take(1)[0]
            kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    @property
    def shown_name(self) -> str:
        """What viewers read."""
        return self.custom_name or self.name


class Title(PublicTitle):
    """A movie or a series as viewers see it."""

    category = models.ForeignKey(
        Category, null=True, blank=True, on_delete=models.SET_NULL, related_name="%(class)s_set"
    )
    adult = models.BooleanField(default=False)
    year = models.PositiveSmallIntegerField(null=True, editable=False)
    #: Folded names, the shown one first, apart by " | "; what searching reads. Written by vod/settling.py only.
    search_text = models.TextField(default="", editable=False)

    class Meta:
        abstract = True
        ordering = ["name", "id"]


class Told(models.Model):
    """What a portal tells about something; written by refresh, richer in `details` once somebody asked."""

    year = models.PositiveSmallIntegerField(null=True, editable=False)
    rating = models.FloatField(null=True, editable=False)
    poster = models.CharField(max_length=2000, blank=True)
    plot = models.TextField(blank=True)
    cast = models.TextField(blank=True)
    director = models.CharField(max_length=500, blank=True)
    genres = models.CharField(max_length=300, blank=True)
    duration_s = models.PositiveIntegerField(null=True)
    tmdb_id = models.CharField(max_length=20, blank=True)
    imdb_id = models.CharField(max_length=20, blank=True)
    #: original_name, released_on, country, age_rating, trailer, backdrops: those that are told.
    more = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    @property
    def about(self) -> About:
        """Everything told, the details first where they say something."""
        return about_of(
            {name: getattr(self, name) for name in _NAMES if hasattr(self, name)},
            self.more,
            getattr(self, "details", {}).get("about", {}),
        )


class Offer(Told):
    """A movie or series as one portal offers it. Upstream columns are written only by refresh (ids it did not
    tell also by asking for details); the title it feeds
    and its rank only by births and curators; `details` only by asking for them (vod/details.py)."""

    portal = models.ForeignKey(Portal, on_delete=models.CASCADE, related_name="%(class)s_set")
    provider_id = models.CharField(max_length=200, help_text="The portal's own id, opaque.")
    name = models.CharField(max_length=500)
    genre = models.ForeignKey(Genre, null=True, blank=True, on_delete=models.SET_NULL, related_name="%(class)s_set")
    #: The portal's ids of all categories it stands in; `genre` is the first.
    category_ids: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    cmd = models.TextField(blank=True, help_text="The portal's play order.")
    censored = models.BooleanField(default=False)
    added_at = models.DateTimeField(null=True, blank=True, help_text="When the portal added or last changed it.")
    #: True when the list itself told everything, so that nobody needs to ask.
    detailed = models.BooleanField(default=False)
    #: Folded name and year: equal on two portals = one title. Empty when too little is known.
    title_key = models.CharField(max_length=200, blank=True)
    position = models.PositiveIntegerField(default=0)
    provider_data = models.JSONField(default=dict, blank=True)
    offered_to: models.JSONField[list[int], list[int]] = models.JSONField(default=list, blank=True)
    fingerprint = models.CharField(max_length=40, blank=True)
    stale_since = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    rank = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Lower is tried first; equal = by the portal's priority."
    )
    #: Columns a refresh does not write have a default in the database: it inserts without them.
    details = models.JSONField(default=dict, db_default={}, blank=True)
    details_at = models.DateTimeField(null=True, blank=True)
    #: When somebody last began to ask: who comes within seconds does not ask again.
    details_tried_at = models.DateTimeField(null=True, blank=True)
    details_error = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        abstract = True
        ordering = ["rank", "portal__priority", "id"]

    def __str__(self) -> str:
        return self.name


def offer_meta(kind: str) -> tuple[list[models.BaseConstraint], list[models.Index]]:
    """Constraints and indexes of an offer model; the indexes serve matching across portals, stale rows and prefetch."""
    return (
        [models.UniqueConstraint(fields=["portal", "provider_id"], name=f"one_row_per_{kind}_offer")],
        [
            models.Index(fields=[column], name=f"{kind}_by_{column}", condition=~models.Q(**{column: ""}))
            for column in ("tmdb_id", "imdb_id", "title_key")
        ],
    )


def about_of(*tellings: dict[str, Any]) -> About:
    """One About from several tellings; a later one counts where it says something."""
    told: dict[str, Any] = {}
    for telling in tellings:
        told.update({name: value for name, value in telling.items() if name in _NAMES and value not in ("", None, [])})
    if isinstance(told.get("released_on"), str):
        told["released_on"] = date.fromisoformat(told["released_on"])
    told["backdrops"] = tuple(told.get("backdrops", ()))
    return About(**told)
