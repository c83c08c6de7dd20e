"""Background jobs of channels: thin."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime

import django_rq

from channels import merging
from channels.stale import remove_stale
from portals.jobs import REFRESH_QUEUE, REFRESH_TIMEOUT_S
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering, connection

log = logging.getLogger(__name__)


def enqueue_remove_stale(now: datetime) -> None:
    """Have what was gone for long removed."""
    django_rq.get_queue(REFRESH_QUEUE).enqueue(
        remove_stale, now, job_timeout=REFRESH_TIMEOUT_S, result_ttl=3600, failure_ttl=24 * 3600
    )


def ask_for_doubles() -> None:
    """A refresh has brought channels: look soon whether another portal has them too. Without Redis it is left to a
    later refresh, or to a person."""
    try:
        with answering():
            connection().set(redis_keys.DOUBLES_ASKED, "1")
    except RedisUnavailable as err:
        log.warning("doubles are looked for after the next refresh: %s", err.message)


def enqueue_asked_doubles(now: datetime) -> bool:
    """Have doubles looked for when somebody asked; however many asked, it is one look."""
    with answering():
        asked = bool(connection().delete(redis_keys.DOUBLES_ASKED))
    if asked:
        django_rq.get_queue(REFRESH_QUEUE).enqueue(
            find_doubles, job_timeout=REFRESH_TIMEOUT_S, result_ttl=3600, failure_ttl=24 * 3600
        )
    return asked


def find_doubles() -> dict[str, int]:
    """Job: propose which channels are one. Nothing is merged without a person."""
    return asdict(merging.refresh_proposals(auto=False))
