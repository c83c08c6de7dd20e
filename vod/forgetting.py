"""What portals dropped long ago is removed; never under a curator, and never an id that could come back as another."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from vod import settling
from vod.models import Episode, EpisodeOffer, Movie, MovieOffer, Series, SeriesOffer


def forget_gone(now: datetime) -> dict[str, int]:
    """Remove offers that went stale before RESTREAMER_FORGET_DAYS, and titles nothing feeds any more.

    Returns how many of each were removed. 0 days = nothing is ever removed.
    """
    if not settings.FORGET_DAYS:
        return {}
    before = now - timedelta(days=settings.FORGET_DAYS)
    curated_part = Exists(Episode.objects.filter(series=OuterRef("series"), curated=True))
    kept_series = Q(series__curated=True) | Q(curated_part)
    removed = {
        "movie offers": _remove(MovieOffer.objects.filter(stale_since__lt=before).exclude(movie__curated=True), Movie),
        "series offers": _remove(SeriesOffer.objects.filter(stale_since__lt=before).exclude(kept_series), Series),
        "episode offers": _remove(
            EpisodeOffer.objects.filter(stale_since__lt=before).exclude(
                Q(episode__curated=True) | Q(series_offer__series__curated=True)
            ),
            Episode,
        ),
    }
    own_curated_part = Exists(Episode.objects.filter(series=OuterRef("pk"), curated=True))
    removed["movies"] = _remove(_unfed(Movie, before))
    removed["series"] = _remove(_unfed(Series, before).exclude(own_curated_part))
    removed["episodes"] = _remove(_unfed(Episode, before).exclude(series__curated=True))
    return removed


def _unfed(model: Any, before: datetime) -> QuerySet[Any]:
    rows: QuerySet[Any] = model._default_manager.filter(offers__isnull=True, curated=False, created_at__lt=before)
    return rows


def _remove(rows: QuerySet[Any], fed: type[Movie | Series | Episode] | None = None) -> int:
    """Delete in pieces; `fed` are the titles that lose an offer and are named anew."""
    count = 0
    field = {Movie: "movie_id", Series: "series_id", Episode: "episode_id"}.get(fed) if fed else None
    for pks in settling.slices(list(rows.values_list("pk", flat=True))):
        chosen = rows.model._default_manager.filter(pk__in=pks)
        titles = {pk for pk in chosen.values_list(field, flat=True) if pk} if field else set()
        chosen.delete()
        count += len(pks)
        if fed is Episode:
            settling.settle_episodes(titles)
        elif fed is Movie or fed is Series:
            settling.settle(fed, titles)
    return count
