"""Which record is which row: the identity contract, decided before anything is written.

Order of evidence: same id and same name; then same name and genre, where that is unique on both sides (a portal that
renumbers its list keeps names); then same id (a rename); then same address apart from host and credentials. What is
left of the records is new, what is left of the rows is gone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.db.models import F

from portals.mirror.shape import R, Shape
from portals.mirror.spool import PIECE, Spool, plain
from portals.models import Portal
from restreamer.lib import storable
from restreamer.lib.among import Among

#: Made once: json.dumps with options builds an encoder at each call.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=plain).encode

#: Records that need writing are kept from the comparing while they are so few; more are read again.
_KEPT_RECORDS = 5000

#: Examples kept per kind of change for the report.
_EXAMPLES = 200


@dataclass(slots=True)
class Plan:
    """What a run would do."""

    #: Record ids that need writing: new, changed or found by evidence.
    todo: set[str] = field(default_factory=set)
    #: Nothing is stored yet: all records are new, and none is named in `todo`. A million ids would fill the memory.
    first: bool = False
    unchanged: int = 0
    #: The rows were made from this very list.
    known: bool = False
    #: Records no row was found for.
    new: int = 0
    #: Record ids whose row is found by evidence rather than by this id.
    assigned: dict[str, int] = field(default_factory=dict)
    #: Rows that lose their id to another row, and so need one nobody uses.
    displaced: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    #: The records of `todo` with their positions in the list; None when there are too many to keep.
    records: list[tuple[int, Any]] | None = field(default_factory=list)
    offered_before: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("renamed", "moved", "suspected"), 0))
    report: dict[str, list[list[str]]] = field(default_factory=dict)

    def keep(self, position: int, record: Any) -> None:
        """This record needs writing."""
        if self.records is not None:
            self.records.append((position, record))
            if len(self.records) > _KEPT_RECORDS:
                self.records = None

    def note(self, kind: str, *words: str) -> None:
        """Count a change and keep it as an example."""
        if kind in self.counts:
            self.counts[kind] += 1
        examples = self.report.setdefault(kind, [])
        if len(examples) < _EXAMPLES:
            examples.append(list(words))

    @property
    def lost_share(self) -> float:
        """How much of what was offered would be gone: 0.0 to 1.0."""
        return len(self.gone) / self.offered_before if self.offered_before else 0.0


@dataclass(frozen=True, slots=True)
class _Record:
    provider_id: str
    name: str
    genre: str
    address: str


@dataclass(frozen=True, slots=True)
class _Row:
    pk: int
    provider_id: str
    name: str
    genre: str
    address: str
    offered: bool


def plan(shape: Shape[R], portal: Portal, spool: Spool[R]) -> Plan:
    """Match every record of the spool with the portal's rows; reads, writes nothing."""
    if not shape.offered._default_manager.filter(portal=portal).exists():
        return _first(shape, spool)
    offered = shape.offered._default_manager.filter(portal=portal, stale_since__isnull=True)
    made = Plan(offered_before=offered.count())
    matched, open_records = _match_by_id_and_name(shape, portal, spool, made)
    made.todo.update(open_records)
    rows = _open_rows(shape, portal, matched)
    if open_records and rows:
        _match_by_evidence(made, open_records, rows)
    made.new += len(open_records)
    for record in open_records.values():
        made.note("new", record.name)
    claimed = set(open_records) | set(made.assigned)
    for row in rows.values():
        if row.provider_id in claimed:
            made.displaced.append(row.pk)
        if row.offered:
            made.gone.append(row.pk)
            made.note("gone", row.name)
    return made


def _first(shape: Shape[R], spool: Spool[R]) -> Plan:
    made = Plan(first=True, new=spool.count, records=None)
    for record in next(spool.pieces(), []):
        made.note("new", stored_name(shape, record.name, record.provider_id))
    return made


def _match_by_id_and_name(
    shape: Shape[R], portal: Portal, spool: Spool[R], made: Plan
) -> tuple[set[int], dict[str, _Record]]:
    """Rows that are what they were, and the records that still look for a row."""
    matched: set[int] = set()
    still_open: dict[str, _Record] = {}
    rows = shape.offered._default_manager.filter(portal=portal)
    columns = ("provider_id", "pk", "name", "fingerprint", "stale_since")
    form, position = shape.form, -1
    # Of most, all that is asked is whether they are as they were: those do not become records.
    for piece in spool.rows():
        given = {storable.text(values[form.id_place], 200): values for values in piece}
        found = rows.filter(Among(F("provider_id"), list(given))).values_list(*columns)
        known = {row[0]: row for row in found}
        for provider_id, values in given.items():
            position += 1
            name = stored_name(shape, values[form.name_place], values[form.id_place])
            row = known.get(provider_id)
            if row is not None and row[2] == name:
                matched.add(row[1])
                if row[4] is None and row[3] == fingerprint(values):
                    made.unchanged += 1
                    continue
                made.todo.add(provider_id)
                made.keep(position, form.record(values))
                continue
            record = form.record(values)
            still_open[provider_id] = _Record(provider_id, name, shape.genre_id(record), address(shape.cmd(record)))
            made.keep(position, record)
    return matched, still_open


def _open_rows(shape: Shape[R], portal: Portal, matched: set[int]) -> dict[int, _Row]:
    """Rows no record was found for yet. Their keys alone are read of all rows, the rest of these only."""
    rows = shape.offered._default_manager.filter(portal=portal).order_by()
    pks = [pk for pk in rows.values_list("pk", flat=True).iterator(chunk_size=10_000) if pk not in matched]
    columns = ("pk", "provider_id", "name", "genre__provider_id", "cmd", "stale_since")
    return {
        pk: _Row(pk, provider_id, name, genre or "", address(cmd), stale is None)
        for at in range(0, len(pks), PIECE)
        for pk, provider_id, name, genre, cmd, stale in rows.filter(Among(F("pk"), pks[at : at + PIECE])).values_list(
            *columns
        )
    }


def _match_by_evidence(made: Plan, records: dict[str, _Record], rows: dict[int, _Row]) -> None:
    """Takes what it matches out of both dictionaries."""
    for record, row in _unique_pairs(records.values(), rows.values(), lambda x: (x.name, x.genre)):
        _assign(made, records, rows, record, row, "moved")
    by_id = {row.provider_id: row for row in rows.values()}
    for record in list(records.values()):
        twin = by_id.get(record.provider_id)
        if twin is not None:
            kind = "renamed" if record.address == twin.address or alike(record.name, twin.name) else "suspected"
            _assign(made, records, rows, record, twin, kind)
    for record, row in _unique_pairs(records.values(), rows.values(), lambda x: x.address or None):
        _assign(made, records, rows, record, row, "renamed")


def _assign(
    made: Plan, records: dict[str, _Record], rows: dict[int, _Row], record: _Record, row: _Row, kind: str
) -> None:
    del records[record.provider_id]
    del rows[row.pk]
    if record.provider_id != row.provider_id:
        made.assigned[record.provider_id] = row.pk
    if record.name == row.name:
        made.note("moved", row.name, row.provider_id, record.provider_id)
    else:
        made.note(kind, row.name, record.name)


def _unique_pairs(
    records: Iterable[_Record], rows: Iterable[_Row], key: Callable[[_Record | _Row], Hashable]
) -> list[tuple[_Record, _Row]]:
    """Pairs whose key stands exactly once on either side; offered rows before stale ones."""
    left: dict[Hashable, _Record | None] = {}
    for record in records:
        k = key(record)
        left[k] = None if k in left else record
    right: dict[Hashable, _Row | None] = {}
    stale: dict[Hashable, _Row | None] = {}
    for row in rows:
        side = right if row.offered else stale
        k = key(row)
        side[k] = None if k in side else row
    pairs = []
    for k, match in left.items():
        if k is None or match is None:
            continue
        found = right[k] if k in right else stale.get(k)
        if found is not None:
            pairs.append((match, found))
    return pairs


def stored_name(shape: Shape[R], name: str, provider_id: str) -> str:
    """A record's name as its row holds it; never empty."""
    return storable.text(name, 500) or storable.text(f"{shape.one} {provider_id}", 500)


def address(cmd: str) -> str:
    """What stays of a play order when host and credentials change: the path's tail and what names the stream."""
    words = cmd.split()
    url = next((word for word in words if "://" in word), cmd)
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    segments = [s for s in parts.path.split("/") if s]
    stream = re.search(r"(?:^|&)(?:stream|id|ch|channel)=([^&]+)", parts.query)
    tail = "/".join(segments[-1:]) if len(segments) > 2 else "/".join(segments)
    return f"{tail}?{stream[1]}" if stream else tail


def alike(one: str, other: str) -> bool:
    """Do two names share most of their words? `CNN` and `CNN HD` do, `CNN` and `Cartoons` do not."""
    left, right = (set(re.findall(r"\w+", name.casefold())) for name in (one, other))
    if not left or not right:
        return False
    return len(left & right) / min(len(left), len(right)) >= 0.5


def fingerprint(values: Sequence[Any]) -> str:
    """40 hex digits over what the portal said of an item: equal = nothing to write.

    `values` are those of its record, as `Form.values_of` or `Form.rows` give them.
    """
    return hashlib.sha1(_encode(values).encode(), usedforsecurity=False).hexdigest()
