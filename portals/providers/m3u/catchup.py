"""Catch-up of playlist entries: what an entry offers, and the address of one piece of its archive.

Source: reference m3u-and-xmltv.md 1.4, the modes and placeholders that the strictest client understands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from portals import errors
from portals.providers.m3u.identity import panel_address
from portals.providers.m3u.sentences import Say

_MODES = frozenset({"default", "append", "shift", "flussonic", "flussonic-hls", "flussonic-ts", "fs", "xc", "vod"})
_OFF = frozenset({"", "0", "no", "none", "false", "off", "disabled"})
#: What the strict client assumes when a list offers catch-up without saying how far back.
_USUAL_DAYS = 5.0
_MOST_DAYS = 60.0

_PLACEHOLDER = re.compile(r"\$?\{([A-Za-z][A-Za-z-]*)(?::([^}]*))?\}")
_FLUSSONIC = re.compile(r"(https?://[^/]+/.+)/([^/?]*?)(mpegts|\.m3u8)(\?.*)?")
_FLUSSONIC_BARE = re.compile(r"(https?://[^/]+/.+?)/?(\?.*)?")
_DATE_LETTERS = {"Y": "%Y", "m": "%m", "d": "%d", "H": "%H", "M": "%M", "S": "%S"}
_TIMES = {
    "utc": "start", "start": "start", "utcend": "end", "end": "end", "lutc": "now", "now": "now", "timestamp": "now",
}  # fmt: skip


#: Without one of these nothing is offered.
_TELLING = frozenset({"catchup", "catchup-type", "catchup-source", "catchup-days", "timeshift", "tvg-rec"})


@dataclass(frozen=True, slots=True)
class Catchup:
    """What one entry offers."""

    mode: str
    source: str
    days: float
    correction_hours: float


@dataclass(frozen=True, slots=True)
class Moment:
    """The piece wanted, and when it is asked for. All three are aware."""

    start: datetime
    end: datetime
    now: datetime
    #: What `{Y}-{m}-{d}` is meant in.
    zone: tzinfo
    programme_id: str = ""


def offered(attributes: Mapping[str, str], header: Mapping[str, str]) -> Catchup | None:
    """What an entry offers, the list's header filling in; None without catch-up."""
    # Most entries of most lists say nothing of it.
    if _TELLING.isdisjoint(attributes) and _TELLING.isdisjoint(header):
        return None
    mode = _first(attributes, header, "catchup", "catchup-type").lower()
    source = _first(attributes, header, "catchup-source")
    days = _days(attributes, header)
    if mode in _OFF:
        if mode or not days:
            return None
        mode = "shift"  # `timeshift` or `tvg-rec` alone
    elif mode not in _MODES:
        mode = "default" if source else "shift"
    if mode in ("default", "append", "vod") and not source:
        return None
    correction = _number(_first(attributes, header, "catchup-correction"))
    return Catchup(mode, source, min(days or _USUAL_DAYS, _MOST_DAYS), correction)


def archive_url(url: str, mode: str, source: str, moment: Moment) -> str:
    """The address of the piece.

    Raises ItemRefused when the mode cannot reach it from this address.
    """
    if "{catchup-id}" in source and not moment.programme_id:
        raise errors.ItemRefused(Say.ARCHIVE_NEEDS_GUIDE.of())
    template = _template(url, mode, source)
    if template is None:
        raise errors.ItemRefused(Say.NO_ARCHIVE.of())
    return _PLACEHOLDER.sub(lambda match: _filled(match, moment), template)


def _template(url: str, mode: str, source: str) -> str | None:
    if mode in ("default", "vod"):
        return source if "://" in source else _appended(url, source)
    if mode == "append":
        return _appended(url, source)
    if mode == "xc":
        return _xtream(url)
    if mode == "shift":
        return _appended(url, source or "?utc={utc}&lutc={lutc}")
    return _flussonic(url, mode)


def _appended(url: str, suffix: str) -> str:
    """The suffix behind the address; its first `?` or `&` suits what is there already."""
    if suffix[:1] in ("?", "&"):
        suffix = ("&" if "?" in url else "?") + suffix[1:]
    return url + suffix


def _xtream(url: str) -> str | None:
    parts = panel_address(url)
    if parts is None:
        return None
    before, _, _ = url.partition(f"/{parts.number}")
    root, user, password = before.rsplit("/", 2)
    root = root.removesuffix("/live")
    ending = ".m3u8" if parts.ending == ".m3u8" else ".ts"
    return f"{root}/timeshift/{user}/{password}/{{duration:60}}/{{Y}}-{{m}}-{{d}}:{{H}}-{{M}}/{parts.number}{ending}"


def _flussonic(url: str, mode: str) -> str | None:
    match = _FLUSSONIC.fullmatch(url)
    if match:
        channel, list_name, form, query = match[1], match[2], match[3], match[4] or ""
        if form == "mpegts":
            return f"{channel}/timeshift_abs-${{start}}.ts{query}"
        prefix = "" if list_name in ("index", "video", "") else f"{list_name}-"
        return f"{channel}/{prefix}timeshift_rel-{{offset:1}}.m3u8{query}"
    bare = _FLUSSONIC_BARE.fullmatch(url)
    if bare is None:
        return None
    if mode == "flussonic-ts":
        return f"{bare[1]}/timeshift_abs-${{start}}.ts{bare[2] or ''}"
    return f"{bare[1]}/timeshift_rel-{{offset:1}}.m3u8{bare[2] or ''}"


def _filled(match: re.Match[str], moment: Moment) -> str:
    name, form = match[1], match[2] or ""
    if name in _DATE_LETTERS and not form:
        return moment.start.astimezone(moment.zone).strftime(_DATE_LETTERS[name])
    if name == "catchup-id":
        return moment.programme_id
    if name == "duration":
        return _divided((moment.end - moment.start).total_seconds(), form)
    if name == "offset":
        return _divided((moment.now - moment.start).total_seconds(), form)
    if name in _TIMES:
        when: datetime = getattr(moment, _TIMES[name])
        if form:
            local = when.astimezone(moment.zone)
            return re.sub("[YmdHMS]", lambda letter: local.strftime(_DATE_LETTERS[letter[0]]), form)
        return str(int(when.timestamp()))
    return match[0]


def _divided(seconds: float, divisor: str) -> str:
    """Whole units, never less than one of a positive time."""
    unit = int(divisor) if divisor.isdecimal() and int(divisor) else 1
    return str(max(int(seconds) // unit, 1 if seconds > 0 else 0))


def corrected(start: datetime, hours: float) -> datetime:
    """The start as the provider's archive counts it."""
    return (start + timedelta(hours=hours)).astimezone(UTC)


def _days(attributes: Mapping[str, str], header: Mapping[str, str]) -> float:
    for key in ("catchup-days", "timeshift", "tvg-rec"):
        days = _number(attributes.get(key, ""))
        if days > 0:
            return days
    return max(_number(header.get("catchup-days", "")), 0.0)


def _first(attributes: Mapping[str, str], header: Mapping[str, str], *keys: str) -> str:
    for place in (attributes, header):
        for key in keys:
            if key in place:
                return place[key].strip()
    return ""


def _number(text: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return 0.0
    return value if abs(value) < 10_000 else 0.0
