"""Include and exclude rules of a portal: which of its items are taken at all. Pure but for the preview."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from channels.models import Stream, StreamRule
from portals.models import Portal
from portals.providers.records import StreamRecord
from restreamer.lib.errors import InvalidInput

_LONGEST_PATTERN = 300
#: Names are matched up to here, so that a pattern that backtracks cannot take for ever on a hostile name.
_LONGEST_TEXT = 200


def compiled(pattern: str, *, case_sensitive: bool = False) -> re.Pattern[str]:
    """The pattern, ready. Raises InvalidInput with what is wrong and where."""
    if len(pattern) > _LONGEST_PATTERN:
        raise InvalidInput(f"The pattern is longer than {_LONGEST_PATTERN} characters.")
    if re.search(r"\([^()]*[+*][^()]*\)[+*{]", pattern):
        raise InvalidInput("A repeated group that repeats inside, like (a+)+, can take for ever; write it without.")
    try:
        return re.compile(pattern, 0 if case_sensitive else re.IGNORECASE)
    except re.error as err:
        raise InvalidInput(
            f"The pattern is no regular expression: {err.msg} at character {(err.pos or 0) + 1}."
        ) from err


@dataclass(frozen=True, slots=True)
class Item:
    """What rules look at."""

    name: str
    genre: str
    address: str
    kind: str


class RuleSet:
    """A portal's rules in their order.

    With any include rule, an item must match one to be taken; an exclude rule that matches takes it out again.
    """

    def __init__(self, rules: Iterable[StreamRule]) -> None:
        self._rules = [
            (
                rule.action == StreamRule.Action.INCLUDE,
                rule.field,
                compiled(rule.pattern, case_sensitive=rule.exact_case),
            )
            for rule in rules
            if rule.enabled
        ]
        self._needs_include = any(include for include, _, _ in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def takes(self, item: Item) -> bool:
        """Is the item wanted?"""
        included = not self._needs_include
        for include, field, pattern in self._rules:
            if pattern.search(getattr(item, field)[:_LONGEST_TEXT]):
                if not include:
                    return False
                included = True
        return included

    def filter(self, records: Iterable[StreamRecord], genre_names: dict[str, str]) -> Iterator[StreamRecord]:
        """The records that are wanted."""
        for record in records:
            if self.takes(_item(record, genre_names.get(record.genre_id, ""))):
                yield record


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would do with what is stored now; a few names of either side."""

    taken: int
    left_out: int
    taken_names: Sequence[str]
    left_out_names: Sequence[str]


def preview(portal: Portal, rules: Iterable[StreamRule], examples: int = 20) -> Preview:
    """Try rules on the portal's stored streams; what earlier rules left out is not stored and so not seen."""
    rule_set = RuleSet(rules)
    taken: list[str] = []
    left_out: list[str] = []
    counts = [0, 0]
    streams = Stream.objects.filter(portal=portal, stale_since__isnull=True)
    for name, genre, cmd, radio in streams.values_list("name", "genre__name", "cmd", "is_radio").iterator():
        wanted = rule_set.takes(Item(name, genre or "", cmd, "radio" if radio else "tv"))
        counts[not wanted] += 1
        side = taken if wanted else left_out
        if len(side) < examples:
            side.append(name)
    return Preview(counts[0], counts[1], taken, left_out)


def _item(record: StreamRecord, genre: str) -> Item:
    return Item(record.name, genre, record.cmd, "radio" if record.is_radio else "tv")
