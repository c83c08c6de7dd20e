"""From one element of an XMLTV file to one record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import cast

from lxml import etree

from restreamer.lib.broadcasts import GuideChannelRecord, GuideRecord
from restreamer.lib.xmltv import BadTime, one_line, paragraphs, parse_time
from restreamer.lib.xmltv_write import JOBS

_MAX_ID = 300
_MAX_LINE = 500
_MAX_TEXT = 20_000
_MAX_ADDRESS = 2000
_MAX_LANG = 20
_MAX_NAMES = 40
_MAX_PEOPLE = 60
_MAX_CATEGORIES = 20
_MAX_NUMBERS = 8
_MAX_NUMBER = 120

_DATE = re.compile(r"\s*(\d{8}|\d{6}|\d{4})")

#: Children of one element by local name.
Children = Mapping[str, Sequence[etree._Element]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source wants to be read: the zone of times that have none, languages in order of preference."""

    default_zone: tzinfo
    languages: tuple[str, ...] = ()


def channel_record(element: etree._Element, reading: Reading) -> GuideChannelRecord:
    """A `channel` element. Names in preferred languages come first."""
    children = _children(element)
    names = [(child.get("lang", "").lower(), one_line(_text(child))[:_MAX_LINE]) for child in
             children.get("display-name", ())[:_MAX_NAMES]]  # fmt: skip
    names = sorted((pair for pair in names if pair[1]), key=lambda pair: _rank(pair[0], reading.languages))
    return GuideChannelRecord(
        id=one_line(element.get("id", ""))[:_MAX_ID],
        names=tuple(dict.fromkeys(name for _, name in names)),
        icon=_icon(children),
        lang=names[0][0][:_MAX_LANG] if names else "",
    )


def bare_record(element: etree._Element, reading: Reading) -> GuideRecord:
    """A `programme` element's attributes. A stop that cannot be read counts as missing.

    Raises BadTime when the start cannot be read.
    """
    return GuideRecord(
        channel_id=one_line(element.get("channel", ""))[:_MAX_ID],
        start=parse_time(element.get("start", ""), reading.default_zone),
        stop=_stop(element.get("stop", ""), reading.default_zone),
        title="",
    )


def fill(record: GuideRecord, element: etree._Element, reading: Reading) -> None:
    """What stands inside a `programme` element."""
    children = _children(element)
    title, lang = _chosen(children.get("title", ()), reading.languages)
    description, _ = _chosen(children.get("desc", ()), reading.languages)
    subtitle, _ = _chosen(children.get("sub-title", ()), reading.languages)
    record.title = one_line(title)[:_MAX_LINE]
    record.subtitle = one_line(subtitle)[:_MAX_LINE]
    record.description = paragraphs(description)[:_MAX_TEXT]
    record.lang = lang[:_MAX_LANG]
    record.icon = _icon(children)
    if "category" in children:
        record.categories = _categories(children["category"], reading.languages)
    if "episode-num" in children:
        record.episode_nums = _numbers(children["episode-num"])
    if "credits" in children:
        record.credits = _people(children["credits"][0])
    _fill_the_rare(record, children)


def read_inside(record: GuideRecord, inside: str) -> None:
    """What stands inside a `programme` element, from text of our own writing."""
    fill(record, etree.fromstring(f"<programme>{inside}</programme>"), Reading(UTC))


def _fill_the_rare(record: GuideRecord, children: Children) -> None:
    if "date" in children:
        date = _DATE.match(_text(children["date"][0]))
        record.date = date[1] if date else ""
    if "country" in children:
        record.country = one_line(_text(children["country"][0]))[:_MAX_LANG]
    if "rating" in children:
        record.ratings = tuple(_ratings(children["rating"]))
    if "star-rating" in children:
        record.star_rating = next((value for _, value in _ratings(children["star-rating"])), "")
    record.is_new = "new" in children
    record.is_repeat = "previously-shown" in children
    record.is_premiere = "premiere" in children


def _children(element: etree._Element) -> dict[str, list[etree._Element]]:
    grouped: dict[str, list[etree._Element]] = {}
    for child in element:
        tag = child.tag
        if tag[0] == "{":
            tag = tag[tag.index("}") + 1 :]
        grouped.setdefault(tag, []).append(child)
    return grouped


def _text(element: etree._Element) -> str:
    if len(element):
        return "".join(cast(Iterator[str], element.itertext()))
    return element.text or ""


def _chosen(elements: Sequence[etree._Element], languages: tuple[str, ...]) -> tuple[str, str]:
    """The text in the most preferred language that is not empty, else the first; and its language."""
    best = ("", "")
    best_rank = len(languages) + 1
    for element in elements:
        lang = element.get("lang", "").lower()
        rank = _rank(lang, languages)
        if rank < best_rank:
            text = _text(element)
            if text and not text.isspace():
                best, best_rank = (text, lang), rank
    return best


def _rank(lang: str, languages: tuple[str, ...]) -> int:
    """0 for the most preferred language; `de-AT` counts as `de`."""
    for rank, preferred in enumerate(languages):
        if lang == preferred or lang.startswith((preferred + "-", preferred + "_")):
            return rank
    return len(languages)


def _stop(text: str, zone: tzinfo) -> datetime | None:
    if not text:
        return None
    try:
        return parse_time(text, zone)
    except BadTime:
        return None


def _icon(children: Children) -> str:
    """The first picture that has an address."""
    for element in children.get("icon", ()):
        src = element.get("src", "").strip()
        if src:
            return src[:_MAX_ADDRESS]
    return ""


def _categories(elements: Iterable[etree._Element], languages: tuple[str, ...]) -> tuple[str, ...]:
    """Each genre once; those of the most preferred language that any of them is in, else all."""
    ranked = [(_rank(element.get("lang", "").lower(), languages), one_line(_text(element))) for element in elements]
    best = min(rank for rank, _ in ranked)
    chosen = (text[:_MAX_NUMBER] for rank, text in ranked if text and (rank == best or best == len(languages)))
    return tuple(dict.fromkeys(chosen))[:_MAX_CATEGORIES]


def _numbers(elements: Sequence[etree._Element]) -> dict[str, str]:
    numbers: dict[str, str] = {}
    for element in elements[:_MAX_NUMBERS]:
        text = one_line(_text(element))[:_MAX_NUMBER]
        if text:
            numbers.setdefault(element.get("system", "onscreen")[:40], text)
    return numbers


def _people(credits: etree._Element) -> dict[str, tuple[str, ...]]:
    people: dict[str, tuple[str, ...]] = {}
    for job, elements in _children(credits).items():
        if job in JOBS:
            # Only the text in front of the first child: newer guides put pictures and addresses inside.
            named = ((one_line(element.text or ""), one_line(element.get("role", ""))) for element in elements)
            people[job] = tuple(
                (f"{name}|{role}" if role else name)[:_MAX_LINE] for name, role in named if name
            )[:_MAX_PEOPLE]  # fmt: skip
    return {job: names for job, names in people.items() if names}


def _ratings(elements: Iterable[etree._Element]) -> Iterable[tuple[str, str]]:
    for element in elements:
        value = next((one_line(_text(child)) for child in _children(element).get("value", ())), "")
        if value:
            yield element.get("system", "")[:80], value[:80]
