"""Rows of any of our databases as lines of JSON, and back.

A table is a list of columns followed by a list of values per row, in Django's own types: a backup of SQLite can be
restored into PostgreSQL and the other way round.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import decimal
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.apps import apps as installed_apps
from django.contrib.sessions.models import Session
from django.core.management.color import no_style
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from restreamer.lib import storable

#: Who was logged in when the backup was made is not logged in again by restoring it.
_LEFT_OUT = {Session._meta.db_table}
#: Kept as JSON has them; anything else goes through its field.
_PLAIN = (models.CharField, models.TextField, models.IntegerField, models.BooleanField, models.FloatField)
_BATCH = 1000
#: psycopg.IsolationLevel.REPEATABLE_READ; on SQLite nobody loads that library for it.
_REPEATABLE_READ = 3

#: Told how many rows were taken in one more step.
Counted = Callable[[int], None]


def tables(apps: Any = installed_apps) -> dict[str, type[models.Model]]:
    """Every table of ours by name, those others point at first."""
    found = {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.db_table not in _LEFT_OUT
    }
    ordered: dict[str, type[models.Model]] = {}

    def place(name: str, above: tuple[str, ...] = ()) -> None:
        if name in ordered or name in above:
            return
        for field in found[name]._meta.concrete_fields:
            target = getattr(field.related_model, "_meta", None)
            if target is not None and target.db_table in found:
                place(target.db_table, (*above, name))
        ordered[name] = found[name]

    for name in sorted(found):
        place(name)
    return ordered


def written(model: type[models.Model], using: str, counted: Counted) -> Iterator[bytes]:
    """The table's lines, in the order of its keys."""
    columns = [field.column for field in model._meta.concrete_fields]
    names = [field.attname for field in model._meta.concrete_fields]
    yield _line(columns)
    rows = model._base_manager.using(using).order_by("pk").values_list(*names).iterator(chunk_size=_BATCH)
    while batch := list(islice(rows, _BATCH)):
        yield b"".join(map(_line, batch))
        counted(len(batch))


def read(model: type[models.Model], lines: Iterable[list[Any]], using: str, counted: Counted) -> int:
    """Store a table's lines, the columns first; returns how many rows there were.

    Raises ValueError when they are not of this table.
    """
    source = iter(lines)
    fields = {str(field.column): field for field in model._meta.concrete_fields}
    columns = next(source, None)
    if columns is None or sorted(columns) != sorted(fields):
        raise ValueError(f"{model._meta.db_table} has other columns than this version")
    connection = connections[using]
    quote = connection.ops.quote_name
    sql = "INSERT INTO {} ({}) VALUES ({})".format(
        quote(model._meta.db_table), ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
    )
    prepare = [_preparer(fields[column], connection) for column in columns]
    total = 0
    with connection.cursor() as cursor:
        while batch := list(islice(source, _BATCH)):
            cursor.executemany(sql, [[to(value) for to, value in zip(prepare, row, strict=True)] for row in batch])
            total += len(batch)
            counted(len(batch))
    return total


def after_reading(models_read: Sequence[type[models.Model]], using: str) -> None:
    """Have the counters of keys go on behind the highest, and every reference checked. Raises IntegrityError."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), list(models_read)):
            cursor.execute(sql)
    connection.check_constraints()


@contextlib.contextmanager
def another_connection(alias: str, change: Callable[[dict[str, Any]], None]) -> Iterator[str]:
    """A second connection to the database, with other settings, closed at the end.

    Called "default" it takes the place of the first, which is untouched until it is back.
    """
    before = connections["default"]
    connection = before.copy(alias)
    change(connection.settings_dict)
    connections[alias] = connection
    try:
        yield alias
    finally:
        connection.close()
        if alias == before.alias:
            connections[alias] = before
        else:
            del connections[alias]


@contextlib.contextmanager
def frozen() -> Iterator[str]:
    """A connection that sees the database as it is now, whatever is written meanwhile; it holds up no writer."""

    def one_moment(config: dict[str, Any]) -> None:
        if connections["default"].vendor == "sqlite":
            config["OPTIONS"]["transaction_mode"] = "DEFERRED"
        else:
            config["OPTIONS"]["isolation_level"] = _REPEATABLE_READ

    with another_connection("backup", one_moment) as alias, transaction.atomic(using=alias):
        yield alias


def _line(row: Sequence[Any]) -> bytes:
    return (
        json.dumps(row, default=_spelled, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
        + b"\n"
    )


def _spelled(value: Any) -> str:
    """What JSON has no word for, as the field's `to_python` understands it."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta | decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} has no place in a backup")


def _preparer(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    if isinstance(field, models.JSONField):
        # SQLite keeps what PostgreSQL refuses.
        return lambda value: field.get_db_prep_save(storable.json_value(value), connection=connection)
    if isinstance(field, _PLAIN):
        return lambda value: value.replace("\0", "") if isinstance(value, str) else value

    def prepare(value: Any) -> Any:
        return field.get_db_prep_save(field.to_python(value), connection=connection)

    return prepare
