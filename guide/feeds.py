"""From a source to its records, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Q

from guide import dummy, fetch
from guide.errors import GuideUnreachable
from guide.models import EpgSource, Programme, SourceKind
from guide.models.source import PORTAL_KINDS
from guide.reader import XmltvReader
from guide.records import GuideChannelRecord, GuideRecord
from guide.wanted import Wanted, our_channels
from portals.models import Portal, PortalKind, Subscription
from portals.providers.m3u import M3uProvider
from portals.providers.xtream import addresses as xtream
from restreamer.lib.errors import ConfigurationError
from restreamer.lib.http import HttpDoor

Item = GuideChannelRecord | GuideRecord
#: Asks a portal for its guide between two times; ids are the portal's own. Raises PortalError.
PortalFeed = Callable[[Portal, datetime, datetime], Iterable[Item]]

#: Logins whose guide is asked for, one after the other, until one answers.
_MOST_LOGINS = 3

_portal_feeds: dict[str, PortalFeed] = {}


def portal_guide_comes_from(kind: str, feed: PortalFeed) -> None:
    """Say who asks portals of a kind (PortalKind) for their own guide; called once by the room that can."""
    _portal_feeds[kind] = feed


def portal_guide_id(portal: Portal, provider_id: str) -> str:
    """The guide id of a portal's own channel: portals count from one, so the portal's name is part of it."""
    return f"{provider_id}.{portal.slug}"


@dataclass(slots=True)
class OpenedFeed:
    """A source ready to be read once."""

    items: Iterable[Item]
    #: What the bytes are, for sources that have bytes.
    fetched: fetch.Fetched | None = None


def opened(source: EpgSource, wanted: Wanted, now: datetime, *, door: HttpDoor | None = None) -> OpenedFeed:
    """The source's records; a guide on the web is downloaded first.

    Raises GuideError, PortalError, ConfigurationError.
    """
    if source.kind == SourceKind.DUMMY:
        return OpenedFeed(dummy.items(source, our_channels(), now))
    portal = source.portal
    if source.kind in PORTAL_KINDS and portal is None:
        raise ConfigurationError("The portal of this source is gone.")
    if source.kind == SourceKind.PORTAL and portal is not None and portal.kind == PortalKind.STALKER:
        return OpenedFeed(_portal_items(source, portal, now))
    addresses = _addresses(portal) if portal is not None and source.kind in PORTAL_KINDS else [source.address]
    fetched = _first_that_answers(source, addresses, door)
    return OpenedFeed(reader_of(source, fetched, wanted), fetched)


def reader_of(source: EpgSource, fetched: fetch.Fetched, wanted: Wanted) -> XmltvReader:
    """A reader over a download; it can be had again without another one."""
    return XmltvReader(
        fetch.pieces_of(fetched.path),
        default_zone=source.default_zone(),
        languages=source.preferred_languages(),
        wants=wanted,
    )


def _first_that_answers(source: EpgSource, addresses: list[str], door: HttpDoor | None) -> fetch.Fetched:
    """A panel may have several servers; any of them has the guide."""
    for address in addresses[:-1]:
        try:
            return fetch.fetch(source, address, door=door)
        except GuideUnreachable:
            continue
    return fetch.fetch(source, addresses[-1], door=door)


def _portal_items(source: EpgSource, portal: Portal, now: datetime) -> Iterator[Item]:
    """What the portal tells; before it, what is over by now and was known already, for those who watch the archive."""
    feed = _portal_feeds.get(portal.kind)
    if feed is None:
        raise ConfigurationError("The guide of portals of this kind comes later.")
    start, stop = source.window(now)
    told = (_named(portal, item) for item in feed(portal, start, stop))
    first = next(told, None)
    if first is None:
        return
    yield from _over(source, start, now - timedelta(minutes=source.shift_minutes))
    yield first
    yield from told


def _named(portal: Portal, item: Item) -> Item:
    if isinstance(item, GuideRecord):
        return replace(item, channel_id=portal_guide_id(portal, item.channel_id))
    return replace(item, id=portal_guide_id(portal, item.id))


def _over(source: EpgSource, start: datetime, now: datetime) -> Iterator[Item]:
    """The live broadcasts that have ended. A handful of queries for each 500 channels."""
    channels = dict(source.channels.live().values_list("pk", "xmltv_id"))
    pks = sorted(channels)
    for at in range(0, len(pks), 500):
        for page in Programme.objects.all().pages(pks[at : at + 500], start, now):
            yield from (one.record(channels[one.channel_id]) for one in page if one.stop <= now)


def _addresses(portal: Portal) -> list[str]:
    """Where a portal has its guide as XMLTV. Raises PortalError, GuideUnreachable."""
    if portal.kind == PortalKind.M3U:
        provider = M3uProvider(portal)
        try:
            named = provider.guide_urls()
        finally:
            provider.close()
        if not named:
            raise GuideUnreachable("The playlist of this portal names no guide.")
        return named[:1]
    logins = Subscription.objects.filter(~Q(login=""), portal=portal, enabled=True).order_by("rank", "id")
    usable = list(logins.usable()[:_MOST_LOGINS]) or list(logins[:1])
    if not usable:
        raise GuideUnreachable("The portal of this source has no login that is switched on.")
    servers = list(dict.fromkeys([*([portal.endpoint] if portal.endpoint else []), *xtream.servers(portal.address)]))
    return [xtream.guide_url(server, login) for login in usable for server in servers]
