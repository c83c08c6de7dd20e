"""What the catalogue holds, in counts."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import Count, Q

from channels.models import Channel, Group, Merge, Stream
from guide.models import EpgSource, GuideChannel, GuideMatch, Programme
from portals.models import Portal


def stats() -> dict[str, Any]:
    """Counts by subject, and a row for each portal. A constant number of queries."""
    channels = Channel.objects.aggregate(
        channels=Count("pk"), shown=Count("pk", filter=Q(enabled=True)), radio=Count("pk", filter=Q(is_radio=True))
    )
    shown = Channel.objects.enabled()
    accepted = GuideMatch.objects.accepted().values("channel_id")
    return {
        "channels": {
            **channels,
            "shown_that_nobody_offers": shown.count() - shown.playable().count(),
            "with_several_streams": Channel.objects.alias(n=Count("links")).filter(n__gt=1).count(),
            "groups": Group.objects.count(),
            "doubles_proposed": Merge.objects.filter(state=Merge.State.OPEN).count(),
        },
        "guide": {
            "sources": EpgSource.objects.count(),
            "guide_channels": GuideChannel.objects.live().count(),
            "broadcasts": Programme.objects.count(),
            "shown_channels_with_a_guide": shown.filter(pk__in=accepted).count(),
            "shown_channels_without": shown.exclude(pk__in=accepted).count(),
            "matches_proposed": GuideMatch.objects.proposed().values("channel_id").distinct().count(),
        },
        # Rooms that come later are counted as soon as they have rows.
        **_on_demand(),
        "portals": _portals(),
    }


def _on_demand() -> dict[str, dict[str, int]]:
    counts = {
        str(model._meta.verbose_name_plural).replace(" ", "_"): model._default_manager.count()
        for model in apps.get_app_config("vod").get_models()
    }
    return {"movies and series": counts} if counts else {}


def _portals() -> list[dict[str, Any]]:
    offered = dict(
        Stream.objects.filter(stale_since__isnull=True).order_by().values_list("portal").annotate(Count("pk"))
    )
    stale = dict(
        Stream.objects.filter(stale_since__isnull=False).order_by().values_list("portal").annotate(Count("pk"))
    )
    shown = dict(
        Stream.objects.filter(channels__enabled=True)
        .order_by()
        .values_list("portal")
        .annotate(Count("channels", distinct=True))
    )
    genres = dict(Portal.objects.order_by().values_list("pk").annotate(Count("genres")))
    return [
        {
            "portal": portal.name,
            "kind": portal.kind,
            "offered": offered.get(portal.pk, 0),
            "stale": stale.get(portal.pk, 0),
            "genres": genres.get(portal.pk, 0),
            "shown": shown.get(portal.pk, 0),
            "refreshed": portal.refreshed_at and portal.refreshed_at.isoformat(timespec="minutes"),
        }
        for portal in Portal.objects.all()
    ]
