"""What a run would need to be taken back, kept with its row."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from channels.models import Channel, Stream
from portals.models import Run, RunPayload

_SLICE = 500
_DATES = ("stale_since", "first_seen_at")
#: Columns a restored row keeps: its provider id comes back in a step of its own, because two rows may swap theirs.
_KEPT = ("id", "portal", "first_seen_at", "provider_id")


class UndoLog:
    """Collects the inverse of each write and stores it in the same transaction."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._position = 0

    def ids(self, before: dict[int, str]) -> None:
        """Rows that get another provider id."""
        self._keep("ids", [[pk, provider_id] for pk, provider_id in before.items()])

    def rows(self, before: QuerySet[Stream]) -> None:
        """Rows about to change, as they are."""
        self._keep("rows", list(before.values()))

    def births(self, streams: Sequence[int], channels: Sequence[int]) -> None:
        """Rows that did not exist."""
        self._keep("births", [list(streams), list(channels)])

    def gone(self, pks: Sequence[int]) -> None:
        """Rows about to go stale."""
        self._keep("gone", list(pks))

    def _keep(self, kind: str, content: list[Any]) -> None:
        if not content:
            return
        blob = zlib.compress(json.dumps([kind, content], cls=DjangoJSONEncoder).encode(), 1)
        RunPayload.objects.create(run=self.run, purpose=RunPayload.UNDO, position=self._position, blob=blob)
        self._position += 1


@transaction.atomic
def take_back(run: Run) -> None:
    """Everything as it was before the run. One transaction: it is undone whole or not at all.

    Channels born in the run disappear, also when a curator has touched them since; say so before calling.
    """
    for payload in run.payloads.filter(purpose=RunPayload.UNDO).order_by("-position"):
        kind, content = json.loads(zlib.decompress(bytes(payload.blob)))
        _INVERSE[kind](content)
    run.payloads.all().delete()


def _unborn(content: list[list[int]]) -> None:
    streams, channels = content
    for pks in _slices(streams):
        Stream.objects.filter(pk__in=pks).delete()
    for pks in _slices(channels):
        # A channel that a curator fed from elsewhere since stays his.
        Channel.objects.filter(pk__in=pks, links__isnull=True).delete()


def _restore_rows(content: list[dict[str, Any]]) -> None:
    rows = [Stream(**{k: parse_datetime(v) if k in _DATES and v else v for k, v in row.items()}) for row in content]
    columns = [f.name for f in Stream._meta.concrete_fields if f.name not in _KEPT]
    alive = set(Stream.objects.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    Stream.objects.bulk_create(
        [row for row in rows if row.pk in alive],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=columns,
    )


def _restore_ids(content: list[list[Any]]) -> None:
    before = dict(content)
    for draft in (True, False):
        for pks in _slices(list(before)):
            rows = list(Stream.objects.filter(pk__in=pks).only("pk", "provider_id"))
            for row in rows:
                row.provider_id = f"~{row.pk}" if draft else before[row.pk]
            Stream.objects.bulk_update(rows, ["provider_id"], batch_size=_SLICE)


def _revive(content: list[int]) -> None:
    for pks in _slices(content):
        Stream.objects.filter(pk__in=pks).update(stale_since=None)


_INVERSE: dict[str, Callable[[list[Any]], None]] = {
    "births": _unborn,
    "rows": _restore_rows,
    "ids": _restore_ids,
    "gone": _revive,
}


def _slices(pks: Sequence[int]) -> list[Sequence[int]]:
    return [pks[start : start + _SLICE] for start in range(0, len(pks), _SLICE)]
