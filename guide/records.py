"""What travels between the guide and its neighbours: plain records, never rows."""

from __future__ import annotations

from dataclasses import dataclass

from restreamer.lib.broadcasts import GuideChannelRecord, GuideRecord
from restreamer.lib.xmltv import legal

__all__ = ["ChannelFacts", "GuideChannelRecord", "GuideRecord", "GuideRef", "key_of"]


def key_of(guide_id: str) -> str:
    """What guide ids are compared by: guides disagree with themselves on case and on blanks at the ends."""
    return legal(guide_id).strip().casefold()


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One of our channels as the guide needs to know it; handed in by the rooms above."""

    id: int
    name: str
    #: The xmltv id it has or was offered with; empty = none.
    guide_id: str = ""
    number: str = ""
    #: ISO code, when the portal or group says it.
    country: str = ""
    #: Other names of the same channel (its streams').
    other_names: tuple[str, ...] = ()
    #: Ids under which the guides of its own portals know it (guide.feeds.portal_guide_id).
    own_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuideRef:
    """Where a channel's broadcasts are read: an id, perhaps of one source only, and the channel's own shift."""

    guide_id: str
    shift_minutes: int = 0
    source_id: int | None = None
