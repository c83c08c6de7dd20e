"""Writes XMLTV elements, each the way the DTD and the strictest readers want it.

Source: xmltv.dtd 1.2, tv_validate_file, reference m3u-and-xmltv.md section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from restreamer.lib.broadcasts import GuideRecord
from restreamer.lib.genres import with_english_first
from restreamer.lib.xmltv import legal

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n'
    '<tv generator-info-name="Restreamer">\n'
)  # fmt: skip
TAIL = "</tv>\n"

#: The DTD's order of `credits`.
JOBS = (
    "director", "actor", "writer", "adapter", "producer", "composer", "editor", "presenter", "commentator", "guest",
)  # fmt: skip
_SPACES = re.compile(r"\s+")
_NS = re.compile(r"(?:\s*\d*\s*(?:/\s*\d+\s*)?\.){2}\s*\d*\s*(?:/\s*\d+\s*)?\Z")
_STARS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)\s*\Z")
_DATE = re.compile(r"\d{4}(?:\d\d(?:\d\d)?)?\Z", re.ASCII)


def escape(text: str) -> str:
    """Text for the inside of an element."""
    if not text.isprintable():
        text = legal(text)
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    return text.replace(">", "&gt;") if ">" in text else text


def escape_attribute(text: str) -> str:
    """Text for the inside of a double-quoted attribute. Line ends become spaces, as a parser would make them anyway."""
    text = escape(text if text.isprintable() else _SPACES.sub(" ", legal(text)))
    return text.replace('"', "&quot;") if '"' in text else text


def element(name: str, text: str, **attributes: str) -> str:
    """`<name key="value">text</name>`; nothing when the text is empty, because validators refuse empty elements."""
    inner = escape(text).strip()
    if not inner:
        return ""
    return f"<{name}{_written(attributes)}>{inner}</{name}>"


def empty_element(name: str, **attributes: str) -> str:
    """`<name key="value"/>`."""
    return f"<{name}{_written(attributes)}/>"


def channel_element(guide_id: str, names: Iterable[str], icon: str = "") -> str:
    """A `channel` with at least one name."""
    shown = "".join(element("display-name", name) for name in names) or element("display-name", guide_id)
    picture = empty_element("icon", src=icon) if is_address(icon) else ""
    return f'<channel id="{escape_attribute(guide_id)}">{shown}{picture}</channel>\n'


def behind_description(record: GuideRecord, season: int | None = None, episode: int | None = None) -> str:
    """All a `programme` holds after `desc`, in the DTD's order. Season and episode count from one."""
    parts = [
        _credits(record.credits),
        element("date", record.date) if _DATE.match(record.date) else "",
        *(element("category", category) for category in with_english_first(record.categories)),
        empty_element("icon", src=record.icon) if is_address(record.icon) else "",
        element("country", record.country),
        *_numbers(record.episode_nums, season, episode),
        "<previously-shown/>" if record.is_repeat else "",
        "<premiere/>" if record.is_premiere else "",
        "<new/>" if record.is_new else "",
        *(_rating(system, value) for system, value in record.ratings),
        _stars(record.star_rating),
    ]
    return "".join(parts)


def is_address(text: str) -> bool:
    """Is it an address a player can fetch? Guides also name files of their maker's disk."""
    return text.startswith(("http://", "https://"))


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f' {key}="{escape_attribute(value)}"' for key, value in attributes.items() if value)


def _credits(people: Mapping[str, tuple[str, ...]]) -> str:
    if not people:
        return ""
    inner = "".join(_person(job, named) for job in JOBS for named in people.get(job, ()))
    return f"<credits>{inner}</credits>" if inner else ""


def _person(job: str, named: str) -> str:
    if job != "actor":
        return element(job, named)
    name, _, role = named.partition("|")
    return element(job, name, role=role)


def _numbers(nums: Mapping[str, str], season: int | None, episode: int | None) -> Iterable[str]:
    """As sent, and both common systems whenever the episode is known at all: readers know one or the other."""
    ns = nums.get("xmltv_ns", "")
    if ns and _NS.match(ns):
        yield element("episode-num", ns, system="xmltv_ns")
    elif episode is not None:
        yield element("episode-num", f"{season - 1 if season else ''}.{episode - 1}.", system="xmltv_ns")
    if nums.get("onscreen", ""):
        yield element("episode-num", nums["onscreen"], system="onscreen")
    elif episode is not None:
        yield element("episode-num", (f"S{season:02}" if season else "") + f"E{episode:02}", system="onscreen")
    for system, text in nums.items():
        if system not in ("xmltv_ns", "onscreen"):
            yield element("episode-num", text, system=system)


def _rating(system: str, value: str) -> str:
    inner = element("value", value)
    return f"<rating{_written({'system': system})}>{inner}</rating>" if inner else ""


def _stars(text: str) -> str:
    """Out of ten, because the strictest reader shows tenths; nothing when the scale is unknown."""
    match = _STARS.match(text)
    if match is None or float(match[2]) <= 0 or float(match[1]) > float(match[2]):
        return ""
    return f"<star-rating><value>{float(match[1]) * 10 / float(match[2]):.3g}/10</value></star-rating>"
