"""Background jobs of channels: thin."""

from __future__ import annotations

from datetime import datetime

import django_rq

from channels.stale import remove_stale
from portals.jobs import REFRESH_QUEUE, REFRESH_TIMEOUT_S


def enqueue_remove_stale(now: datetime) -> None:
    """Have what was gone for long removed."""
    django_rq.get_queue(REFRESH_QUEUE).enqueue(
        remove_stale, now, job_timeout=REFRESH_TIMEOUT_S, result_ttl=3600, failure_ttl=24 * 3600
    )
