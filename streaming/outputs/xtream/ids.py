"""Category ids: integers, unique over live, movies and series, stable for ever.

Groups and categories are two tables with keys of their own, so an id is four times the key and a digit for the kind.
What stands in no group or category has an id too: players drop rows without one.
"""

from __future__ import annotations

LIVE, MOVIE, SERIES, NONE = 0, 1, 2, 3

#: What is shown for things that nobody sorted.
OTHER = "Other"


def category_id(kind: int, key: int | None) -> int:
    """The id that players see."""
    return 4 * key + kind if key is not None else 4 * kind + NONE


def key_of(kind: int, asked: str) -> tuple[bool, int | None]:
    """What a `category_id` of a request means: (is one of this kind, key); the key None = in no category."""
    if not (asked.isascii() and asked.isdecimal()) or len(asked) > 10:
        return False, None
    number = int(asked)
    if number == 4 * kind + NONE:
        return True, None
    return number % 4 == kind and number >= 4, number // 4


def is_everything(asked: str) -> bool:
    """Does this `category_id` filter nothing?"""
    return asked in ("", "0", "*", "all")
