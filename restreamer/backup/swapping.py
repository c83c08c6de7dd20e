"""A second, empty database beside ours that can take its place in one step.

While it is filled it is the one called "default", so that whatever a migration or a signal writes, it cannot write to
ours.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from restreamer.backup import rows
from restreamer.backup.errors import NotRestorable

_ALIAS = "default"
_SCHEMA = "restreamer_restoring"
#: Whoever still holds a table makes us give up, not wait.
_LOCK_TIMEOUT = "5s"


class Staging(Protocol):
    """The second database."""

    alias: str

    def take_over(self) -> None:
        """Put it in the place of ours. Either that happens, or an error is raised and ours is as it was."""


@contextmanager
def staging() -> Iterator[Staging]:
    """An empty database of the kind of ours; gone afterwards unless it took over."""
    make = _postgres if connections[_ALIAS].vendor == "postgresql" else _sqlite
    with make() as made:
        yield made


@contextmanager
def bulk(alias: str) -> Iterator[None]:
    """Many rows at once, references checked at the end of all of it."""
    connection = connections[alias]
    with connection.constraint_checks_disabled(), transaction.atomic(using=alias):
        yield


class _SqliteFile:
    alias = _ALIAS

    def __init__(self, path: Path, ours: Path) -> None:
        self._path = path
        self._ours = ours

    def take_over(self) -> None:
        connections[_ALIAS].close()
        _let_go(self._path)
        with contextlib.suppress(FileNotFoundError):
            _set_aside_unless_whole(self._ours)
        self._path.replace(self._ours)


@contextmanager
def _sqlite() -> Iterator[Staging]:
    connections[_ALIAS].close()
    ours = Path(connections[_ALIAS].settings_dict["NAME"])
    path = ours.with_name(f".{ours.name}.restoring")
    _remove(path)

    def elsewhere(config: dict[str, Any]) -> None:
        config["NAME"] = path

    try:
        with rows.another_connection(_ALIAS, elsewhere):
            yield _SqliteFile(path, ours)
    finally:
        _remove(path)


def _let_go(path: Path) -> None:
    """All of the database in its one file, and nobody using it. Raises sqlite3.Error."""
    database = sqlite3.connect(path, timeout=2, isolation_level=None)
    try:
        mode = database.execute("PRAGMA journal_mode=DELETE").fetchone()
    finally:
        database.close()
    if mode != ("delete",):
        raise NotRestorable(f"Something still uses {path}. Stop it first.")


def _set_aside_unless_whole(path: Path) -> None:
    """Our database is closed and can be replaced. One that is damaged is kept under another name."""
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        _let_go(path)
    except sqlite3.OperationalError as err:
        raise NotRestorable(f"Something still uses {path} ({err}). Stop it first.") from err
    except sqlite3.DatabaseError:
        # What a crash left beside it must not be taken for a part of the new one.
        stamp = f"{timezone.now():%Y%m%d-%H%M%S}"
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(path.with_name(f"{path.name}.damaged-{stamp}{ending}"))


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


class _PostgresSchema:
    alias = _ALIAS

    def __init__(self, ours: BaseDatabaseWrapper) -> None:
        self._ours = ours

    def take_over(self) -> None:
        connections[_ALIAS].close()
        connection = self._ours
        connections[_ALIAS] = connection
        quote = connection.ops.quote_name
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
            cursor.execute("SELECT current_schema()")
            schema = cursor.fetchone()[0]
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [_SCHEMA])
            new = [row[0] for row in cursor.fetchall()]
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
            there = {row[0] for row in cursor.fetchall()}
            try:
                for table in new:
                    if table in there:
                        cursor.execute(f"DROP TABLE {quote(schema)}.{quote(table)} CASCADE")
                for table in new:
                    cursor.execute(f"ALTER TABLE {_SCHEMA}.{quote(table)} SET SCHEMA {quote(schema)}")
            except OperationalError as err:
                raise NotRestorable(
                    "Something still uses the database. Stop Restreamer on all machines first."
                ) from err


@contextmanager
def _postgres() -> Iterator[Staging]:
    def elsewhere(config: dict[str, Any]) -> None:
        before = config["OPTIONS"].get("options", "")
        config["OPTIONS"]["options"] = f"{before} -c search_path={_SCHEMA}".strip()

    _drop_schema()
    ours = connections[_ALIAS]
    with ours.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
    try:
        with rows.another_connection(_ALIAS, elsewhere):
            yield _PostgresSchema(ours)
    finally:
        _drop_schema()


def _drop_schema() -> None:
    with connections[_ALIAS].cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE")
