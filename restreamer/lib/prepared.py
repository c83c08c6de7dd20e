"""Querysets whose SQL is made once: making it costs ten times what a database needs to find a row by its key.

    by_token = Prepared(lambda token: Viewer.objects.filter(token=token)[:1], "a token")
    rows = by_token(given)

Only the SQL is kept, never a row: what is found is what the database holds at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class _Made:
    """What is kept of a queryset: its SQL, and how a row of the answer becomes an object."""

    model: type[Model]
    sql: str
    parameters: tuple[Any, ...]
    #: Where among the parameters which value goes.
    places: tuple[tuple[int, int], ...]
    columns: tuple[str, ...]
    #: By column: what the database's own form goes through, and the expression that asks for it.
    converters: tuple[tuple[int, Sequence[Callable[..., Any]], Any], ...]


class Prepared(Generic[M]):
    """A queryset of plain lookups by value; called with other values than it was built with."""

    def __init__(self, build: Callable[..., QuerySet[M]], *samples: object) -> None:
        """`samples` stand for the values while the SQL is made: no two alike, and like nothing else in the query."""
        self._build = build
        self._samples = samples
        #: By kind of database.
        self._made: dict[str, _Made] = {}

    def __call__(self, *values: object) -> list[M]:
        """The rows for these values, in the order of the samples."""
        connection = connections[DEFAULT_DB_ALIAS]
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = self._make(connection)
        parameters = list(made.parameters)
        for place, nth in made.places:
            parameters[place] = values[nth]
        with connection.cursor() as cursor:
            cursor.execute(made.sql, parameters)
            rows = cursor.fetchall()
        found = []
        for row in rows:
            fields = list(row)
            for at, chain, expression in made.converters:
                for convert in chain:
                    fields[at] = convert(fields[at], expression, connection)
            found.append(made.model.from_db(DEFAULT_DB_ALIAS, made.columns, fields))
        return cast(list[M], found)

    def _make(self, connection: BaseDatabaseWrapper) -> _Made:
        queryset = self._build(*self._samples)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        places = tuple((at, self._samples.index(one)) for at, one in enumerate(parameters) if one in self._samples)
        if {nth for _, nth in places} != set(range(len(self._samples))):
            raise ValueError(f"not every value stands in {sql!r} as it is")
        asked = [expression for expression, *_ in compiler.select]
        columns = tuple(expression.target.attname for expression in asked)
        converters = tuple((at, chain, asks) for at, (chain, asks) in compiler.get_converters(asked).items())
        return _Made(queryset.model, sql, tuple(parameters), places, columns, converters)
