"""What the command line says of a portal: what a refresh would change, and what an examination showed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from portals import refreshing
from portals.models import Portal, Run, RunKind
from portals.models.run import counts_in_words
from portals.runs import Unrecorded
from restreamer.lib.redis_client import connection
from streaming.portal_doctor import Blinds, Examination, line_of

#: Kinds of change that are told, with their words.
_CHANGES = {
    "new": "new",
    "gone": "gone",
    "renamed": "renamed",
    "moved": "moved to another id",
    "suspected": "another name on a known id: look at these",
    "unnumbered": "without a number",
}


def changes(portal: Portal, kind: RunKind, watcher: Callable[[Run], None] | None) -> dict[str, Any]:
    """What a refresh of that kind would change now. Raises RestreamerError."""
    found = refreshing.difference(portal, kind, Unrecorded(portal, kind, watcher))
    return {"portal": portal.name, "kind": str(kind), **asdict(found)}


def change_lines(document: dict[str, Any], most: int) -> Iterator[str]:
    """The same for a person: counts, then up to `most` examples of each kind of change."""
    counts = counts_in_words(document["counts"]) or "it lists none"
    yield f"{document['portal']}, {RunKind(document['kind']).label}: {counts}. Nothing was changed."
    if document["would_be_held"]:
        yield "A refresh would wait for you: it would lose more than the portal's share for that."
    for word, rows in document["report"].items():
        # With several kinds of items each word says whose it is: "new movies".
        change, _, noun = word.partition(" ")
        if not rows or change not in _CHANGES:
            continue
        yield f"  {noun + ': ' if noun else ''}{_CHANGES[change]}:"
        for row in rows[:most]:
            yield "    " + " → ".join(row)
        if len(rows) > most:
            yield f"    … and {document['counts'].get(word, len(rows)) - most:,} more"


def examination(portal: Portal, *, show_host: bool, tell: Callable[[str], None]) -> dict[str, Any]:
    """Examine the portal, telling each line as it is known; returns the whole report."""
    blinds = Blinds(portal, show_host=show_host)
    steps = []
    for step in Examination(portal, connection(), blinds).steps():
        steps.append(step)
        tell(line_of(step))
    works = bool(steps) and all(step.state != "fail" for step in steps)
    return {"kind": portal.kind, "works": works, "steps": [asdict(step) for step in steps]}
