"""Background jobs of movies and series: thin, arguments are ids. Refresh and prefetch run as portals' runs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module

import django_rq
from redis.exceptions import RedisError

from portals.jobs import REFRESH_QUEUE
from vod.forgetting import forget_gone

log = logging.getLogger(__name__)

DETAILS_TIMEOUT_S = 600


def enqueue_details(series_offer_ids: Sequence[int]) -> None:
    """Ask about further offers of a series while the viewer reads on. Without Redis nobody asks: it can wait."""
    queue = django_rq.get_queue(REFRESH_QUEUE)
    try:
        queue.enqueue(
            fetch_details, list(series_offer_ids), job_timeout=DETAILS_TIMEOUT_S, result_ttl=600, failure_ttl=24 * 3600
        )
    except RedisError as err:
        log.warning("further offers of a series are not asked about: %s", err)


def fetch_details(series_offer_ids: list[int]) -> int:
    """Job: ask about these offers; returns how many answered. Those that do not fail no worker."""
    details = import_module("vod.details")  # it enqueues this job, so neither can import the other first
    models = import_module("vod.models")
    offers = models.SeriesOffer.objects.filter(pk__in=series_offer_ids).select_related("portal")
    return int(details.fetch_all(offers))


def enqueue_forgetting(now: datetime) -> None:
    """Have what portals dropped long ago removed; a job, because there may be many thousand."""
    django_rq.get_queue(REFRESH_QUEUE).enqueue(forget, now, job_timeout=3600, result_ttl=600, failure_ttl=24 * 3600)


def forget(now: datetime) -> dict[str, int]:
    """Job: remove it; returns how many of each."""
    return forget_gone(now)
