"""When an account ends: read from every place and in every spelling portals use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from portals.providers.stalker.values import is_set, words

#: "Unlimited" and relatives: known, and without an end.
_ENDLESS = re.compile(r"(?i)^(unlimited|never|lifetime|безлимит\w*)$")
_DAYS = re.compile(r"\((\d{1,5})\s*\S*\)")
_UNIX = re.compile(r"^\d{9,11}$")
_NUMBERS = re.compile(r"^(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_ENGLISH = (
    "%B %d, %Y, %I:%M %p",
    "%B %d, %Y %I:%M %p",
    "%B %d, %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%d %b %Y",
)


def account_end(profile: Mapping[str, Any], main_info: Mapping[str, Any], now: datetime) -> datetime | None:
    """The end of the account; None when nothing says so, or it has none.

    The order is the reference's (section 5): the profile's own fields, then the account page, whose `phone` panels
    misuse for the expiry. A real phone number is no error.
    """
    for value in _places(profile, main_info):
        if not is_set(value):
            continue
        if _ENDLESS.match(words(value)):
            return None
        end = parse_date(value, now)
        if end is not None:
            return end
    return None


def parse_date(value: Any, now: datetime) -> datetime | None:
    """A date in any of the spellings seen; None when it is none. Times are taken as UTC: a day's end is what counts."""
    text = words(value, 80)
    if _UNIX.match(text):
        return _plausible(datetime.fromtimestamp(int(text), UTC))
    days = _DAYS.search(text)
    left = int(days.group(1)) if days else None
    bare = _DAYS.sub("", text).strip()
    match = _NUMBERS.match(bare)
    if match:
        return _from_numbers(match, left, now)
    for form in _ENGLISH:
        try:
            return _plausible(datetime.strptime(bare, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    return None


def _places(profile: Mapping[str, Any], main_info: Mapping[str, Any]) -> Iterable[Any]:
    for nest in (profile.get("account_info"), main_info.get("account_info")):
        if isinstance(nest, Mapping):
            yield nest.get("expire_date")
            yield nest.get("end_date")
    yield profile.get("expire_billing_date")
    yield profile.get("tariff_expired_date")
    yield main_info.get("end_date")
    yield main_info.get("expire_date")
    yield main_info.get("phone")


def _from_numbers(match: re.Match[str], left: int | None, now: datetime) -> datetime | None:
    """Year, month, day from three numbers. The count of days in parentheses decides between month and day first."""
    first, second, third = match.group(1, 3, 4)
    clock = [int(part or 0) for part in match.group(5, 6, 7)]
    if len(first) == 4:
        orders = [(int(first), int(second), int(third))]
    elif len(third) == 4:
        month_first = (int(third), int(first), int(second))
        day_first = (int(third), int(second), int(first))
        # Day first nearly everywhere; section 13 item 8 is the exception, and always brings its count of days.
        orders = [day_first, month_first]
    else:
        return None
    dates = [date for order in orders if (date := _date(order, clock)) is not None]
    if not dates:
        return None
    if left is not None:
        wanted = now + timedelta(days=left)
        dates.sort(key=lambda date: abs((date - wanted).total_seconds()))
    # A bare day lasts until its end.
    end = dates[0]
    return end + timedelta(days=1, seconds=-1) if match.group(5) is None else end


def _date(order: tuple[int, int, int], clock: list[int]) -> datetime | None:
    try:
        return _plausible(datetime(*order, tzinfo=UTC) + timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2]))
    except ValueError:
        return None


def _plausible(date: datetime) -> datetime | None:
    """Portals say 1970 or 9999 for "no end"."""
    return date if 2005 <= date.year <= 2090 else None
