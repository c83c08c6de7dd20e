"""A channel is born by copying a stream once, by the rules of its genre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from channels.models import Channel, ChannelStream, Group
from portals import bulk
from portals.models import Genre, Portal, PublicIdCounter

_CHANNEL = ("id", "name", "number", "group", "logo", "guide_id", "enabled", "is_radio", "adult", "created_at")
_LINK = ("channel", "stream", "rank")


@dataclass(slots=True)
class NewStream:
    """A stream row in the making; a model instance would cost as much as storing it."""

    provider_id: str
    name: str
    number: str
    genre: Genre | None
    logo: str
    guide_id: str
    cmd: str
    is_radio: bool
    censored: bool
    subscribed: bool
    archive_hours: int
    #: JSON as the database takes it.
    provider_data: Any
    offered_to: Any
    position: int
    fingerprint: str
    pk: int = 0


class Births:
    """Gives new streams of one portal their channels."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self._groups: dict[str, int] = {}

    def give(self, born: Sequence[NewStream]) -> list[int]:
        """A channel for each stream; returns the new public ids, in the streams' order."""
        ids = PublicIdCounter.take(len(born))
        now = bulk.prepared(timezone.now())
        bulk.insert(Channel, _CHANNEL, [self._channel(i, s, now) for i, s in zip(ids, born, strict=True)])
        bulk.insert(ChannelStream, _LINK, [(i, s.pk, 0) for i, s in zip(ids, born, strict=True)])
        return list(ids)

    def _channel(self, public_id: int, stream: NewStream, now: Any) -> tuple[Any, ...]:
        number = as_number(stream.number)
        return (
            public_id,
            stream.name,
            bulk.prepared(number) if number is not None else None,
            self._group(stream.genre.name) if stream.genre else None,
            stream.logo,
            stream.guide_id,
            self.portal.enable_new and stream.subscribed,
            stream.is_radio,
            stream.censored,
            now,
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
