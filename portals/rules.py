"""Include and exclude rules of a portal: which of its items are taken at all. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from portals.models.rule import TakeRule
from restreamer.lib.errors import InvalidInput

_LONGEST_PATTERN = 300
#: Names are matched up to here, so that a pattern that backtracks cannot take for ever on a hostile name.
_LONGEST_TEXT = 200


class Rule(Protocol):
    """A row of any rule model (portals/models/rule.py)."""

    action: Any
    field: Any
    pattern: Any
    exact_case: Any
    enabled: Any


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


class RuleSet:
    """A portal's rules in their order.

    With any include rule, an item must match one to be taken; an exclude rule that matches takes it out again.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [
            (
                rule.action == TakeRule.Action.INCLUDE,
                rule.field,
                compiled(rule.pattern, case_sensitive=rule.exact_case),
            )
            for rule in rules
            if rule.enabled
        ]
        self._needs_include = any(include for include, _, _ in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def takes(self, item: object) -> bool:
        """Is the item wanted? It has a text of the name of each field that rules look at."""
        included = not self._needs_include
        for include, field_name, pattern in self._rules:
            if pattern.search(getattr(item, field_name)[:_LONGEST_TEXT]):
                if not include:
                    return False
                included = True
        return included


@dataclass(slots=True)
class Preview:
    """What rules would do with what is stored now; a few names of either side."""

    most: int = 20
    taken: int = 0
    left_out: int = 0
    taken_names: list[str] = field(default_factory=list)
    left_out_names: list[str] = field(default_factory=list)

    def add(self, name: str, *, wanted: bool) -> None:
        """One item and what became of it."""
        names = self.taken_names if wanted else self.left_out_names
        if wanted:
            self.taken += 1
        else:
            self.left_out += 1
        if len(names) < self.most:
            names.append(name)
