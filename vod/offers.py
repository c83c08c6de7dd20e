"""For the playing side: from the public id of a movie or an episode to what can be played, best first.

    for offer in movie_offers(movie_id):
        for subscription in offer.subscriptions():
            provider = provider_for(offer.portal)
            play = provider.play_url(subscription, offer.provider_id, offer.cmd, offer.provider_data)

Order: the curator's rank, then the portal's priority, then the older offer. Only offers that an enabled portal still
lists are given. Each function makes a fixed number of statements, said in its docstring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from portals.models import Portal, Subscription
from portals.models.subscription import SubscriptionQuerySet
from vod.models import Episode, EpisodeOffer, Movie, MovieOffer

PlayableKind = Literal["movie", "episode"]


@dataclass(frozen=True, slots=True)
class PlayOffer:
    """One way to play something. `provider_id`, `cmd` and `provider_data` go to `Provider.play_url` as they are."""

    #: The MovieOffer's or EpisodeOffer's key: what an address may name to choose this one.
    offer_id: int
    portal: Portal
    name: str
    provider_id: str
    cmd: str
    provider_data: Mapping[str, Any]
    #: File form without a dot: "mkv", "mp4", "ts"; "" when unknown.
    container: str
    #: Ids of the subscriptions that list it; empty = all of the portal's.
    offered_to: tuple[int, ...]
    duration_s: int | None

    def subscriptions(self) -> SubscriptionQuerySet:
        """The usable subscriptions that may play it, in their order. One statement when read."""
        usable: SubscriptionQuerySet = Subscription.objects.usable().filter(portal=self.portal)
        return usable.filter(pk__in=self.offered_to) if self.offered_to else usable


class Playable(NamedTuple):
    """What a public id names."""

    kind: PlayableKind
    public_id: int
    name: str
    adult: bool


def playable(public_id: int) -> Playable | None:
    """The movie or episode of this public id that players may see; None when there is none. One or two statements."""
    movie = Movie.objects.visible().filter(pk=public_id).first()
    if movie is not None:
        return Playable("movie", movie.pk, movie.shown_name, movie.adult)
    episode = Episode.objects.visible().filter(pk=public_id).select_related("series").first()
    if episode is None:
        return None
    return Playable("episode", episode.pk, f"{episode.series.shown_name}: {episode.shown_name}", episode.series.adult)


def movie_offers(movie_id: int, *, prefer: int | None = None) -> list[PlayOffer]:
    """Ordered offers of a movie; `prefer` names an offer to put first. Empty when nothing offers it. One statement.

    Asks nothing of `enabled`: who may see it is decided before (`playable`, `Movie.objects.visible()`).
    """
    rows = MovieOffer.objects.offered().filter(movie=movie_id).in_order().select_related("portal")
    return _preferred([_play_offer(row, row.portal) for row in rows], prefer)


def episode_offers(episode_id: int, *, prefer: int | None = None) -> list[PlayOffer]:
    """Ordered offers of an episode; see movie_offers. One statement."""
    rows = (
        EpisodeOffer.objects.filter(
            episode=episode_id,
            stale_since__isnull=True,
            series_offer__stale_since__isnull=True,
            series_offer__portal__enabled=True,
        )
        .select_related("series_offer__portal")
        .order_by("series_offer__rank", "series_offer__portal__priority", "id")
    )
    return _preferred([_play_offer(row, row.series_offer.portal) for row in rows], prefer)


def _play_offer(row: MovieOffer | EpisodeOffer, portal: Portal) -> PlayOffer:
    return PlayOffer(
        offer_id=row.pk,
        portal=portal,
        name=row.name,
        provider_id=row.provider_id,
        cmd=row.cmd,
        provider_data=row.provider_data,
        container=row.container,
        offered_to=tuple(row.offered_to),
        duration_s=row.duration_s,
    )


def _preferred(offers: list[PlayOffer], prefer: int | None) -> list[PlayOffer]:
    """The named offer first, the rest in their order."""
    return sorted(offers, key=lambda offer: offer.offer_id != prefer)
