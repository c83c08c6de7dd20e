"""A portal's list on its way in: read through any number of times without ever standing in memory whole."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import fields
from operator import attrgetter

from portals.providers.records import GenreRecord, StreamRecord
from restreamer.lib import storable

#: Records per piece: large enough to compress well, small enough to be nothing in memory.
PIECE = 1000
#: Below this many bytes the spool stays in memory.
_IN_MEMORY = 8 * 1024 * 1024

_NAMES = [field.name for field in fields(StreamRecord)]
_OFFERED_TO = _NAMES.index("offered_to")
#: A record as the tuple of its fields.
values_of = attrgetter(*_NAMES)


class Spool:
    """Records written once and read often, compressed, on disk when large. A context manager."""

    def __init__(self, genres: Iterable[GenreRecord] = ()) -> None:
        self.genres = list(genres)
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed by the context)
        self._lengths: list[int] = []
        self._waiting: list[StreamRecord] = []
        self._ids: set[int] = set()
        self.count = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def fill(self, records: Iterable[StreamRecord]) -> None:
        """Take the whole list; of several records with one id the first counts."""
        for record in records:
            provider_id = storable.text(record.provider_id, 200)
            key = hash(provider_id)
            if key in self._ids:
                continue
            self._ids.add(key)
            self._waiting.append(record)
            self.count += 1
            if len(self._waiting) == PIECE:
                self._flush()
        self._flush()
        self._ids.clear()

    def pieces(self) -> Iterator[list[StreamRecord]]:
        """The records in lists of up to PIECE, in their order."""
        self._file.seek(0)
        for length in self._lengths:
            yield unpack(self._file.read(length))

    def blobs(self) -> Iterator[bytes]:
        """The pieces as they are kept, for storing elsewhere; `unpack` reads them."""
        self._file.seek(0)
        for length in self._lengths:
            yield self._file.read(length)

    def add_blob(self, blob: bytes) -> None:
        """Take a piece that was kept elsewhere."""
        self._file.seek(0, 2)
        self._file.write(blob)
        self._lengths.append(len(blob))
        self.count += len(unpack(blob))

    def _flush(self) -> None:
        if self._waiting:
            blob = pack(self._waiting)
            self._file.write(blob)
            self._lengths.append(len(blob))
            self._waiting.clear()


def pack(records: list[StreamRecord]) -> bytes:
    """Records as compressed JSON."""
    # The mapping is turned into a plain dict, which is all JSON knows; the rest are plain values already.
    return zlib.compress(json.dumps([values_of(r) for r in records], separators=(",", ":"), default=dict).encode(), 1)


def unpack(blob: bytes) -> list[StreamRecord]:
    """What `pack` made."""
    rows = json.loads(zlib.decompress(blob))
    for row in rows:
        row[_OFFERED_TO] = tuple(row[_OFFERED_TO])
    return [StreamRecord(*row) for row in rows]
