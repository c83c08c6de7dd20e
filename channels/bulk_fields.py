"""One column of many channels at once; what stood there before is kept for an hour, to be put back.

Putting back leaves alone what somebody has changed once more since then.
"""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from redis import Redis

from channels.models import Channel, Group
from channels.querysets import ChannelQuerySet
from restreamer.lib import redis_keys
from restreamer.lib.redis_client import RedisUnavailable, answering

UNDO_S = 3600
#: More is changed too, but not kept to be put back.
MOST_UNDONE = 20_000
#: Ids in one statement.
_CHUNK = 500

Value = int | str | bool | None


@dataclass(frozen=True, slots=True)
class Step:
    """These channels had one value and got the other."""

    before: Value
    after: Value
    channels: list[int]


@dataclass(frozen=True, slots=True)
class Change:
    """What one person changed: `field` is the column's name, `said` a sentence for people."""

    by: int
    field: str
    said: str
    steps: list[Step]

    @property
    def count(self) -> int:
        """How many channels."""
        return sum(len(step.channels) for step in self.steps)


def one_value(channels: ChannelQuerySet, field: str, value: Value) -> list[Step]:
    """What is to be done so that all of them have this value; those that have it already are left out."""
    return _steps((pk, before, value) for pk, before in channels.order_by().values_list("pk", field))


def write(steps: Sequence[Step], field: str) -> None:
    """Store them, all or none. A channel that changed meanwhile is left alone."""
    with transaction.atomic():
        for step in steps:
            for ids in _chunks(step.channels):
                Channel.objects.filter(pk__in=ids, **{field: step.before}).update(**{field: step.after})


def remember(client: Redis, change: Change) -> str:
    """The name under which it can be taken back for an hour; "" when it is too large or Redis cannot keep it."""
    if not 0 < change.count <= MOST_UNDONE:
        return ""
    name = secrets.token_urlsafe(12)
    try:
        with answering():
            client.set(redis_keys.bulk_undo(name), json.dumps(asdict(change)), ex=UNDO_S)
    except RedisUnavailable:
        return ""
    return name


def remembered(client: Redis, name: str, by: int) -> Change | None:
    """What this person changed under this name; None when the hour is over or it is done. Raises RedisUnavailable."""
    with answering():
        raw = client.get(redis_keys.bulk_undo(name))
    if not raw:
        return None
    said = json.loads(raw)
    change = Change(said["by"], said["field"], said["said"], [Step(**step) for step in said["steps"]])
    return change if change.by == by else None


def take_back(client: Redis, name: str, change: Change) -> None:
    """Put back what was there; a group that is gone by now is none. Raises RedisUnavailable."""
    there = set(Group.objects.values_list("pk", flat=True)) if change.field == "group_id" else set()
    back = [
        Step(step.after, step.before if change.field != "group_id" or step.before in there else None, step.channels)
        for step in change.steps
    ]
    write(back, change.field)
    with answering():
        client.delete(redis_keys.bulk_undo(name))


def _steps(rows: Iterable[tuple[int, Value, Value]]) -> list[Step]:
    found: dict[tuple[Value, Value], list[int]] = defaultdict(list)
    for pk, before, after in rows:
        if before != after:
            found[before, after].append(pk)
    return [Step(before, after, ids) for (before, after), ids in found.items()]


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[at : at + _CHUNK] for at in range(0, len(ids), _CHUNK))
