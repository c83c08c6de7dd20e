"""Deleting a portal: what goes with it, and what becomes of what only it fed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portals.models import Portal


@dataclass(frozen=True, slots=True)
class Fed:
    """Rows of a room above that live on what portals offer."""

    #: In the plural, for people.
    name: str
    #: Those that nothing else would feed.
    only_by: Callable[[Portal], QuerySet[Any]]


_FED: list[Fed] = []
_BATCH = 500


def feeds(name: str, only_by: Callable[[Portal], QuerySet[Any]]) -> None:
    """Called once by the room above, from its `ready`."""
    _FED.append(Fed(name, only_by))


def goes_along(portal: Portal) -> dict[str, int]:
    """What deleting the portal would delete: name in the plural to count, what is there only."""
    counts = {
        "subscriptions": portal.subscriptions.count(),
        "refreshes": portal.runs.count(),
        **{fed.name: fed.only_by(portal).count() for fed in _FED},
    }
    return {name: count for name, count in counts.items() if count}


def only_fed() -> str:
    """What may be kept, in words; empty when no room above lives on portals."""
    return " and ".join(fed.name for fed in _FED)


@transaction.atomic
def remove(portal: Portal, *, keep_fed: bool = False) -> None:
    """Delete the portal with all it offers, and, unless `keep_fed`, with what nothing else would feed."""
    for fed in [] if keep_fed else _FED:
        rows = fed.only_by(portal)
        doomed = list(rows.values_list("pk", flat=True))
        for start in range(0, len(doomed), _BATCH):
            rows.model._default_manager.filter(pk__in=doomed[start : start + _BATCH]).delete()
    portal.delete()
