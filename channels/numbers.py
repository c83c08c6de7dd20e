"""Channel numbers as players read them."""

from __future__ import annotations

from decimal import Decimal

#: Above every number a channel can have: where players need whole or single numbers, a channel without one of its own
#: is known by its public id, this added.
ID_NUMBERS_FROM = 1_000_000


def shown_number(number: Decimal | float | None) -> str:
    """`7` or `7.1`; "" without one.

    >>> shown_number(Decimal("7.10"))
    '7.1'
    """
    if number is None:
        return ""
    whole = int(number)
    return str(whole) if whole == number else f"{number:.2f}".rstrip("0")
