"""A portal's list on its way in: read through any number of times without ever standing in memory whole."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from operator import attrgetter
from typing import Any, Generic, TypeVar

import orjson

from portals.providers.records import GenreRecord
from restreamer.lib import storable

#: Records per piece: large enough to compress well, small enough to be nothing in memory.
PIECE = 1000
#: Below this many bytes the spool stays in memory.
_IN_MEMORY = 8 * 1024 * 1024

R = TypeVar("R")


class Form(Generic[R]):
    """How records of one type become bytes and come back. `restore` holds what JSON does not know, by field."""

    def __init__(self, record: type[R], restore: Mapping[str, Callable[[Any], Any]]) -> None:
        names = [field.name for field in fields(record)]  # type: ignore[arg-type]
        self._record: Callable[..., R] = record
        self._restore = [(names.index(name), what) for name, what in restore.items()]
        #: Where in a row these stand.
        self.id_place, self.name_place = names.index("provider_id"), names.index("name")
        #: A record as the tuple of its fields.
        self.values_of: Callable[[R], tuple[Any, ...]] = attrgetter(*names)

    def dumped(self, records: list[R]) -> bytes:
        """Records as JSON."""
        rows = [self.values_of(record) for record in records]
        try:
            return orjson.dumps(rows, default=plain, option=_OPTIONS)
        except orjson.JSONEncodeError:
            # Halves of UTF-16 pairs, integers beyond 64 bits: nothing for the quick one, neither way.
            return _FOR_THE_OTHER + json.dumps(rows, separators=(",", ":"), default=plain).encode()

    def rows(self, blob: bytes) -> list[list[Any]]:
        """What `dumped` made, compressed: the values of each record as JSON holds them."""
        plain_bytes = zlib.decompress(blob)
        load = json.loads if plain_bytes.startswith(_FOR_THE_OTHER) else orjson.loads
        found: list[list[Any]] = load(plain_bytes)
        return found

    def record(self, row: list[Any]) -> R:
        """A record out of its values, which are changed on the way."""
        for place, what in self._restore:
            row[place] = what(row[place])
        return self._record(*row)

    def unpack(self, blob: bytes) -> list[R]:
        """What `dumped` made, compressed."""
        return [self.record(row) for row in self.rows(blob)]


def plain(value: Any) -> Any:
    """For JSON: days and moments as text, records as lists of their values, mappings as plain dictionaries."""
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return _values_of(type(value))(value)
    return dict(value)


#: JSON may begin with white space; ours only where orjson cannot read it.
_FOR_THE_OTHER = b" "
#: What `plain` deals with.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


@cache
def _values_of(record: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*(field.name for field in fields(record)))


class Spool(Generic[R]):
    """Records written once and read often, compressed, on disk when large. A context manager."""

    def __init__(self, form: Form[R], genres: Iterable[GenreRecord] = ()) -> None:
        self.genres = list(genres)
        self._form = form
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed by the context)
        self._lengths: list[int] = []
        self._waiting: list[R] = []
        self._ids: set[int] = set()
        self._digest = hashlib.sha256()
        self.count = 0

    @property
    def sha256(self) -> str:
        """Of all records and genres: equal = the same list."""
        digest = self._digest.copy()
        digest.update(repr([(genre.provider_id, genre.name, genre.censored) for genre in self.genres]).encode())
        return digest.hexdigest()

    def __enter__(self) -> Spool[R]:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def fill(self, records: Iterable[R]) -> None:
        """Take the whole list; of several records with one id the first counts."""
        for record in records:
            provider_id = storable.text(record.provider_id, 200)  # type: ignore[attr-defined]
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

    def pieces(self) -> Iterator[list[R]]:
        """The records in lists of up to PIECE, in their order."""
        return map(self._form.unpack, self.blobs())

    def rows(self) -> Iterator[list[list[Any]]]:
        """The same as values, see `Form.rows`: for those who make a record of few of them."""
        return map(self._form.rows, self.blobs())

    def blobs(self) -> Iterator[bytes]:
        """The pieces as they are kept, for storing elsewhere; `add_blob` reads them."""
        self._file.seek(0)
        for length in self._lengths:
            yield self._file.read(length)

    def add_blob(self, blob: bytes) -> None:
        """Take a piece that was kept elsewhere."""
        self._file.seek(0, 2)
        self._file.write(blob)
        self._lengths.append(len(blob))
        self._digest.update(zlib.decompress(blob))
        self.count += len(self._form.unpack(blob))

    def _flush(self) -> None:
        if self._waiting:
            plain_bytes = self._form.dumped(self._waiting)
            self._digest.update(plain_bytes)
            blob = zlib.compress(plain_bytes, 1)
            self._file.write(blob)
            self._lengths.append(len(blob))
            self._waiting.clear()
