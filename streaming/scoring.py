"""From what relays measured to each stream's row: its running score, with decay and hysteresis."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from channels.models import Stream
from channels.stream_health import StreamHealth, is_demoted
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import connection
from streaming.journal.keeping import drain, only_one
from streaming.mpegts.health import blended
from streaming.relay.checkup import Measurement

_FIELDS = [
    "score", "scored_at", "measured_s", "demoted", "parts", "fault", "fault_at", "width", "height", "picture", "sound",
    "bitrate_bps", "keyframe_interval_s",
]  # fmt: skip


def keep_scores(client: Redis | None = None) -> int:
    """Take in what relays have measured since the last time; returns how many measurements. Raises RedisUnavailable."""
    client = client or connection()
    with only_one(client) as alone:
        return drain(client, redis_keys.MEASURED, _store) if alone else 0


def take(row: StreamHealth, measured: Measurement) -> None:
    """One more measurement: the old score decays until then and blends with the new one."""
    at = datetime.fromtimestamp(measured.at, UTC)
    row.score = round(blended(row.score_at(at), measured.score, measured.seconds), 3)
    row.scored_at = max(at, row.scored_at)
    row.demoted = is_demoted(row.score, was=row.demoted)
    if measured.fault:
        row.fault, row.fault_at = measured.fault, at
    else:
        row.parts = measured.parts
        row.measured_s += measured.seconds
    for name in ("width", "height", "picture", "sound", "bitrate_bps", "keyframe_interval_s"):
        # What a short or broken window did not see is still as it was.
        if value := getattr(measured, name):
            setattr(row, name, value)


def _store(documents: Iterable[dict[str, Any]]) -> None:
    measured = [Measurement(**one) for one in documents]
    ids = {one.stream_id for one in measured}
    rows = {row.stream_id: row for row in StreamHealth.objects.filter(stream__in=ids)}
    known = set(Stream.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for one in measured:
        if one.stream_id not in known:
            continue
        at = datetime.fromtimestamp(one.at, UTC)
        take(rows.setdefault(one.stream_id, StreamHealth(stream_id=one.stream_id, scored_at=at)), one)
    StreamHealth.objects.bulk_create(
        [rows[pk] for pk in sorted(rows)], update_conflicts=True, unique_fields=["stream"], update_fields=_FIELDS
    )
