"""A channel is born by copying a stream once, by the rules of its genre."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from channels.models import Channel, ChannelStream, Group, Stream
from portals.models import Portal, PublicIdCounter


class Births:
    """Gives new streams of one portal their channels."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._groups: dict[str, int] = {}

    def give(self, born: Sequence[Stream]) -> list[int]:
        """A channel for each stream; returns the new public ids, in the streams' order."""
        ids = PublicIdCounter.take(len(born))
        Channel.objects.bulk_create([self._channel(i, s) for i, s in zip(ids, born, strict=True)])
        ChannelStream.objects.bulk_create(
            [ChannelStream(channel_id=i, stream=s) for i, s in zip(ids, born, strict=True)]
        )
        return list(ids)

    def _channel(self, public_id: int, stream: Stream) -> Channel:
        return Channel(
            id=public_id,
            name=stream.name,
            number=as_number(stream.number),
            group_id=self._group(stream.genre.name) if stream.genre else None,
            logo=stream.logo,
            guide_id=stream.guide_id,
            enabled=self.portal.enable_new and stream.subscribed,
            is_radio=stream.is_radio,
            adult=stream.censored,
        )

    def _group(self, name: str) -> int:
        if name not in self._groups:
            self._groups[name] = Group.objects.get_or_create(name=name[:200])[0].pk
        return self._groups[name]


def as_number(text: str) -> Decimal | None:
    """The portal's channel number, when it is one a player can show (above 0, below 1,000,000, two decimals)."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or not 0 < number < 1_000_000:
        return None
    return number.quantize(Decimal("0.01"))
