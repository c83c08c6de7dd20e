"""Movies and what portals offer of them."""

from __future__ import annotations

from django.db import models

from vod.models.base import Offer, Title, offer_meta
from vod.querysets import OfferQuerySet, TitleQuerySet


class Movie(Title):
    """What viewers see; fed by one offer or several."""

    #: The offer it is named and described by; written by vod/settling.py only.
    lead = models.ForeignKey(
        "vod.MovieOffer", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects = TitleQuerySet["Movie"].as_manager()

    class Meta(Title.Meta):
        indexes = [
            models.Index(fields=["enabled", "name"], name="movie_list"),
            models.Index(fields=["name", "id"], name="movie_by_name"),
            models.Index(fields=["category", "enabled"], name="movie_category"),
        ]


class MovieOffer(Offer):
    """One movie as a portal offers it."""

    movie = models.ForeignKey(Movie, null=True, on_delete=models.SET_NULL, related_name="offers")
    container = models.CharField(max_length=10, blank=True, help_text="mkv, mp4, ts…")

    objects = OfferQuerySet["MovieOffer"].as_manager()

    class Meta(Offer.Meta):
        constraints, indexes = offer_meta("movie")
