"""What one viewer sees: the one door from a login to querysets. Every output and every address asks here."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import AdultView, Viewer
from channels.models import Channel, Lineup
from channels.querysets import ChannelQuerySet
from restreamer.lib.prepared import Prepared
from streaming.errors import ChannelUnknown, LineupUnknown, TitleUnknown
from vod.models import Episode, Movie, Series
from vod.offers import Playable as PlayableTitle
from vod.offers import playable
from vod.querysets import EpisodeQuerySet, TitleQuerySet

#: Public ids end here; what is higher is no id, and no number a database takes.
HIGHEST_ID = 2**31 - 1


def _enabled(channel_id: int) -> ChannelQuerySet:
    return Channel.objects.enabled().filter(pk=channel_id)


#: Asked at every request for a channel, each load of an HLS list included.
_LINEUPS = Prepared(lambda viewer_id: Viewer(pk=viewer_id).lineups.all(), HIGHEST_ID)
_CHANNEL = Prepared(lambda channel_id: _enabled(channel_id).order_by(), HIGHEST_ID)


@dataclass(frozen=True, slots=True)
class Sight:
    """A viewer as admitted now: `pin_given` says that the right PIN came with the request."""

    viewer: Viewer
    pin_given: bool = False

    @property
    def adult(self) -> bool:
        """Are things marked as adult to be seen?"""
        return self.viewer.adult == AdultView.SHOWN or (self.viewer.adult == AdultView.PIN and self.pin_given)

    def lineup(self, slug: str) -> Lineup:
        """The lineup of this name, if it is one of the viewer's. Raises LineupUnknown."""
        given = self.viewer.lineups.all()
        lineup = (given if given.exists() else Lineup.objects.all()).filter(slug=slug).first()
        if lineup is None:
            raise LineupUnknown(f"{self.viewer.name} has no lineup called {slug!r}.")
        return lineup

    def channels(self, lineup: Lineup | None = None) -> ChannelQuerySet:
        """The channels to be seen, in order, with the numbers to show; of one lineup when it is named.

        A viewer with one lineup gets that one's order and numbers; several together are in the channels' own.
        Filters added to this count before the numbers of a lineup that counts from its first.
        """
        if not self.viewer.with_live:
            return Channel.objects.none()
        shown = Channel.objects.enabled().playable()
        if not self.adult:
            shown = shown.without_adult()
        given = [lineup] if lineup is not None else list(self.viewer.lineups.all())
        if len(given) == 1:
            return shown.in_lineup(given[0]).in_lineup_order(given[0])
        return shown.in_any_lineup(given).in_order()

    def movies(self) -> TitleQuerySet[Movie]:
        """The movies to be seen."""
        shown = Movie.objects.visible() if self.viewer.with_movies else Movie.objects.none()
        return shown if self.adult else shown.for_children()

    def series(self) -> TitleQuerySet[Series]:
        """The series to be seen."""
        shown = Series.objects.visible() if self.viewer.with_series else Series.objects.none()
        return shown if self.adult else shown.for_children()

    def episodes(self) -> EpisodeQuerySet:
        """The episodes of the series to be seen."""
        shown = Episode.objects.visible() if self.viewer.with_series else Episode.objects.none()
        return shown if self.adult else shown.filter(series__adult=False)

    def title(self, public_id: int) -> PlayableTitle:
        """The movie or episode of this id, if it is to be seen. Raises TitleUnknown."""
        found = playable(public_id) if public_id <= HIGHEST_ID else None
        given = {"movie": self.viewer.with_movies, "episode": self.viewer.with_series}
        if found is None or not given[found.kind] or (found.adult and not self.adult):
            raise TitleUnknown(f"{self.viewer.name} sees no movie or episode {public_id}.")
        return found

    def channel(self, channel_id: int) -> Channel:
        """One of the channels to be seen, whether a portal offers it right now or not. Raises ChannelUnknown."""
        channel = None
        if self.viewer.with_live and channel_id <= HIGHEST_ID:
            if given := _LINEUPS(self.viewer.pk):
                channel = _enabled(channel_id).in_any_lineup(given).first()
            else:
                channel = next(iter(_CHANNEL(channel_id)), None)
        if channel is None or (channel.adult and not self.adult):
            raise ChannelUnknown(f"{self.viewer.name} sees no channel {channel_id}.")
        return channel
