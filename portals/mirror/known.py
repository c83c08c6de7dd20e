"""Knows the list it saw last: the same list again needs no comparing, and often no download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from portals.mirror.shape import Shape
from portals.mirror.spool import Spool
from portals.models import ListState, Portal
from portals.providers.m3u.kept import Reader
from portals.providers.m3u.source import Fetched
from portals.runs import Progress

#: Change it when the same records would make other rows: every list is compared again then.
_MIRROR = "1"


@runtime_checkable
class Downloads(Protocol):
    """A provider whose lists are one download that may be "not modified"."""

    def fetch(
        self,
        *,
        etag: str = "",
        last_modified: str = "",
        sha256: str = "",
        reader: Reader | None = None,
        progress: Callable[[int, int], None] = ...,
    ) -> Fetched:
        """Download, unless it is what these values of the last download say. Raises PortalError."""


def state_of(shape: Shape[Any], portal: Portal) -> ListState | None:
    """What is known of the list the rows were made from; None when they may differ from it.

    Rows that somebody removed meanwhile are seen by their number.
    """
    state = ListState.objects.filter(portal=portal, what=shape.noun).first()
    if state is None:
        return None
    return state if offered(shape, portal) == state.count else None


def is_known(shape: Shape[Any], portal: Portal, spool: Spool[Any]) -> bool:
    """Were the rows made from this very list?"""
    state = state_of(shape, portal)
    return state is not None and state.records_sha256 == _sha256(spool)


def forget(portal: Portal | None, what: str = "") -> None:
    """Rows are about to change: what was known of them is true no more."""
    states = ListState.objects.filter(portal=portal)
    (states.filter(what=what) if what else states).delete()


def remember(portal: Portal, what: str, spool: Spool[Any]) -> None:
    """The rows are what this list says."""
    made_from = {"records_sha256": _sha256(spool), "count": spool.count}
    ListState.objects.update_or_create(portal=portal, what=what, defaults=made_from)


def newer(
    provider: Downloads, state: ListState | None, rules_sha256: str, reader: Reader, progress: Progress
) -> Fetched:
    """Download only what is newer than the list the rows were made from, as long as the same of it would be taken."""
    progress.step("downloading the list, in KiB")
    if state is None or state.rules_sha256 != rules_sha256:
        return provider.fetch(reader=reader, progress=progress)
    return provider.fetch(
        etag=state.etag, last_modified=state.last_modified, sha256=state.sha256, reader=reader, progress=progress
    )


def remember_download(portal: Portal, what: str, fetched: Fetched, rules_sha256: str) -> None:
    """The list came from this download by these rules: the provider is asked for anything newer next time."""
    ListState.objects.filter(portal=portal, what=what).update(**_download_facts(fetched, rules_sha256))


def download_state(portal: Portal, what: str, shapes: Sequence[Shape[Any]]) -> ListState | None:
    """What is known of the one download several lists came from; None when their rows may differ from it."""
    state = ListState.objects.filter(portal=portal, what=what).first()
    return state if state is not None and state.count == sum(offered(shape, portal) for shape in shapes) else None


def remember_shared_download(
    portal: Portal, what: str, shapes: Sequence[Shape[Any]], fetched: Fetched, rules_sha256: str
) -> None:
    """All these lists came from this download."""
    count = sum(offered(shape, portal) for shape in shapes)
    facts = {**_download_facts(fetched, rules_sha256), "count": count}
    ListState.objects.update_or_create(portal=portal, what=what, defaults=facts)


def offered(shape: Shape[Any], portal: Portal) -> int:
    """How many rows the portal lists now."""
    return shape.offered._default_manager.filter(portal=portal, stale_since__isnull=True).count()


def _download_facts(fetched: Fetched, rules_sha256: str) -> dict[str, Any]:
    return {
        "etag": fetched.etag[:300],
        "last_modified": fetched.last_modified[:100],
        "sha256": fetched.sha256,
        "rules_sha256": rules_sha256,
    }


def nothing_changed(count: int) -> dict[str, int]:
    """The counts of a run that found what it knew."""
    return {"total": count, "new": 0, "changed": 0, "unchanged": count, "gone": 0, "back": 0}


def _sha256(spool: Spool[Any]) -> str:
    return f"{_MIRROR}{spool.sha256}"[:64]
