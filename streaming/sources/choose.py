"""Which source plays an address."""

from __future__ import annotations

from portals.providers.records import PlayUrl
from streaming.sources.base import Source
from streaming.sources.http import HttpSource


def source_for(play: PlayUrl) -> Source:
    """A source for what a provider's play order resolved to; nothing is opened yet."""
    return HttpSource(play)
