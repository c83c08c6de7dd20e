"""From Redis to SQL: what ended is stored, what began gets its row, what died is closed, what is old is forgotten.

Runs every few seconds by the clock, and before journals are read; never in a relay.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from redis import Redis
from redis.exceptions import LockError

from accounts.models import Viewer
from channels.models import Channel
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import answering, connection
from streaming.journal.documents import Document
from streaming.journal.live import close_dead
from streaming.journal.rows import PlaySession, RelayRun
from streaming.relay import endings
from streaming.relay.endings import End

log = logging.getLogger(__name__)

BATCH = 200
#: A relay process that was not heard of for so long is gone; it writes about once a second.
DEAD_S = 30.0
#: A row whose viewing Redis does not know (any more): so long the relay may take to write of it.
UNHEARD_S = 120.0

_SESSION_FIELDS = ["run", "ended_at", "bytes_out", "end", "reason", "faults", "sentence", "notes", "left_out"]
_RUN_FIELDS = ["ended_at", "notes", "left_out"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What one round did."""

    stored: int = 0
    begun: int = 0
    closed: int = 0


def keep(client: Redis | None = None, now: datetime | None = None) -> Kept:
    """One round; does nothing when another process is at it. Raises RedisUnavailable."""
    client, now = client or connection(), now or timezone.now()
    with only_one(client) as alone:
        if not alone:
            return Kept()
        _close_dead_relays(client, now)
        # Read first: what ends meanwhile is in the list of what ended.
        running = _running(client)
        stored = drain(client, redis_keys.JOURNAL_ENDED, _store)
        begun = _begin(client, running)
        return Kept(stored, begun, _close_unheard(running, now))


@contextlib.contextmanager
def only_one(client: Redis) -> Iterator[bool]:
    """Whether this process is the one that stores now."""
    lock = client.lock(redis_keys.JOURNAL_LOCK, timeout=60, blocking=False)
    with answering():
        alone = lock.acquire()
    try:
        yield alone
    finally:
        if alone:
            with contextlib.suppress(LockError), answering():
                lock.release()


def drain(client: Redis, key: str, store: Callable[[list[Document]], None]) -> int:
    """Store all documents of a list, a batch at a time; what was stored leaves it. Returns how many."""
    total = 0
    while True:
        with answering():
            raw: list[Any] = client.lrange(key, 0, BATCH - 1)
        if not raw:
            return total
        store([json.loads(one) for one in raw])
        with answering():
            client.ltrim(key, len(raw), -1)
        total += len(raw)


def forget_old(now: datetime | None = None) -> int:
    """Remove journals older than `JOURNAL_DAYS`, and the oldest beyond `JOURNAL_MOST`; returns how many viewings."""
    now = now or timezone.now()
    removed = 0
    if settings.JOURNAL_DAYS:
        before = now - timedelta(days=settings.JOURNAL_DAYS)
        removed += _remove(PlaySession.objects.filter(ended_at__lt=before))
        RelayRun.objects.filter(started_at__lt=before, ended_at__isnull=False).delete()
    if settings.JOURNAL_MOST:
        newest = PlaySession.objects.order_by("-started_at", "-id")
        last = newest[settings.JOURNAL_MOST : settings.JOURNAL_MOST + 1].values_list("started_at", flat=True).first()
        if last is not None:
            removed += _remove(PlaySession.objects.filter(started_at__lte=last, ended_at__isnull=False))
            RelayRun.objects.filter(started_at__lt=last, ended_at__lt=last).delete()
    return removed


def _remove(rows: QuerySet[PlaySession]) -> int:
    return rows.delete()[0]


def _close_dead_relays(client: Redis, now: datetime) -> None:
    with answering():
        silent = client.zrangebyscore(redis_keys.JOURNAL_OWNERS, "-inf", now.timestamp() - DEAD_S)
    for owner in silent:
        name = owner.decode() if isinstance(owner, bytes) else str(owner)
        log.warning("The relay process %s was not heard of any more: its journals are closed.", name)
        close_dead(client, name)


def _running(client: Redis) -> dict[str, str]:
    """Session id to the owner whose relay serves it."""
    found: dict[str, str] = {}
    with answering():
        for raw in client.zrange(redis_keys.JOURNAL_OWNERS, 0, -1):
            owner = raw.decode() if isinstance(raw, bytes) else str(raw)
            ids: list[Any] = client.hkeys(redis_keys.open_viewings(owner))
            found.update((one.decode(), owner) for one in ids)
    return found


def _store(documents: list[Document]) -> None:
    _store_viewings([one for one in documents if one["kind"] == "viewing"])
    # The last document of a relay's life is the whole of it.
    runs = {one["id"]: _run_row(one) for one in documents if one["kind"] == "run"}
    RelayRun.objects.bulk_create(runs.values(), update_conflicts=True, unique_fields=["id"], update_fields=_RUN_FIELDS)


def _store_viewings(documents: list[Document]) -> None:
    rows = {one["session_id"]: one for one in documents}
    PlaySession.objects.bulk_create(
        _session_rows(list(rows.values())),
        update_conflicts=True,
        unique_fields=["session_id"],
        update_fields=_SESSION_FIELDS,
    )


def _begin(client: Redis, running: dict[str, str]) -> int:
    """A row for each viewing that has none yet."""
    known = set(PlaySession.objects.filter(ended_at__isnull=True).values_list("session_id", flat=True))
    new = [one for one in running if one not in known]
    with answering():
        pipeline = client.pipeline(transaction=False)
        for session_id in new:
            pipeline.hget(redis_keys.open_viewings(running[session_id]), session_id)
        found: list[Document] = [json.loads(raw) for raw in pipeline.execute() if raw is not None]
    PlaySession.objects.bulk_create(_session_rows(found), ignore_conflicts=True)
    return len(found)


def _close_unheard(running: dict[str, str], now: datetime) -> int:
    """Rows of viewings nobody knows any more: Redis has lost what it knew of them."""
    open_rows = PlaySession.objects.filter(ended_at__isnull=True, started_at__lt=now - timedelta(seconds=UNHEARD_S))
    lost = [row.pk for row in open_rows.only("pk", "session_id") if row.session_id not in running]
    return PlaySession.objects.filter(pk__in=lost, ended_at__isnull=True).update(
        ended_at=now,
        end=End.DIED.value,
        reason=endings.DIED,
        sentence="The streaming process stopped unexpectedly; what it had written of this viewing is lost.",
    )


def _session_rows(documents: list[Document]) -> list[PlaySession]:
    viewers = set(Viewer.objects.filter(pk__in={one["viewer_id"] for one in documents}).values_list("pk", flat=True))
    channel_ids = {found for one in documents if (found := _channel_id(one["key"])) is not None}
    channels = set(Channel.objects.filter(pk__in=channel_ids).values_list("pk", flat=True))
    return [_session_row(one, viewers, channels) for one in documents]


def _session_row(document: Document, viewers: set[int], channels: set[int]) -> PlaySession:
    channel_id = _channel_id(document["key"])
    return PlaySession(
        session_id=document["session_id"],
        run=document["run"],
        viewer_id=document["viewer_id"] if document["viewer_id"] in viewers else None,
        viewer_name=document["viewer_name"][:200],
        channel_id=channel_id if channel_id in channels else None,
        title=document["title"][:500],
        peer=document["peer"][:60],
        agent=document["agent"][:200],
        started_at=_moment(document["started_at"]),
        ended_at=_moment(document["ended_at"]) if "ended_at" in document else None,
        bytes_out=document["bytes_out"],
        end=document.get("end", ""),
        reason=document.get("reason", "")[:300],
        faults=document.get("faults", 0),
        sentence=document.get("sentence", ""),
        notes=document["notes"],
        left_out=document["left_out"],
    )


def _run_row(document: Document) -> RelayRun:
    return RelayRun(
        id=document["id"],
        key=document["key"][:60],
        title=document["title"][:500],
        owner=document["owner"][:200],
        started_at=_moment(document["started_at"]),
        ended_at=_moment(document["ended_at"]),
        notes=document["notes"],
        left_out=document["left_out"],
    )


def _channel_id(key: str) -> int | None:
    kind, _, number = key.partition(":")
    return int(number) if kind == "channel" and number.isdigit() else None


def _moment(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
