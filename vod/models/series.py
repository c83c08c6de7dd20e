"""Series and what portals offer of them."""

from __future__ import annotations

from django.db import models

from vod.models.base import Offer, Title, offer_meta
from vod.querysets import OfferQuerySet, TitleQuerySet


class Series(Title):
    """What viewers see; its seasons and episodes come with its details."""

    #: The offer it is named and described by; written by vod/settling.py only.
    lead = models.ForeignKey(
        "vod.SeriesOffer", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    objects = TitleQuerySet["Series"].as_manager()

    class Meta(Title.Meta):
        verbose_name_plural = "series"
        indexes = [
            models.Index(fields=["enabled", "name"], name="series_list"),
            models.Index(fields=["name", "id"], name="series_by_name"),
            models.Index(fields=["category", "enabled"], name="series_category"),
        ]


class SeriesOffer(Offer):
    """One series as a portal offers it."""

    series = models.ForeignKey(Series, null=True, on_delete=models.SET_NULL, related_name="offers")

    objects = OfferQuerySet["SeriesOffer"].as_manager()

    class Meta(Offer.Meta):
        constraints, indexes = offer_meta("series")
