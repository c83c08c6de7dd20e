"""Words about streams and channels: a filter is a word, and words combine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from channels.lineups import AT_LEAST, Lineup, LineupEntry
from guide.models import GuideMatch

if TYPE_CHECKING:
    from django.db.models.expressions import OrderBy

    from channels.models import Channel, Stream  # noqa: F401 (named in the bases below)
    from portals.models import Portal


class StreamQuerySet(models.QuerySet["Stream"]):
    """What portals offer."""

    def offered(self) -> StreamQuerySet:
        """Still listed by an enabled portal."""
        return self.filter(stale_since__isnull=True, portal__enabled=True)

    def in_order(self) -> StreamQuerySet:
        """As a channel tries them: the curator's rank, then the portal's priority."""
        return self.order_by("link__rank", "portal__priority", "id")


class ChannelQuerySet(models.QuerySet["Channel"]):
    """What viewers see."""

    def enabled(self) -> ChannelQuerySet:
        """Switched on by a curator."""
        return self.filter(enabled=True)

    def playable(self) -> ChannelQuerySet:
        """With at least one stream that a portal still offers."""
        links = apps.get_model("channels", "ChannelStream")
        return self.filter(
            Exists(
                links._default_manager.filter(
                    channel=OuterRef("pk"), stream__stale_since__isnull=True, stream__portal__enabled=True
                )
            )
        )

    def of_portal(self, portal: Portal) -> ChannelQuerySet:
        """Fed by at least one stream of the portal."""
        return self.filter(links__stream__portal=portal).distinct()

    def only_of_portal(self, portal: Portal) -> ChannelQuerySet:
        """Fed by streams of the portal and of no other."""
        links = apps.get_model("channels", "ChannelStream")._default_manager.filter(channel=OuterRef("pk"))
        return self.filter(Exists(links.filter(stream__portal=portal)), ~Exists(links.exclude(stream__portal=portal)))

    def of_portal_slug(self, slug: str) -> ChannelQuerySet:
        """Fed by at least one stream of the portal with this slug."""
        return self.filter(links__stream__portal__slug=slug).distinct()

    def in_group(self, name: str) -> ChannelQuerySet:
        """Sorted into the group of this name."""
        return self.filter(group__name=name)

    def of_genre(self, name: str) -> ChannelQuerySet:
        """Fed by at least one stream of the portal's genre of this name, upper and lower case alike."""
        return self.filter(links__stream__genre__name__iexact=name).distinct()

    def without_adult(self) -> ChannelQuerySet:
        """Nothing that is marked as adult."""
        return self.filter(adult=False)

    def with_guide(self) -> ChannelQuerySet:
        """With a guide channel, given by hand or matched."""
        matched = GuideMatch.objects.accepted().filter(channel_id=OuterRef("pk"))
        return self.filter(~Q(guide_id="") | Exists(matched))

    def in_lineup(self, lineup: Lineup) -> ChannelQuerySet:
        """Chosen by the lineup's filters or picked by hand, and not left out by hand; numbered as the lineup says."""
        entries = LineupEntry.objects.filter(lineup=lineup, channel=OuterRef("pk"))
        picked = Exists(entries.filter(choice=LineupEntry.Choice.IN))
        left_out = Exists(entries.filter(choice=LineupEntry.Choice.OUT))
        chosen = picked if lineup.only_picks else picked | Q(pk__in=self.filtered_by(lineup).order_by().values("pk"))
        return self.filter(~left_out).filter(chosen).numbered_in(lineup)

    def in_any_lineup(self, lineups: list[Lineup]) -> ChannelQuerySet:
        """In at least one of them, under the channels' own numbers; everything when the list is empty."""
        if not lineups:
            return self
        either = Q()
        for lineup in lineups:
            either |= Q(pk__in=self.in_lineup(lineup).order_by().values("pk"))
        return self.filter(either)

    def filtered_by(self, lineup: Lineup) -> ChannelQuerySet:
        """For which all filters of the lineup are true; hand picks are not asked."""
        chosen = self
        links = apps.get_model("channels", "ChannelStream")._default_manager.filter(
            channel=OuterRef("pk"), stream__stale_since__isnull=True
        )
        if portals := list(lineup.portals.values_list("pk", flat=True)):
            chosen = chosen.filter(Exists(links.filter(stream__portal__in=portals)))
        if genres := list(lineup.genres.values_list("pk", flat=True)):
            chosen = chosen.filter(Exists(links.filter(stream__genre__in=genres)))
        if groups := list(lineup.groups.values_list("pk", flat=True)):
            chosen = chosen.filter(group__in=groups)
        return (
            chosen.filter(_by_columns(lineup)).with_guide() if lineup.with_guide else chosen.filter(_by_columns(lineup))
        )

    def numbered_in(self, lineup: Lineup) -> ChannelQuerySet:
        """With `lineup_number`: the entry's, else the channel's own; or counted in the lineup's order."""
        entry = LineupEntry.objects.filter(lineup=lineup, channel=OuterRef("pk"))
        placed = self.annotate(
            lineup_own=Coalesce(Subquery(entry.values("number")[:1]), F("number")),
            lineup_place=Subquery(entry.filter(choice=LineupEntry.Choice.IN).values("position")[:1]),
        )
        if lineup.numbering == Lineup.Numbering.FROM_FIRST:
            counted = Window(RowNumber(), order_by=_order(lineup)) + Value(lineup.first_number - 1)
            return placed.annotate(lineup_number=counted)
        return placed.annotate(lineup_number=F("lineup_own"))

    def in_lineup_order(self, lineup: Lineup) -> ChannelQuerySet:
        """As the lineup lists them; for what `in_lineup` chose."""
        return self.order_by(*_order(lineup))

    def in_order(self) -> ChannelQuerySet:
        """As playlists list them: by number, unnumbered last, then by name."""
        return self.order_by(F("number").asc(nulls_last=True), "name", "id")


def _by_columns(lineup: Lineup) -> Q:
    """The lineup's filters that the channel's own columns answer."""
    wanted = Q()
    if lineup.kind:
        wanted &= Q(is_radio=lineup.kind == Lineup.Kind.RADIO)
    if lineup.countries:
        wanted &= Q(country__in=lineup.countries)
    if lineup.quality:
        wanted &= Q(quality__in=AT_LEAST[lineup.quality])
    if lineup.text:
        wanted &= Q(name__icontains=lineup.text)
    if lineup.favourites:
        wanted &= Q(favourite=True)
    return wanted


def _order(lineup: Lineup) -> list[OrderBy]:
    by_number: list[OrderBy] = [F("lineup_own").asc(nulls_last=True), F("name").asc(), F("id").asc()]
    if lineup.order == Lineup.Order.NAME:
        return [F("name").asc(), F("id").asc()]
    if lineup.order == Lineup.Order.GROUP:
        return [F("group__position").asc(nulls_last=True), F("group__name").asc(nulls_last=True), *by_number]
    if lineup.order == Lineup.Order.HAND:
        return [F("lineup_place").asc(nulls_last=True), *by_number]
    return by_number
