"""What a run would need to be taken back, kept with its row."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import DateTimeField, F, Model
from django.utils.dateparse import parse_datetime

from portals import bulk
from portals.mirror.shape import R, Shape
from portals.models import Run, RunPayload
from restreamer.lib.among import Among

_SLICE = 500
#: Columns a restored row keeps: its provider id comes back in a step of its own, because two rows may swap theirs.
_KEPT = frozenset({"pk", "portal", "first_seen_at", "provider_id"})


class UndoLog:
    """Collects the inverse of each write and stores it in the same transaction."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._position = 0

    def ids(self, model: type[Model], before: dict[int, str]) -> None:
        """Rows that get another provider id."""
        self._keep("ids", model, [[pk, provider_id] for pk, provider_id in before.items()])

    def rows(self, model: type[Model], pks: Sequence[int], columns: Sequence[str]) -> None:
        """Rows about to change, as they are."""
        self._keep("rows", model, list(model._default_manager.filter(Among(F("pk"), pks)).values(*columns)))

    def births(self, shape: Shape[R], rows: Sequence[int], shown: Sequence[int]) -> None:
        """Rows that did not exist."""
        self._keep("births", shape.offered, [list(rows), shape.shown._meta.label, shape.fed_by, list(shown)])

    def gone(self, model: type[Model], pks: Sequence[int]) -> None:
        """Rows about to go stale."""
        self._keep("gone", model, list(pks))

    def _keep(self, kind: str, model: type[Model], content: list[Any]) -> None:
        if not content:
            return
        blob = zlib.compress(json.dumps([kind, model._meta.label, content], cls=DjangoJSONEncoder).encode(), 1)
        RunPayload.objects.create(run=self.run, purpose=RunPayload.UNDO, position=self._position, blob=blob)
        self._position += 1


@transaction.atomic
def take_back(run: Run) -> list[int]:
    """Everything as it was before the run. One transaction: it is undone whole or not at all.

    What was born in the run disappears, also when a curator has touched it since; say so before calling.
    Returns the keys of the rows that were changed back.
    """
    touched: list[int] = []
    for payload in run.payloads.filter(purpose=RunPayload.UNDO).order_by("-position"):
        kind, label, content = json.loads(zlib.decompress(bytes(payload.blob)))
        touched += _INVERSE[kind](apps.get_model(label), content)
    run.payloads.all().delete()
    return touched


def _unborn(model: type[Model], content: list[Any]) -> list[int]:
    rows, shown_label, fed_by, shown = content
    for pks in _slices(rows):
        model._default_manager.filter(pk__in=pks).delete()
    for pks in _slices(shown):
        # What a curator fed from elsewhere since stays his.
        apps.get_model(shown_label)._default_manager.filter(pk__in=pks, **{f"{fed_by}__isnull": True}).delete()
    return []


def _restore_rows(model: type[Model], content: list[dict[str, Any]]) -> list[int]:
    moments = {field.name for field in model._meta.concrete_fields if isinstance(field, DateTimeField)}
    alive = set(model._default_manager.filter(pk__in=[row["pk"] for row in content]).values_list("pk", flat=True))
    rows = [row for row in content if row["pk"] in alive]
    keys = {field.name: field.attname for field in model._meta.concrete_fields}
    restored = [
        model(**{keys.get(k, k): parse_datetime(v) if k in moments and v else v for k, v in row.items()})
        for row in rows
    ]
    columns = [name for name in (rows[0] if rows else ()) if name not in _KEPT]
    model._default_manager.bulk_create(restored, update_conflicts=True, unique_fields=["id"], update_fields=columns)
    return [row["pk"] for row in rows]


def _restore_ids(model: type[Model], content: list[list[Any]]) -> list[int]:
    before = dict(content)
    for draft in (True, False):
        bulk.assign(model, "provider_id", [(f"~{pk}" if draft else before[pk], pk) for pk in before])
    return []


def _revive(model: type[Model], content: list[int]) -> list[int]:
    for pks in _slices(content):
        model._default_manager.filter(pk__in=pks).update(stale_since=None)
    return content


_INVERSE: dict[str, Callable[[type[Model], list[Any]], list[int]]] = {
    "births": _unborn,
    "rows": _restore_rows,
    "ids": _restore_ids,
    "gone": _revive,
}


def _slices(pks: Sequence[int]) -> list[Sequence[int]]:
    return [pks[start : start + _SLICE] for start in range(0, len(pks), _SLICE)]
