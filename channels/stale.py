"""Removes what no portal has offered for a long time, unless somebody cares for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from channels.lineups import LineupEntry
from channels.models import Channel, GenreMap, Merge, Stream
from channels.provider_says import said_by
from guide.icons import icons_of
from guide.matchmaking import MATCHER
from guide.models import Decision, GuideMatch
from portals.models import Portal

_BATCH = 500


def remove_stale(now: datetime) -> int:
    """Remove streams that were gone for their portal's number of days, with their channels; returns how many.

    A channel stays when a curator may have touched it: whatever differs from its birth, what is merged, matched or
    chosen by hand. When its portal offers it again, it is itself.
    """
    return sum(_remove_of(portal, now) for portal in Portal.objects.filter(remove_stale_days__gt=0))


def _remove_of(portal: Portal, now: datetime) -> int:
    since = now - timedelta(days=portal.remove_stale_days)
    stale = Stream.objects.filter(portal=portal, stale_since__lt=since).order_by("pk")
    removed, last = 0, 0
    while True:
        batch = list(stale.filter(pk__gt=last).select_related("genre__map__group", "link__channel__group")[:_BATCH])
        if not batch:
            return removed
        last = batch[-1].pk
        removed += _remove(portal, batch)


@transaction.atomic
def _remove(portal: Portal, batch: list[Stream]) -> int:
    with_channel = [stream for stream in batch if hasattr(stream, "link")]
    with_ids = [stream.link.channel_id for stream in with_channel]
    kept_by_hand, icons = _chosen(with_ids), icons_of(with_ids)
    doomed = [stream for stream in batch if not hasattr(stream, "link")]
    doomed += [s for s in with_channel if s.link.channel_id not in kept_by_hand and _as_born(portal, s, icons)]
    channels = [stream.link.channel_id for stream in doomed if hasattr(stream, "link")]
    Stream.objects.filter(pk__in=[stream.pk for stream in doomed], stale_since__isnull=False).delete()
    Channel.objects.filter(pk__in=channels, links__isnull=True).delete()
    return len(doomed)


def _chosen(channel_ids: list[int]) -> set[int]:
    """Channels with more than one stream, or that somebody has merged, matched or put into a lineup."""
    channels = Channel.objects.filter(pk__in=channel_ids)
    by_hand: list[Iterable[int]] = [
        channels.annotate(n=Count("links")).filter(n__gt=1).order_by().values_list("pk", flat=True),
        Merge.objects.filter(stays__in=channel_ids)
        .exclude(state=Merge.State.OPEN)
        .order_by()
        .values_list("stays_id", flat=True),
        GuideMatch.objects.filter(channel_id__in=channel_ids)
        .exclude(decision=Decision.PROPOSED)
        .exclude(decided_by=MATCHER)
        .order_by()
        .values_list("channel_id", flat=True),
        LineupEntry.objects.filter(channel__in=channel_ids).order_by().values_list("channel_id", flat=True),
    ]
    return {pk for found in by_hand for pk in found}


def _as_born(portal: Portal, stream: Stream, icons: Mapping[int, str]) -> bool:
    """Is the stream's channel still what its birth made of it? A logo its guide gave it is nobody's choice."""
    channel, genre = stream.link.channel, stream.genre
    rules: GenreMap | None = getattr(genre, "map", None) if genre else None
    if rules is None or rules.show == GenreMap.Show.PORTAL:
        shown = portal.enable_new and stream.subscribed
    else:
        shown = rules.show == GenreMap.Show.YES and stream.subscribed
    said = said_by(stream)
    logo = said.logo or icons.get(channel.pk, "")
    return (
        (channel.name, channel.guide_id, channel.enabled) == (said.name, said.guide_id, shown)
        and channel.logo in (said.logo, logo)
        and not channel.favourite
        and str(channel.group or "") == said.group
        and (said.counted or channel.number == said.number)
    )
