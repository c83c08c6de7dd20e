"""One broadcast and its channel as any guide tells them: XMLTV, a portal's own guide, an Xtream login, a template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class GuideChannelRecord:
    """A channel a guide announces. `id` is the guide's own id; names come in the guide's order, best first."""

    id: str
    names: tuple[str, ...] = ()
    icon: str = ""
    lang: str = ""


@dataclass(slots=True)
class GuideRecord:
    """One broadcast. Times are aware; `stop` is None when the guide does not say.

    Texts are plain: no markup, no entities. Not frozen, because a guide has a million of them and a frozen one takes
    three times as long to make; nobody changes one after it was handed on.
    """

    channel_id: str
    start: datetime
    stop: datetime | None
    title: str
    subtitle: str = ""
    description: str = ""
    lang: str = ""
    categories: tuple[str, ...] = ()
    icon: str = ""
    #: First aired: YYYYMMDD or YYYY.
    date: str = ""
    country: str = ""
    #: Numbering system -> text as sent: `{"xmltv_ns": "0.4.", "onscreen": "S01E05"}`.
    episode_nums: Mapping[str, str] = field(default_factory=dict)
    #: Job -> people in order; an actor with a role is "Name|Role".
    credits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Pairs of system and value: ("FSK", "12").
    ratings: tuple[tuple[str, str], ...] = ()
    #: "7.5/10".
    star_rating: str = ""
    is_new: bool = False
    is_repeat: bool = False
    is_premiere: bool = False
