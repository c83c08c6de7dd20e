"""From a source to its records, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from django.db.models import Q

from guide import dummy, fetch
from guide.errors import GuideUnreachable
from guide.models import EpgSource, SourceKind
from guide.reader import XmltvReader
from guide.records import GuideChannelRecord, GuideRecord
from guide.wanted import Wanted, our_channels
from portals.models import Portal, Subscription
from restreamer.lib.errors import ConfigurationError
from restreamer.lib.http import HttpDoor

Item = GuideChannelRecord | GuideRecord
#: Asks a portal for its guide between two times; ids are the portal's own. Raises PortalError.
PortalFeed = Callable[[Portal, datetime, datetime], Iterable[Item]]

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

    Raises GuideError, ConfigurationError.
    """
    if source.kind == SourceKind.DUMMY:
        return OpenedFeed(dummy.items(source, our_channels(), now))
    if source.kind == SourceKind.PORTAL:
        return OpenedFeed(_portal_items(source, now))
    fetched = fetch.fetch(source, _xtream_address(source) if source.kind == SourceKind.XTREAM else "", door=door)
    return OpenedFeed(reader_of(source, fetched, wanted), fetched)


def reader_of(source: EpgSource, fetched: fetch.Fetched, wanted: Wanted) -> XmltvReader:
    """A reader over a download; it can be had again without another one."""
    return XmltvReader(
        fetch.pieces_of(fetched.path),
        default_zone=source.default_zone(),
        languages=source.preferred_languages(),
        wants=wanted,
    )


def _portal_items(source: EpgSource, now: datetime) -> Iterator[Item]:
    portal = source.portal
    feed = _portal_feeds.get(portal.kind) if portal is not None else None
    if portal is None or feed is None:
        raise ConfigurationError("Guides of portals of this kind come later.")
    for item in feed(portal, *source.window(now)):
        if isinstance(item, GuideRecord):
            yield replace(item, channel_id=portal_guide_id(portal, item.channel_id))
        else:
            yield replace(item, id=portal_guide_id(portal, item.id))


def _xtream_address(source: EpgSource) -> str:
    """The login's XMLTV (reference xtream-codes-api.md, section 5)."""
    portal = source.portal
    logins = Subscription.objects.filter(~Q(login=""), portal=portal, enabled=True).order_by("rank", "id")
    login = logins.first() if portal is not None else None
    if portal is None or login is None:
        raise GuideUnreachable("The portal of this source has no login that is switched on.")
    address = portal.endpoint or portal.address
    parts = urlsplit(address if "://" in address else f"http://{address}")
    # Panels answer under the root of the host; what was pasted often ends in get.php or player_api.php.
    folder = parts.path.rpartition("/")[0] if parts.path.endswith(".php") else parts.path.rstrip("/")
    query = urlencode({"username": login.login, "password": login.password})
    return f"{parts.scheme}://{parts.netloc}{folder}/xmltv.php?{query}"
