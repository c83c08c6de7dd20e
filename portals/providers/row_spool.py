"""Whole lists of rows: taken to their end before the first row is given on, on disk when large, and merged."""

from __future__ import annotations

import marshal
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portals.models import Subscription
from portals.providers.base import Progress
from portals.providers.stalker.values import ident

_BATCH = 500
_IN_MEMORY_BYTES = 4 * 1024 * 1024


class RowSpool:
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


def merged(
    listings: Mapping[Subscription, RowSpool], refused: Iterable[Subscription]
) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    """Every row once, with the ids of the subscriptions that list it; empty = all.

    What `refused` subscriptions would be offered is not known; they count as offered everything, so that one that
    comes back is tried.
    """
    everyone = set.intersection(*(listing.ids for listing in listings.values()))
    unasked = tuple(subscription.pk for subscription in refused)
    given: set[str] = set()
    # Subscriptions that are offered the same share one list.
    distinct = list(dict.fromkeys(listings.values()))
    for listing in distinct:
        for key, row in listing.rows():
            if key in given:
                continue
            if len(distinct) > 1:
                given.add(key)
            if key in everyone:
                yield row, ()
            else:
                yield row, (*(one.pk for one, its in listings.items() if key in its.ids), *unasked)
