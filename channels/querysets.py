"""Words about streams and channels: a filter is a word, and words combine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef

if TYPE_CHECKING:
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

    def of_portal_slug(self, slug: str) -> ChannelQuerySet:
        """Fed by at least one stream of the portal with this slug."""
        return self.filter(links__stream__portal__slug=slug).distinct()

    def in_group(self, name: str) -> ChannelQuerySet:
        """Sorted into the group of this name."""
        return self.filter(group__name=name)

    def of_genre(self, name: str) -> ChannelQuerySet:
        """Fed by at least one stream of the portal's genre of this name, upper and lower case alike."""
        return self.filter(links__stream__genre__name__iexact=name).distinct()

    def in_order(self) -> ChannelQuerySet:
        """As playlists list them: by number, unnumbered last, then by name."""
        return self.order_by(F("number").asc(nulls_last=True), "name", "id")
