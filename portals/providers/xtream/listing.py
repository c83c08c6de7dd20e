"""Whole lists of a panel: fetched to their end before the first row is given on, and merged over logins."""

from __future__ import annotations

import marshal
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portals import errors
from portals.models import Subscription
from portals.providers.base import Progress
from portals.providers.xtream.panel import Panel
from portals.providers.xtream.values import ident

_BATCH = 500
_IN_MEMORY_BYTES = 4 * 1024 * 1024
#: Where a whole list fails, its parts are tried; so many of them must be empty to believe that all are.
_EMPTY_PARTS = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three kinds of things a panel lists, in the panel's words and in ours."""

    #: As in `get_live_categories`.
    named: str
    list_action: str
    id_field: str
    shown: str


LIVE = Kind("live", "get_live_streams", "stream_id", "live channels")
MOVIES = Kind("vod", "get_vod_streams", "stream_id", "movies")
SERIES = Kind("series", "get_series", "series_id", "series")


class Listing:
    """One list of one login, on disk when large; only its ids stay in memory. A row that comes twice counts once."""

    def __init__(self, id_field: str) -> None:
        self._id_field = id_field
        # Closed with the listing itself, which no `with` could outlive.
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._lengths: list[int] = []
        self._batch: list[dict[str, Any]] = []
        self.ids: set[str] = set()

    def fill(self, rows: Iterable[dict[str, Any]], progress: Progress) -> None:
        """Take all rows."""
        for row in rows:
            key = ident(row.get(self._id_field))
            if not key or key in self.ids:
                continue
            self.ids.add(key)
            self._batch.append(row)
            if len(self._batch) == _BATCH:
                self._flush()
                progress(len(self.ids), 0)
        self._flush()
        progress(len(self.ids), 0)

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Ids and rows in their order."""
        self._file.seek(0)
        for length in self._lengths:
            for row in marshal.loads(zlib.decompress(self._file.read(length))):
                yield ident(row[self._id_field]), row

    def _flush(self) -> None:
        if self._batch:
            # Our own bytes in our own unnamed file, which is all marshal may be used for.
            blob = zlib.compress(marshal.dumps(self._batch), 1)
            self._file.write(blob)
            self._lengths.append(len(blob))
            self._batch.clear()


def category_rows(panel: Panel, subscription: Subscription, kind: Kind) -> Iterator[dict[str, Any]]:
    """The panel's categories of this kind. Raises PortalError."""
    return panel.rows(subscription, f"categories of {kind.shown}", action=f"get_{kind.named}_categories")


def fetch(panel: Panel, subscription: Subscription, kind: Kind, progress: Progress) -> Listing:
    """The whole list of one login; category by category where the panel fails to send it whole.

    Raises CatalogueIncomplete, PortalError.
    """
    listing = Listing(kind.id_field)
    trouble: errors.PortalError | None = None
    try:
        listing.fill(panel.rows(subscription, kind.shown, action=kind.list_action), progress)
    except (errors.CatalogueIncomplete, errors.AnswerUnreadable, errors.PortalOverloaded) as err:
        trouble = err
    if trouble is None and listing.ids:
        return listing
    try:
        _fill_by_category(listing, panel, subscription, kind, progress)
    except errors.PortalError as err:
        raise trouble or err from err
    if trouble is not None and not listing.ids:
        raise trouble
    return listing


def _fill_by_category(
    listing: Listing, panel: Panel, subscription: Subscription, kind: Kind, progress: Progress
) -> None:
    """Raises PortalError; then the listing is not complete."""
    categories = [ident(row.get("category_id")) for row in category_rows(panel, subscription, kind)]
    for place, category in enumerate(filter(None, categories)):
        if place >= _EMPTY_PARTS and not listing.ids:
            return
        rows = panel.rows(subscription, kind.shown, action=kind.list_action, category_id=category)
        listing.fill(rows, progress)


def merged(
    listings: Mapping[Subscription, Listing], refused: Iterable[Subscription]
) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    """Every row once, with the ids of the subscriptions that list it; empty = all.

    What `refused` subscriptions would be offered is not known; they count as offered everything, so that one that
    comes back is tried.
    """
    everyone = set.intersection(*(listing.ids for listing in listings.values()))
    unasked = tuple(subscription.pk for subscription in refused)
    given: set[str] = set()
    for listing in listings.values():
        for key, row in listing.rows():
            if key in given:
                continue
            if len(listings) > 1:
                given.add(key)
            if key in everyone:
                yield row, ()
            else:
                yield row, (*(one.pk for one, its in listings.items() if key in its.ids), *unasked)
