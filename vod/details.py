"""Details (plot, cast, seasons and episodes) asked for when somebody looks, kept, and asked for again after a day."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from portals.errors import ItemRefused, PortalError
from portals.providers.registry import vod_provider_for
from portals.providers.vod_records import About, VodProvider
from restreamer.lib import redact
from restreamer.lib.redis_client import RedisUnavailable
from vod import episodes, jobs
from vod.models import Movie, MovieOffer, Series, SeriesOffer
from vod.shapes import more_of, told

log = logging.getLogger(__name__)

FRESH_FOR = timedelta(hours=24)
#: A series whose portal says when it changed last needs no daily question.
UNCHANGED_FRESH_FOR = timedelta(days=7)
#: Whoever comes while another asks goes on with what is stored; a crash blocks nobody for longer.
_CLAIM = timedelta(seconds=60)

AnyOffer = MovieOffer | SeriesOffer


def is_fresh(offer: AnyOffer, now: datetime) -> bool:
    """Does what is stored still do?"""
    if isinstance(offer, MovieOffer) and offer.detailed:
        return True
    if offer.details_at is None:
        return False
    age = now - offer.details_at
    if isinstance(offer, SeriesOffer) and offer.added_at is not None:
        return age < UNCHANGED_FRESH_FOR and offer.added_at <= offer.details_at
    return age < FRESH_FOR


def ensure(title: Movie | Series) -> None:
    """Have details as fresh as they can be had now: the first offer that answers is asked, at most; further offers of
    a series are asked in the background, so that its episodes can fail over. Never raises: what is stored stays."""
    now = timezone.now()
    offers: list[Any] = list(title.offers.offered().in_order().select_related("portal"))
    for place, offer in enumerate(offers):
        if is_fresh(offer, now) or _asked(offer):
            waiting = [o.pk for o in offers[place + 1 :] if not is_fresh(o, now)]
            if waiting and isinstance(title, Series):
                transaction.on_commit(partial(jobs.enqueue_details, waiting))
            return


def fetch(offer: AnyOffer, provider: VodProvider | None = None) -> None:
    """Ask the portal about this very offer and keep the answer. Raises PortalError; then the row says so too."""
    provider = provider or vod_provider_for(offer.portal)
    try:
        if isinstance(offer, MovieOffer):
            about = provider.movie_details(offer.provider_id, offer.provider_data).about
        else:
            found = provider.series_details(offer.provider_id, offer.provider_data)
            about = found.series.about
            episodes.store_details(offer, found)
    except ItemRefused:
        # Nothing beyond what the list told; asking again soon would bring the same.
        _keep(offer, offer.details, "")
        return
    except PortalError as err:
        _rows(offer).update(details_error=redact.text(err.message)[:500])
        raise
    _keep(offer, {"about": plain_about(about)}, "")
    _know_ids(offer, about)


def plain_about(about: About) -> dict[str, Any]:
    """What is told, as JSON keeps it; `vod.models.base.about_of` reads it again."""
    columns = told(about)
    names = {field.name for field in fields(About)}
    values = {name: value for name, value in columns.items() if name in names and value not in ("", None)}
    return {**values, **more_of(about)}


def outdated(portal_id: int) -> tuple[Any, Any]:
    """The movie and series offers of a portal that nobody asked about yet, shown ones first: what prefetching does."""
    movies = MovieOffer.objects.filter(
        portal=portal_id, stale_since__isnull=True, details_at__isnull=True, detailed=False, movie__isnull=False
    ).order_by("-movie__enabled", "position")
    series = SeriesOffer.objects.filter(
        Q(details_at__isnull=True) | Q(added_at__gt=F("details_at")),
        portal=portal_id,
        stale_since__isnull=True,
        series__isnull=False,
    ).order_by("-series__enabled", "position")
    return movies, series


def _asked(offer: AnyOffer) -> bool:
    """Ask unless somebody does so now; True when there is something to show."""
    now = timezone.now()
    free = Q(details_tried_at__isnull=True) | Q(details_tried_at__lt=now - _CLAIM)
    if not _rows(offer).filter(free).update(details_tried_at=now):
        return offer.details_at is not None
    try:
        fetch(offer)
    except (PortalError, RedisUnavailable) as err:
        log.info("no details of %s from %s: %s", offer.name, offer.portal, err)
        return False
    return True


def _keep(offer: AnyOffer, details: dict[str, Any], error: str) -> None:
    offer.details, offer.details_at, offer.details_error = details, timezone.now(), error
    _rows(offer).update(details=details, details_at=offer.details_at, details_error=error)


def _know_ids(offer: AnyOffer, about: About) -> None:
    """An id the list did not tell is known from now on: titles are recognised by it (vod/doubles.py)."""
    found = told(about)
    fresh = {name: found[name] for name in ("tmdb_id", "imdb_id") if found[name] and not getattr(offer, name)}
    if fresh:
        _rows(offer).update(**fresh)


def _rows(offer: AnyOffer) -> Any:
    return type(offer)._default_manager.filter(pk=offer.pk)


def fetch_all(offers: Iterable[AnyOffer]) -> int:
    """Ask about several now, for a person who wants it; returns how many answered."""
    answered = 0
    for offer in offers:
        try:
            fetch(offer)
        except PortalError as err:
            log.info("no details of %s from %s: %s", offer.name, offer.portal, err)
            continue
        answered += 1
    return answered
