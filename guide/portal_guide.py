"""The guide a Stalker portal tells itself, as a guide's records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from guide.feeds import Item, portal_guide_id
from guide.records import GuideChannelRecord, GuideRecord
from guide.wanted import our_channels
from portals.models import Portal
from portals.providers.registry import bulk_guide_provider_for


def items(portal: Portal, start: datetime, stop: datetime) -> Iterator[Item]:
    """What the portal tells from now to `stop`; ids are the portal's own. It tells nothing of what is over.

    A portal that has to be asked channel by channel is asked for those our viewers see. Raises PortalError.
    """
    ending = portal_guide_id(portal, "")
    names = {
        own_id.removesuffix(ending): channel.name
        for channel in our_channels()
        for own_id in channel.own_ids
        if own_id.endswith(ending)
    }
    for told in bulk_guide_provider_for(portal).guide(stop, names.keys()):
        if told.programmes:
            name = names.get(told.provider_id, "")
            yield GuideChannelRecord(told.provider_id, (name,) if name else ())
        for one in told.programmes:
            yield GuideRecord(
                told.provider_id, one.start, one.stop, one.title, description=one.description, lang=one.language
            )
