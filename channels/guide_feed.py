"""What the guide room hears of our channels: those viewers see, by every name and id they are known by."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from django.db.models import QuerySet

from channels.models import Channel, ChannelStream
from guide.feeds import portal_guide_id
from guide.records import ChannelFacts
from portals.models import Portal, PortalKind

_COLUMNS = (
    "channel_id",
    "channel__name",
    "channel__guide_id",
    "channel__number",
    "stream__name",
    "stream__guide_id",
    "stream__provider_id",
    "stream__portal_id",
)


def shown_channels() -> Iterator[ChannelFacts]:
    """Enabled channels that a portal still offers. Two queries, read in pieces."""
    links: QuerySet[ChannelStream] = ChannelStream.objects.filter(
        channel__enabled=True, stream__stale_since__isnull=True, stream__portal__enabled=True
    )
    own_guides = {portal.pk: portal for portal in Portal.objects.filter(kind=PortalKind.STALKER)}
    rows = links.order_by("channel_id", "rank", "id").values_list(*_COLUMNS).iterator(chunk_size=2000)
    for channel_id, group in groupby(rows, key=lambda row: row[0]):
        streams = list(group)
        _, name, guide_id, number, *_ = streams[0]
        yield ChannelFacts(
            id=channel_id,
            name=name,
            guide_id=guide_id or next((row[5] for row in streams if row[5]), ""),
            number=Channel(number=number).shown_number,
            other_names=tuple(dict.fromkeys(row[4] for row in streams if row[4] != name)),
            own_ids=tuple(portal_guide_id(own_guides[row[7]], row[6]) for row in streams if row[7] in own_guides),
        )
