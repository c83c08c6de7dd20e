"""From a kind, an id and a digest to the address stored in that row, for those who may see the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from channels.models import Channel, Group, Logo
from portals.models import Portal
from portals.providers import reach
from restreamer.lib.fence import Fence, networks_of
from restreamer.lib.pictures import digest, is_uploaded, is_web_address
from streaming.errors import PictureMissing
from streaming.pictures import Way
from streaming.visible import HIGHEST_ID, Sight
from vod import listing
from vod.models import Episode, Movie, Season, Series


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored address, how it is reached, and whether it is the one the digest speaks of or its successor."""

    address: str
    way: Way
    exact: bool


def stored(sight: Sight | None, kind: str, public_id: int, asked: str) -> Stored:
    """The row's picture of this digest, or its present one for a digest that is out of date.

    Without a sight every row counts: for people of the admin pages. Raises PictureMissing.
    """
    if public_id > HIGHEST_ID or kind not in _KINDS:
        raise PictureMissing("There is no such row.")
    row, addresses, portals = _KINDS[kind](sight, public_id)
    usable = [one for one in addresses if is_web_address(one) or is_uploaded(one)] if row is not None else []
    if not usable:
        raise PictureMissing(f"{kind} {public_id} has no picture on the web, or the viewer does not see it.")
    exact = next((one for one in usable if digest(one) == asked), "")
    return Stored(exact or usable[0], _way(portals), bool(exact))


Found = tuple[Any, Iterable[str], list[Portal]]


def _channel(sight: Sight | None, public_id: int) -> Found:
    channels = Channel.objects.all() if sight is None else sight.channels()
    row = channels.filter(pk=public_id).first()
    feeding = Portal.objects.filter(streams__link__channel=public_id).order_by("priority", "id").distinct()
    return row, [row.logo] if row else [], list(feeding)


def _group(sight: Sight | None, public_id: int) -> Found:
    """Whoever sees a channel of the group sees its logo."""
    row = Group.objects.filter(pk=public_id).first()
    if row is None or (sight is not None and not sight.channels().filter(group=row).exists()):
        return None, [], []
    return row, [row.logo], []


def _library(sight: Sight | None, public_id: int) -> Found:
    """A logo on the page of logos: for that page alone."""
    row = Logo.objects.defer("blob").filter(pk=public_id).first() if sight is None else None
    return row, [row.reference] if row else [], []


def _title(model: type[Movie | Series], seen: Callable[[Sight], Any]) -> Callable[[Sight | None, int], Found]:
    def find(sight: Sight | None, public_id: int) -> Found:
        titles: Any = model._default_manager.all() if sight is None else seen(sight)
        row = titles.filter(pk=public_id).select_related("lead").first()
        return (row, _of_title(row), _portals_of(row)) if row is not None else (None, [], [])

    return find


def _of_title(row: Any) -> Iterable[str]:
    yield row.lead.poster if row.lead else ""
    told = listing.about(row)
    yield told.poster
    yield from told.backdrops
    if row.lead:
        yield from (str(one) for one in row.lead.more.get("backdrops") or [])


def _portals_of(row: Any) -> list[Portal]:
    return [offer.portal for offer in row.offers.select_related("portal").in_order()]


def _season(sight: Sight | None, public_id: int) -> Found:
    row = Season.objects.filter(pk=public_id).select_related("series").first()
    if row is None or (sight is not None and not sight.series().filter(pk=row.series_id).exists()):
        return None, [], []
    return row, [row.poster], _portals_of(row.series)


def _episode(sight: Sight | None, public_id: int) -> Found:
    episodes = Episode.objects.all() if sight is None else sight.episodes()
    row = episodes.filter(pk=public_id).select_related("lead", "series").first()
    if row is None:
        return None, [], []
    return row, [row.lead.poster if row.lead else ""], _portals_of(row.series)


_KINDS: dict[str, Callable[[Sight | None, int], Found]] = {
    "channel": _channel,
    "group": _group,
    "library": _library,
    "movie": _title(Movie, lambda sight: sight.movies()),
    "series": _title(Series, lambda sight: sight.series()),
    "season": _season,
    "episode": _episode,
}
KINDS = tuple(_KINDS)


def _way(portals: list[Portal]) -> Way:
    """As the first portal is reached; one in the house may name its neighbours."""
    if not portals:
        return Way(Fence(networks_of(settings.PROVIDER_NETWORKS)))
    first = portals[0]
    return Way(reach.fence_of(first), first.proxy_url, first.verify_tls)
