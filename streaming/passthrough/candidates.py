"""From a viewing's key to what may be tried for it: offers of a title, or the archives of a channel's streams."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from django.db.models import Max

from channels.models import Stream
from channels.querysets import StreamQuerySet
from guide.matchmaking import refs_of
from guide.models import Programme
from portals.models import Portal, Subscription
from portals.providers.base import Provider
from portals.providers.records import PlayUrl
from portals.providers.vod_records import ArchiveProvider, ArchiveWindow
from streaming.errors import TitleUnknown
from vod.offers import PlayOffer, episode_offers, movie_offers

_TITLE = re.compile(r"(movie|episode):(\d{1,10})(?:\.(\d{1,18}))?:[0-9a-f]+")
_ARCHIVE = re.compile(r"archive:(\d{1,10})\.(\d{1,11})\.(\d{1,4}):[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One subscription with what to ask its portal for."""

    #: Names offer and subscription: equal keys are the same way to the same file.
    key: str
    subscription: Subscription
    #: Asks the portal: addresses that may hold it, the likeliest first.
    addresses: Callable[[Provider], list[PlayUrl]]
    #: What its refusals are counted under, see portals.standing.
    refused_id: int
    container: str = ""
    #: A piece of an archive: its portal's layout is worth remembering.
    is_archive: bool = False


def title_key(kind: str, public_id: int, offer_id: int | None, who: str) -> str:
    """The key of one player's viewing of a movie or an episode; `offer_id` names an offer to try first."""
    return f"{kind}:{public_id}{f'.{offer_id}' if offer_id else ''}:{who}"


def archive_key(channel_id: int, start: datetime, minutes: int, who: str) -> str:
    """The key of one player's viewing of a piece of a channel's past."""
    return f"archive:{channel_id}.{int(start.timestamp())}.{minutes}:{who}"


def player_mark(viewer_id: int, peer: str, agent: str) -> str:
    """Tells one player from another in keys, and nothing about it."""
    told = "\0".join((str(viewer_id), peer, agent))
    return hashlib.blake2s(told.encode(errors="replace"), digest_size=6).hexdigest()


def candidates_for(key: str) -> list[Candidate]:
    """Everything that may be tried for a key now, best first. Raises TitleUnknown for what is no key."""
    if (title := _TITLE.fullmatch(key)) is not None:
        offers = movie_offers if title[1] == "movie" else episode_offers
        prefer = int(title[3]) if title[3] else None
        return [one for offer in offers(int(title[2]), prefer=prefer) for one in _of_offer(title[1], offer)]
    if (archive := _ARCHIVE.fullmatch(key)) is not None:
        start = datetime.fromtimestamp(int(archive[2]), UTC)
        return list(_of_archive(int(archive[1]), start, int(archive[3]) * 60))
    raise TitleUnknown(f"{key!r} names neither a movie nor an episode nor an archive.")


def _of_offer(kind: str, offer: PlayOffer) -> Iterator[Candidate]:
    for subscription in offer.subscriptions().select_related("portal"):

        def addresses(provider: Provider, subscription: Subscription = subscription) -> list[PlayUrl]:
            return [provider.play_url(subscription, offer.provider_id, offer.cmd, offer.provider_data)]

        key = f"{kind}/{offer.offer_id}/{subscription.pk}"
        # Streams count by positive ids.
        yield Candidate(key, subscription, addresses, -offer.offer_id, offer.container)


def _of_archive(channel_id: int, start: datetime, duration_s: int) -> Iterator[Candidate]:
    for stream in _archived(channel_id).filter(subscribed=True).select_related("portal").in_order():
        # Portals whose archive is sorted by programme look for it themselves: our guide keeps none of their ids.
        window = ArchiveWindow(start, duration_s)
        for subscription in _usable(stream.portal, stream.offered_to):

            def addresses(
                provider: Provider,
                subscription: Subscription = subscription,
                stream: Stream = stream,
                window: ArchiveWindow = window,
            ) -> list[PlayUrl]:
                archives = cast(ArchiveProvider, provider)
                return archives.archive_urls(subscription, stream.provider_id, stream.cmd, stream.provider_data, window)

            key = f"archive/{stream.pk}/{subscription.pk}"
            yield Candidate(key, subscription, addresses, stream.pk, "ts", is_archive=True)


def _usable(portal: Portal, offered_to: list[int]) -> list[Subscription]:
    usable = Subscription.objects.usable().filter(portal=portal).select_related("portal")
    return list(usable.filter(pk__in=offered_to) if offered_to else usable)


def archive_hours(channel_id: int) -> int:
    """How far back the archives of a channel's streams reach; 0 = there is none. One statement."""
    kept = _archived(channel_id).aggregate(hours=Max("archive_hours"))["hours"]
    return int(kept or 0)


def _archived(channel_id: int) -> StreamQuerySet:
    return Stream.objects.filter(link__channel_id=channel_id, archive_hours__gt=0).offered()


def minutes_of_programme(channel_id: int, start: datetime) -> int | None:
    """How long the broadcast that is on then lasts from then on, in minutes; None when no guide knows."""
    ref = refs_of([channel_id]).get(channel_id)
    if ref is None:
        return None
    showing = Programme.objects.now_and_next([ref], start)[ref].now
    return None if showing is None else -(-int((showing.stop - start).total_seconds()) // 60)
