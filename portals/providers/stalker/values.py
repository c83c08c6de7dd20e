"""How a portal's loosely typed fields are read: ids stay opaque, numbers and flags are guessed kindly."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

#: What portals send for "nothing" (reference stalker-portal.md, section 4, typing rules).
_NOT_SET = {"", "0", "null", "undefined", "n/a", "none"}
_TAG = re.compile(r"<[^<>]{0,300}>")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


def ident(value: Any) -> str:
    """An id: an opaque string, "" when there is none. `12`, `"12"` and `"12:3"` are all fine, true and 1.5 are not."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = clean(str(value), 200)
    return "" if text.lower() in ("null", "undefined", "none") else text


def number(value: Any, default: int = 0) -> int:
    """A whole number, from `12`, `"12"`, `"12.0"`; anything else is the default."""
    if isinstance(value, bool):
        return int(value)
    try:
        return int(float(str(value).strip()))
    except (ValueError, OverflowError):
        return default


def flag(value: Any) -> bool:
    """True for 1, "1", true, "true"."""
    return value is True or str(value).strip().lower() in ("1", "true")


def is_set(value: Any) -> bool:
    """False for all the spellings of nothing."""
    if value is None or value is False:
        return False
    text = str(value).strip()
    return text.lower() not in _NOT_SET and not text.startswith("0000-00-00")


def clean(value: Any, limit: int) -> str:
    """A string as it may be stored: no control characters, no half surrogates, no runs of blanks, bounded."""
    text = value if isinstance(value, str) else "" if value is None or isinstance(value, dict | list) else str(value)
    # Cut first: collapsing a hostile megabyte is not worth the time. Blanks may shrink it further.
    text = _BLANKS.sub(" ", text[: limit * 4]).strip()
    return text.encode("utf-8", "replace").decode("utf-8")[:limit].rstrip()


def words(value: Any, limit: int = 300) -> str:
    """Text for people: entities resolved, `<br>` and other tags gone."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    text = str(value)[: limit * 8]
    # Twice: `&lt;br&gt;` hides a tag, `&amp;amp;` an entity.
    return clean(html.unescape(_TAG.sub(" ", html.unescape(text))), limit)


def rows(value: Any) -> list[Mapping[str, Any]]:
    """The rows of a list answer, in whatever box PHP put them: a list, `data`, an object with "0", "1", … keys.

    An empty list for all the spellings of nothing.
    """
    if isinstance(value, dict) and "data" in value:
        value = value["data"]
    if isinstance(value, dict):
        value = list(value.values()) if all(str(key).isdigit() for key in value) else []
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
