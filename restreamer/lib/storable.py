"""Text from strangers, made fit for every database: PostgreSQL refuses NUL, all refuse halves of UTF-16 pairs."""

from __future__ import annotations

import re
from typing import Any

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def text(value: str, limit: int | None = None) -> str:
    """The text without what no database stores, trimmed and cut to `limit` characters."""
    # Nearly all text is printable, which is known in a fraction of the time.
    if not value.isprintable():
        value = _UNSTORABLE.sub("", value)
    return value.strip()[:limit]


def json_value(value: Any) -> Any:
    """The same for every text inside a JSON value."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {json_value(str(key)): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return value
