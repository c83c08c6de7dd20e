"""Channels as a network tuner numbers them, and how many tuners it has.

Clients know a channel by its number for ever, so numbers are never positions in a list: a channel without a number, or
with one that an older channel of the same choice has already, is known by its public id, a million added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Sum

from channels.models import Channel
from channels.numbers import ID_NUMBERS_FROM
from channels.querysets import ChannelQuerySet
from portals.models import Subscription
from streaming.errors import ChannelUnknown
from streaming.tuner_devices import TunerDevice
from streaming.visible import HIGHEST_ID, Sight

#: Clients try two or three connections at once when they begin: a tuner fewer makes them fail.
LEAST_TUNERS = 2
#: What is said when nothing limits.
USUAL_TUNERS = 6
MOST_TUNERS = 255

_NUMBER = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,2})?")


def numbered(channels: ChannelQuerySet) -> Iterator[tuple[str, Channel]]:
    """The channels in their order, each with a number that no other has."""
    owners = _owners(channels)
    for channel in channels.select_related("group").iterator(chunk_size=2000):
        number = channel.shown_number
        own = number and owners.get(number) == channel.pk
        yield number if own else str(ID_NUMBERS_FROM + channel.pk), channel


def tuned(sight: Sight, device: TunerDevice, number: str) -> Channel:
    """The channel that this device lists under the number. Raises ChannelUnknown."""
    if not _NUMBER.fullmatch(number):
        raise ChannelUnknown(f"{number[:20]!r} is no channel number.")
    channels = sight.channels(device.lineup)
    value = Decimal(number)
    if value > ID_NUMBERS_FROM and value == int(value):
        found = channels.filter(pk=min(int(value) - ID_NUMBERS_FROM, HIGHEST_ID)).first()
    else:
        column = "lineup_number" if "lineup_number" in channels.query.annotations else "number"
        found = channels.filter(**{column: value}).order_by("id").first()
    if found is None:
        raise ChannelUnknown(f"{device.name} has no channel {number}.")
    return found


def tuner_count(device: TunerDevice) -> int:
    """What clients may expect to run at once: the device's own word, else the lesser of viewer and providers."""
    if device.tuners:
        return min(device.tuners, MOST_TUNERS)
    limits = [limit for limit in (device.viewer.connections, _provider_streams()) if limit]
    return min(max(min(limits, default=USUAL_TUNERS), LEAST_TUNERS), MOST_TUNERS)


def _provider_streams() -> int:
    """Streams at once over all usable subscriptions; 0 when one of them has no limit, or there is none."""
    usable = Subscription.objects.usable()
    if usable.filter(streams=0).exists():
        return 0
    return int(usable.aggregate(total=Sum("streams"))["total"] or 0)


def _owners(channels: ChannelQuerySet) -> dict[str, int]:
    """Which channel keeps a number that several have: the oldest."""
    column = "lineup_number" if "lineup_number" in channels.query.annotations else "number"
    owners: dict[str, int] = {}
    for pk, number in channels.order_by("id").values_list("pk", column).iterator(chunk_size=5000):
        if number is not None:
            owners.setdefault(Channel(number=number).shown_number, pk)
    return owners
