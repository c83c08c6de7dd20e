"""From a relay key to the ordered list of (stream, subscription) that may carry it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from channels.models import Stream, StreamHealth
from channels.querysets import StreamQuerySet
from portals.models import Subscription
from streaming.errors import ChannelUnknown
from streaming.failover import Candidate


@dataclass(frozen=True, slots=True)
class Playable:
    """A candidate with its rows; portals are loaded."""

    candidate: Candidate
    stream: Stream
    subscription: Subscription


def channel_key(channel_id: int) -> str:
    """The relay key of a channel."""
    return f"channel:{channel_id}"


def any_key(channel_ids: Iterable[int]) -> str:
    """The relay key of several channels as one: the first that can be played, in this order, and on to the next."""
    return "any:" + ".".join(str(one) for one in channel_ids)


def stream_key(stream_id: int) -> str:
    """The relay key of a stream that no channel holds."""
    return f"stream:{stream_id}"


def candidates_for(key: str, *, preferred_stream: int = 0) -> list[Playable]:
    """Everything that may be tried for a key now, in the curator's order, bad ones last; empty when there is nothing.

    A stream counts while a portal offers it, with each subscription of the portal that sees it and may be used
    (enabled, not refused, rested, not expired). Two queries, whatever the size.

    Raises ChannelUnknown for what is no key.
    """
    streams = list(
        _streams(key).offered().filter(subscribed=True).select_related("portal", "link", "health").in_order()
    )
    if key.startswith("any:"):
        place = {pk: at for at, pk in enumerate(_channels_of(key))}
        streams.sort(key=lambda one: place[one.link.channel_id])
    # The curator's order stands, but what was bad a moment ago comes after what was not.
    now = timezone.now()
    streams.sort(key=lambda one: _is_bad(one, now))
    usable = Subscription.objects.usable().filter(portal__in={one.portal_id for one in streams})
    by_portal: dict[int, list[Subscription]] = defaultdict(list)
    for subscription in usable.select_related("portal"):
        by_portal[subscription.portal_id].append(subscription)
    return [
        Playable(
            Candidate(stream.pk, subscription.pk, stream.portal_id, preferred=stream.pk == preferred_stream),
            stream,
            subscription,
        )
        for stream in streams
        for subscription in by_portal[stream.portal_id]
        if not stream.offered_to or subscription.pk in stream.offered_to
    ]


def _is_bad(stream: Stream, now: datetime) -> bool:
    """Did it do so badly while it was watched that the others come first?"""
    health: StreamHealth | None = getattr(stream, "health", None)
    return health is not None and health.demoted_at(now)


def why_nothing(key: str) -> str:
    """The sentence for the owner when `candidates_for` is empty."""
    streams = _streams(key)
    if not streams.offered().exists():
        return "No enabled portal offers a stream of this channel any more."
    portals = {stream.portal for stream in streams.offered().select_related("portal")}
    states = Subscription.objects.filter(portal__in=portals, enabled=True)
    said = [f"{one.shown_name}: {one.last_error or one.get_state_display()}" for one in states]
    if not said:
        return "The portal of this channel has no subscription that is switched on."
    return "No subscription can carry this channel now. " + "; ".join(said[:5])


def _streams(key: str) -> StreamQuerySet:
    match = re.fullmatch(r"(channel|stream):(\d{1,18})", key)
    if match is None and re.fullmatch(r"any:\d{1,18}(\.\d{1,18})*", key):
        return Stream.objects.filter(link__channel_id__in=_channels_of(key))
    if match is None:
        raise ChannelUnknown(f"{key!r} names neither a channel nor a stream.")
    if match[1] == "channel":
        return Stream.objects.filter(link__channel_id=int(match[2]))
    return Stream.objects.filter(pk=int(match[2]))


def _channels_of(key: str) -> list[int]:
    return [int(one) for one in key.removeprefix("any:").split(".")]
