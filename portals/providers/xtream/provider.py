"""The Xtream provider: what the rest of the house asks, answered by the rooms beside this one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Any

from portals import errors
from portals.models import Portal, Subscription
from portals.pacing import Pacer, Pacing
from portals.providers import reach
from portals.providers.base import Progress
from portals.providers.records import GenreRecord, PlayUrl, StreamRecord, SubscriptionReport
from portals.providers.vod_records import (
    ArchiveWindow,
    CategoryRecord,
    EpisodeRecord,
    MovieRecord,
    ProgrammeRecord,
    SeriesDetails,
    SeriesRecord,
    VodKind,
)
from portals.providers.xtream import account, addresses, archive, convert
from portals.providers.xtream.catalogue import Catalogue
from portals.providers.xtream.listing import LIVE, MOVIES, SERIES, Kind
from portals.providers.xtream.panel import Panel
from portals.providers.xtream.sentences import Say
from portals.providers.xtream.values import zone_named
from restreamer.lib import redis_client
from restreamer.lib.http import HttpDoor
from restreamer.lib.m3u import can_open
from restreamer.lib.redis_client import answering


class XtreamProvider:
    """Implements `Provider`, `VodProvider`, `ArchiveProvider` and `GuideProvider`. One per use."""

    #: Episodes come with their series' details.
    lists_episodes = False

    def __init__(
        self,
        portal: Portal,
        *,
        pacer: Pacing | None = None,
        door: HttpDoor | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._portal = portal
        pacer = pacer or Pacer(redis_client.connection(), portal.pk)
        self._panel = Panel(portal, pacer, door=door, clock=clock)
        self._catalogue = Catalogue(portal, self._panel)
        self._adult: dict[Kind, frozenset[str]] = {}

    @answering()
    def check(self, subscription: Subscription) -> SubscriptionReport:
        """Ask the panel about one login. A refusal is a report; a panel that cannot be asked raises PortalError."""
        try:
            return account.report(self._panel.account(subscription), self._panel.now)
        except errors.SubscriptionRefused as err:
            return SubscriptionReport(state=err.state, sentence=err.message)

    @answering()
    def live_genres(self) -> list[GenreRecord]:
        """All categories of live television, over all logins. Raises PortalError."""
        found = self._catalogue.categories(LIVE, convert.genres)
        self._adult[LIVE] = frozenset(genre.provider_id for genre in found if genre.censored)
        return [genre for genre in found if self._portal.with_censored or not genre.censored]

    @answering()
    def live_streams(self, progress: Progress) -> Iterator[StreamRecord]:
        """All live items, merged over the logins; nothing is given on before all lists came whole.

        Raises CatalogueIncomplete, PortalError.
        """
        censored = self._adult_categories(LIVE)
        first = self._catalogue.first_account()

        def record(row: dict[str, Any]) -> StreamRecord | None:
            return convert.stream(
                row, server=self._panel.server(), zone=first.zone, extension=first.live_extension, censored=censored
            )

        return self._catalogue.records(LIVE, record, progress)

    @answering()
    def movie_categories(self) -> list[CategoryRecord]:
        """All categories of movies. Raises PortalError."""
        return self._vod_categories(MOVIES)

    @answering()
    def movies(self, progress: Progress) -> Iterator[MovieRecord]:
        """All movies, merged over the logins. Raises CatalogueIncomplete, PortalError."""
        censored = self._adult_categories(MOVIES)

        def record(row: dict[str, Any]) -> MovieRecord | None:
            return convert.movie(row, server=self._panel.server(), censored=censored)

        return self._catalogue.records(MOVIES, record, progress)

    @answering()
    def movie_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> MovieRecord:
        """Everything the panel tells about one movie. Raises ItemRefused, PortalError."""
        document = self._document(action="get_vod_info", vod_id=provider_id)
        censored = self._adult.get(MOVIES, frozenset())
        found = convert.movie_details(document, key=provider_id, server=self._panel.server(), censored=censored)
        if found is None:
            raise errors.ItemRefused(Say.NO_SUCH_ITEM.of())
        return found

    @answering()
    def series_categories(self) -> list[CategoryRecord]:
        """All categories of series. Raises PortalError."""
        return self._vod_categories(SERIES)

    @answering()
    def series(self, progress: Progress) -> Iterator[SeriesRecord]:
        """All series, merged over the logins. Raises CatalogueIncomplete, PortalError."""
        censored = self._adult_categories(SERIES)

        def record(row: dict[str, Any]) -> SeriesRecord | None:
            return convert.series(row, server=self._panel.server(), censored=censored)

        return self._catalogue.records(SERIES, record, progress)

    def episodes(self, progress: Progress) -> Iterator[EpisodeRecord]:
        """None: panels list episodes with their series only."""
        return iter(())

    @answering()
    def series_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> SeriesDetails:
        """One series with its seasons and episodes. Raises ItemRefused, PortalError."""
        document = self._document(action="get_series_info", series_id=provider_id)
        censored = self._adult.get(SERIES, frozenset())
        found = convert.series_details(document, key=provider_id, server=self._panel.server(), censored=censored)
        if found is None:
            raise errors.ItemRefused(Say.NO_SUCH_ITEM.of())
        return found

    @answering()
    def programmes(self, provider_id: str, provider_data: Mapping[str, Any]) -> list[ProgrammeRecord]:
        """The channel's whole guide, or the next programmes where the panel keeps no more. Raises PortalError."""
        zone = self._zone(provider_data) or zone_named(self._catalogue.first_account().zone) or UTC
        for action in ("get_simple_data_table", "get_short_epg"):
            try:
                document = self._document(action=action, stream_id=provider_id)
            except errors.AnswerNotFound:
                continue
            found = convert.programmes(document, zone)
            if found:
                return found
        return []

    def guide_url(self, subscription: Subscription) -> str:
        """The panel's whole guide as XMLTV, with the login in it. Raises NotAPortal."""
        return addresses.guide_url(self._panel.server(), subscription)

    def play_url(
        self, subscription: Subscription, provider_id: str, cmd: str, provider_data: Mapping[str, Any]
    ) -> PlayUrl:
        """The address of a live stream, movie or episode; asks nobody. Raises ItemRefused."""
        if can_open(cmd):
            return self._play_url(cmd, "hls" if ".m3u8" in cmd.lower() else "")
        kind, slash, item = cmd.partition("/")
        if kind not in ("live", "movie", "series") or not slash or not item:
            raise errors.ItemRefused(Say.ITEM_ODD.of())
        if kind != "live":
            return self._play_url(addresses.media_url(self._panel.server(), subscription, cmd), "")
        extension = _extension(provider_data)
        url = addresses.media_url(self._panel.server(), subscription, f"{cmd}.{extension}")
        return self._play_url(url, "hls" if extension == "m3u8" else "ts")

    def archive_urls(
        self,
        subscription: Subscription,
        provider_id: str,
        cmd: str,
        provider_data: Mapping[str, Any],
        window: ArchiveWindow,
    ) -> list[PlayUrl]:
        """Every layout a panel may have for this piece of its archive, in the panel's own zone. Raises NotAPortal."""
        found = archive.addresses(
            self._panel.server(),
            subscription,
            provider_id,
            window,
            zone=self._zone(provider_data) or UTC,
            extension=_extension(provider_data),
        )
        return [self._play_url(url, "hls" if "m3u8" in url else "ts" if ".ts" in url else "") for url in found]

    def make_ready(self, subscription: Subscription) -> None:
        """There is no session to have."""

    def keep_alive(self, subscription: Subscription, *, playing: bool) -> float:
        """Nothing of the kind."""
        return 0.0

    def _document(self, **parameters: str) -> Any:
        return self._catalogue.from_first(lambda subscription: self._panel.document(subscription, **parameters))

    def _vod_categories(self, kind: Kind) -> list[CategoryRecord]:
        vod_kind: VodKind = "movie" if kind is MOVIES else "series"
        found = self._catalogue.categories(kind, lambda rows: convert.categories(rows, vod_kind))
        self._adult[kind] = frozenset(category.provider_id for category in found if category.censored)
        return [category for category in found if self._portal.with_censored or not category.censored]

    def _adult_categories(self, kind: Kind) -> frozenset[str]:
        """Ids of adult categories, asked for once."""
        if kind not in self._adult:
            if kind is LIVE:
                self.live_genres()
            else:
                self._vod_categories(kind)
        return self._adult[kind]

    def _zone(self, provider_data: Mapping[str, Any]) -> tzinfo | None:
        """The panel's zone: the owner's word, else what the panel said when the channel was listed."""
        return zone_named(self._portal.time_zone) or zone_named(str(provider_data.get("zone", "")))

    def _play_url(self, url: str, form: str) -> PlayUrl:
        return PlayUrl(
            url=url,
            headers=reach.headers_of(self._portal) if url.startswith("http") else {},
            proxy_url=self._portal.proxy_url,
            verify_tls=self._portal.verify_tls,
            fence=reach.fence_of(self._portal),
            form=form,
        )


def _extension(provider_data: Mapping[str, Any]) -> str:
    return "m3u8" if provider_data.get("extension") == "m3u8" else "ts"
