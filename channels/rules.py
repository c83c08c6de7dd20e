"""Include and exclude rules of a portal's live items. Pure but for the preview."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from channels.models import Stream, StreamRule
from portals.models import Portal
from portals.providers.records import StreamRecord
from portals.rules import Preview, RuleSet


@dataclass(frozen=True, slots=True)
class Item:
    """What rules look at."""

    name: str
    genre: str
    address: str
    kind: str


def filtered(rules: RuleSet, records: Iterable[StreamRecord], genre_names: dict[str, str]) -> Iterator[StreamRecord]:
    """The records that are wanted."""
    for record in records:
        kind = "radio" if record.is_radio else "tv"
        if rules.takes(Item(record.name, genre_names.get(record.genre_id, ""), record.cmd, kind)):
            yield record


def preview(portal: Portal, rules: Iterable[StreamRule]) -> Preview:
    """Try rules on the portal's stored streams; what earlier rules left out is not stored and so not seen."""
    rule_set, found = RuleSet(rules), Preview()
    streams = Stream.objects.filter(portal=portal, stale_since__isnull=True)
    for name, genre, cmd, radio in streams.values_list("name", "genre__name", "cmd", "is_radio").iterator():
        found.add(name, wanted=rule_set.takes(Item(name, genre or "", cmd, "radio" if radio else "tv")))
    return found
