"""The XMLTV format: its times, what its texts may hold, and how an element is written.

Source: xmltv.dtd 1.2 and reference m3u-and-xmltv.md, sections 3 and 4.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from restreamer.lib.errors import InvalidInput


class BadTime(InvalidInput):
    """A text that is no XMLTV time."""


# --- times -----------------------------------------------------------------------------------------------------------

#: Zone names guides write, in minutes east of Greenwich. A name that means two zones has the one European and American
#: guides mean (BST is British summer, IST is India, CST is Chicago).
_ZONE_MINUTES = {
    **dict.fromkeys(("Z", "UT", "UTC", "GMT", "WET", "AZOST"), 0),
    **dict.fromkeys(("BST", "WEST", "CET", "MEZ", "WAT"), 60),
    **dict.fromkeys(("CEST", "MESZ", "EET", "SAST", "CAT"), 120),
    **dict.fromkeys(("EEST", "MSK", "TRT", "EAT"), 180),
    **dict.fromkeys(("GST", "MSD", "SAMT"), 240),
    **dict.fromkeys(("PKT", "YEKT", "UZT"), 300),
    "IRST": 210, "IST": 330, "NPT": 345, "BDT": 360, "ICT": 420, "WIB": 420, "HKT": 480, "SGT": 480, "AWST": 480,
    "JST": 540, "KST": 540, "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
    "NST": -210, "NDT": -150, "AST": -240, "ADT": -180, "BRT": -180, "ART": -180, "CLT": -240, "CLST": -180,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "AKST": -540, "AKDT": -480, "HST": -600,
}  # fmt: skip

_TIME = re.compile(r"\s*(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d))?)?)?\d*(?:\.\d*)?\s*(.*?)\s*\Z", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d\d)?\Z", re.IGNORECASE | re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


@lru_cache(maxsize=512)
def zone(text: str) -> tzinfo | None:
    """The zone a guide means by `+0100`, `+01:00`, `Z` or `CEST`; None when nobody knows."""
    match = _OFFSET.match(text)
    if match:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        # Real offsets end at +14:00; a larger number is a typing error, not a zone.
        return _fixed(-minutes if match[1] == "-" else minutes) if minutes <= 14 * 60 else None
    minutes_east = _ZONE_MINUTES.get(text.upper())
    return None if minutes_east is None else _fixed(minutes_east)


def parse_time(text: str, default_zone: tzinfo = UTC) -> datetime:
    """The moment in UTC. Any prefix of `YYYYMMDDhhmmss` down to the day is read, with or without a zone.

    A time without a zone, or with one nobody knows, is in `default_zone`.

    Raises BadTime.
    """
    match = _TIME.match(text)
    if match is None:
        raise BadTime(f"{text[:40]!r} is no XMLTV time.")
    year, month, day, hour, minute, second, zone_text = match.groups()
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        raise BadTime(f"{text[:40]!r} lies outside all calendars of television.")
    hours, seconds = int(hour or 0), int(second or 0)
    in_zone = (zone(zone_text) if zone_text else None) or default_zone
    try:
        # Guides write 24:00:00 for midnight and :60 for a full minute; both are sums, not errors.
        moment = datetime(int(year), int(month), int(day), 0, int(minute or 0), tzinfo=in_zone)
    except ValueError as err:
        raise BadTime(f"{text[:40]!r} is no date of the calendar.") from err
    if hours > 24 or seconds > 60:
        raise BadTime(f"{text[:40]!r} is no time of day.")
    # Added on the wall clock, then moved to UTC: 03:00 on the day clocks change is 03:00.
    return (moment + timedelta(hours=hours, seconds=seconds)).astimezone(UTC)


def format_time(moment: datetime) -> str:
    """`20260101200000 +0000`: always with a zone, always UTC."""
    return f"{moment.astimezone(UTC):%Y%m%d%H%M%S} +0000"


@lru_cache(maxsize=4096)
def _fixed(minutes_east: int) -> tzinfo:
    return UTC if minutes_east == 0 else timezone(timedelta(minutes=minutes_east))


# --- texts -----------------------------------------------------------------------------------------------------------

#: Everything XML 1.0 forbids (section 2.2, production Char): one of them makes a whole file unreadable.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"\s+")
_LINE_SPACES = re.compile(r"[^\S\n]+")
_MANY_LINES = re.compile(r" ?\n[\s]*")
#: Markup found in descriptions. Only real HTML names: `<3` and `<Live>` are words of a title.
_TAG = re.compile(
    r"</?(?:a|b|i|u|s|p|br|em|strong|span|div|font|li|ul|ol|small|big|sup|sub|h[1-6]|img|tt|center|hr|td|tr|table)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/p|/div|/li)\s*/?>", re.IGNORECASE)


def legal(text: str) -> str:
    """The text without characters XML cannot hold."""
    return text if text.isprintable() else _ILLEGAL.sub("", text)


def one_line(text: str) -> str:
    """Plain text on one line: entities escaped twice undone, HTML tags gone, spaces collapsed."""
    if _is_plain(text):
        return text.strip()
    return _SPACES.sub(" ", _without_markup(text)).strip()


def paragraphs(text: str) -> str:
    """Plain text that keeps its line breaks."""
    if _is_plain(text):
        return text.strip()
    text = _LINE_SPACES.sub(" ", _without_markup(text).replace("\r\n", "\n").replace("\r", "\n"))
    return _MANY_LINES.sub("\n", text).strip()


def _is_plain(text: str) -> bool:
    """Nothing to do: the answer for nine texts of ten, at a tenth of the price of asking each pattern."""
    return text.isprintable() and "&" not in text and "<" not in text and "  " not in text


def _without_markup(text: str) -> str:
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", text))
    return legal(text)
