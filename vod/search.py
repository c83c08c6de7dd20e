"""Searching by name, blind to accents and case: FTS5 on SQLite, a text index without extensions on PostgreSQL.

Both search `search_text`, which is folded before it is stored (`restreamer.lib.names.fold`), so that both find the
same. Order is made by the queryset, from columns, for the same reason.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from django.apps import apps
from django.db import connections, models
from django.db.models.expressions import RawSQL

from restreamer.lib.names import fold

T = TypeVar("T", bound=models.Model)

_WORD = re.compile(r"[^\W_]+")
#: Scripts written without blanks: a word is found inside others.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_MOST_WORDS = 12
SEARCHED = ("vod_movie", "vod_series")


def words_of(text: str) -> list[str]:
    """The folded words of a text."""
    return _WORD.findall(fold(text))[:_MOST_WORDS]


def text_of(names: list[str], year: int | None) -> str:
    """What is stored to be searched: every name once, the shown one first, then the year."""
    folded = [" ".join(_WORD.findall(fold(name))) for name in names]
    parts = [part for part in dict.fromkeys(folded) if part]
    return " | ".join([*parts, str(year)] if year else parts)


def matching(titles: models.QuerySet[T], words: list[str]) -> Any:
    """The titles whose names hold all the words; the last may be the beginning of one."""
    spaced = [word for word in words if not _UNSPACED.search(word)]
    for word in words:
        if _UNSPACED.search(word):
            titles = titles.filter(search_text__contains=word)
    if not spaced:
        return titles
    table = titles.model._meta.db_table
    connection = connections[titles.db]
    # The words are letters and digits only, so they cannot be operators.
    if connection.vendor == "postgresql":
        query = " & ".join(spaced) + ":*"
        sql = f"SELECT id FROM {table} WHERE to_tsvector('simple', search_text) @@ to_tsquery('simple', %s)"
    else:
        query = " ".join(f'"{word}"' for word in spaced) + "*"
        sql = f"SELECT rowid FROM {table}_search WHERE {table}_search MATCH %s"
    return titles.filter(pk__in=RawSQL(sql, [query]))


def ensure_index(using: str = "default", **_: Any) -> None:
    """Make what searching needs where it is missing. Called after every migration: SQLite rebuilds a table to alter
    it, and its triggers go with the old one."""
    connection = connections[using]
    models_made = {model._meta.db_table for model in apps.get_app_config("vod").get_models()}
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for table in SEARCHED:
            if table not in models_made or table not in tables:
                continue
            if connection.vendor == "postgresql":
                cursor.execute(
                    f"CREATE INDEX IF NOT EXISTS {table}_search ON {table} "
                    "USING gin (to_tsvector('simple', search_text))"
                )
            else:
                _ensure_fts(cursor, table)


def _ensure_fts(cursor: Any, table: str) -> None:
    cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
    if cursor.fetchone()[0] == 3:
        return
    old = f"INSERT INTO {table}_search({table}_search, rowid, search_text) VALUES ('delete', old.id, old.search_text);"
    new = f"INSERT INTO {table}_search(rowid, search_text) VALUES (new.id, new.search_text);"
    for statement in (
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {table}_search USING fts5(search_text, content='{table}', "
        "content_rowid='id', tokenize='unicode61 remove_diacritics 0', prefix='2 3')",
        f"CREATE TRIGGER IF NOT EXISTS {table}_search_new AFTER INSERT ON {table} BEGIN {new} END",
        f"CREATE TRIGGER IF NOT EXISTS {table}_search_old AFTER DELETE ON {table} BEGIN {old} END",
        f"CREATE TRIGGER IF NOT EXISTS {table}_search_changed AFTER UPDATE OF search_text ON {table} "
        f"BEGIN {old} {new} END",
        f"INSERT INTO {table}_search({table}_search) VALUES ('rebuild')",
    ):
        cursor.execute(statement)
