"""Many values in one parameter: `rows.filter(Among(F("provider_id"), ids))`.

`provider_id__in=ids` makes a parameter of each value; for a thousand of them that takes Django longer than the database
needs to find the rows, and PostgreSQL plans it anew each time.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler


class Among(Lookup[Any]):
    """True where the left side is one of a list of strings or integers; a condition for `filter` and `exclude`."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, list[Any]]:
        """The list as a JSON document (sqlite.org/json1.html, 4.20)."""
        sql, parameters = self.process_lhs(compiler, connection)
        return f"{sql} IN (SELECT value FROM json_each(%s))", [*parameters, orjson.dumps(self.rhs).decode()]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, list[Any]]:
        """The list as an array (PostgreSQL manual, 9.25.3)."""
        sql, parameters = self.process_lhs(compiler, connection)
        return f"{sql} = ANY(%s)", [*parameters, self.rhs]
