"""The M3U provider: a playlist as a catalogue of live channels, movies and series."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from django.conf import settings

from portals import errors
from portals.models import Portal, Subscription, SubscriptionState
from portals.providers import reach
from portals.providers.base import Progress
from portals.providers.m3u import catchup, convert
from portals.providers.m3u.entries import entries_of
from portals.providers.m3u.identity import Panel, PanelCount, with_login
from portals.providers.m3u.kept import Reader
from portals.providers.m3u.kinds import Kind, kind_of
from portals.providers.m3u.login_address import login_address
from portals.providers.m3u.sentences import Say
from portals.providers.m3u.source import Fetched, ListSource
from portals.providers.records import GenreRecord, PlayUrl, StreamRecord, SubscriptionReport
from portals.providers.titles import is_adult
from portals.providers.vod_records import (
    ArchiveWindow,
    CategoryRecord,
    EpisodeRecord,
    MovieRecord,
    SeriesDetails,
    SeriesRecord,
    VodKind,
)
from restreamer.lib import redact
from restreamer.lib.http import HttpDoor
from restreamer.lib.m3u import Entry
from restreamer.lib.time_zones import is_zone, zone_named

#: Entries looked at when a list is only tested.
_GLANCE_ENTRIES = 5000
_STEP = 1000


@dataclass(slots=True)
class _Survey:
    """What one reading of the whole list showed."""

    counts: Counter[Kind] = field(default_factory=Counter)
    #: Per kind, groups in the order of the list.
    groups: dict[Kind, dict[str, None]] = field(default_factory=lambda: {"live": {}, "movie": {}, "episode": {}})
    header: Mapping[str, str] = field(default_factory=dict)
    main: Panel | None = None


class M3uProvider:
    """Implements `Provider`, `VodProvider` and `ArchiveProvider`. One per use; it downloads the list once."""

    #: A playlist lists every episode; there is nothing more to ask for.
    lists_episodes = True

    def __init__(self, portal: Portal, *, door: HttpDoor | None = None, clock: Callable[[], float] = time.time) -> None:
        self._portal = portal
        self._source = ListSource(portal, door=door, clock=clock)
        self._clock = clock
        self._surveyed: _Survey | None = None

    def check(self, subscription: Subscription) -> SubscriptionReport:
        """Read the beginning of the list. A refusal is a report; a list that cannot be read raises PortalError."""
        try:
            survey, whole = self._glance()
        except errors.SubscriptionRefused as err:
            return SubscriptionReport(state=err.state, sentence=err.message)
        count = survey.counts.total()
        say = Say.WORKS if whole else Say.WORKS_LARGE
        guides = survey.header.get("x-tvg-url") or survey.header.get("url-tvg") or ""
        login = login_address(self._portal.address)
        return SubscriptionReport(
            state=SubscriptionState.OK,
            sentence=say.of(count=f"{count:,}", kinds=_kinds_in_words(survey.counts)),
            warning=Say.IS_XTREAM.of(server=login.server) if login else "",
            facts={"Guide": redact.text(guides)} if guides else {},
        )

    def fetch(
        self,
        *,
        etag: str = "",
        last_modified: str = "",
        sha256: str = "",
        reader: Reader | None = None,
        progress: Progress = lambda done_kib, total_kib: None,
    ) -> Fetched:
        """Download the list unless it is unchanged since the download these values come from.

        `reader` says which refresh asks, so that the other need not download it again. What follows reads this
        download. After "not modified" the lists download again when they are asked for.
        Raises CatalogueIncomplete, PortalError.
        """
        self._surveyed = None
        return self._source.fetch(
            etag=etag, last_modified=last_modified, sha256=sha256, reader=reader, progress=progress
        )

    def close(self) -> None:
        """Give the download up."""
        self._source.close()

    def guide_urls(self) -> list[str]:
        """The guides the list names in its header, with whatever credentials are in them. Raises PortalError."""
        header = self._survey().header
        named = ",".join(header.get(key, "") for key in ("x-tvg-url", "url-tvg"))
        return list(dict.fromkeys(url for url in map(str.strip, named.split(",")) if "://" in url))

    def live_genres(self) -> list[GenreRecord]:
        """The groups that hold live channels, in the order of the list. Raises PortalError."""
        found = [GenreRecord(group, group, is_adult(group)) for group in self._survey().groups["live"]]
        return [genre for genre in found if self._wanted(genre.censored)]

    def live_streams(self, progress: Progress) -> Iterator[StreamRecord]:
        """All live entries; an address that is listed twice comes twice, with the same id.

        Raises CatalogueIncomplete, PortalError.
        """
        survey = self._survey()
        for entry in self._entries_of("live", progress):
            record = convert.stream_record(entry, survey.header, survey.main)
            if self._wanted(record.censored):
                yield record

    def movie_categories(self) -> list[CategoryRecord]:
        """The groups that hold movies. Raises PortalError."""
        return self._categories("movie", "movie")

    def movies(self, progress: Progress) -> Iterator[MovieRecord]:
        """All entries that are movies. Raises CatalogueIncomplete, PortalError."""
        main = self._survey().main
        for entry in self._entries_of("movie", progress):
            record = convert.movie_record(entry, main)
            if self._wanted(record.censored):
                yield record

    def movie_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> MovieRecord:
        """A list tells all it knows at once. Raises ItemRefused."""
        raise errors.ItemRefused(Say.NO_DETAILS.of())

    def series_categories(self) -> list[CategoryRecord]:
        """The groups that hold episodes. Raises PortalError."""
        return self._categories("episode", "series")

    def series(self, progress: Progress) -> Iterator[SeriesRecord]:
        """The series all episodes belong to, each once, as its first episode shows it.

        Raises CatalogueIncomplete, PortalError.
        """
        seen: set[str] = set()
        for entry in self._entries_of("episode", progress):
            title = convert.title_of(entry)
            if title is None:
                continue
            record = convert.series_record(entry, title)
            if record.provider_id not in seen and self._wanted(record.censored):
                seen.add(record.provider_id)
                yield record

    def episodes(self, progress: Progress) -> Iterator[EpisodeRecord]:
        """All episodes. Raises CatalogueIncomplete, PortalError."""
        main = self._survey().main
        for entry in self._entries_of("episode", progress):
            title = convert.title_of(entry)
            if title is not None:
                yield convert.episode_record(entry, title, main)

    def series_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> SeriesDetails:
        """A list tells all it knows at once. Raises ItemRefused."""
        raise errors.ItemRefused(Say.NO_DETAILS.of())

    def play_url(
        self, subscription: Subscription, provider_id: str, cmd: str, provider_data: Mapping[str, Any]
    ) -> PlayUrl:
        """The entry's address with the headers the entry and the portal ask for."""
        return self._play_url(self._addressed(subscription, cmd), provider_data)

    def archive_urls(
        self,
        subscription: Subscription,
        provider_id: str,
        cmd: str,
        provider_data: Mapping[str, Any],
        window: ArchiveWindow,
    ) -> list[PlayUrl]:
        """The one address the entry's catch-up attributes lead to. Raises ItemRefused."""
        offer = provider_data.get("catchup")
        if not isinstance(offer, Mapping):
            raise errors.ItemRefused(Say.NO_ARCHIVE.of())
        start = catchup.corrected(window.start, float(offer.get("correction_hours", 0.0)))
        moment = catchup.Moment(
            start=start,
            end=start + timedelta(seconds=window.duration_s),
            now=datetime.fromtimestamp(self._clock(), UTC),
            zone=self._zone(),
            programme_id=window.programme_id,
        )
        address = self._addressed(subscription, cmd)
        url = catchup.archive_url(address, str(offer.get("mode", "")), str(offer.get("source", "")), moment)
        return [self._play_url(url, {**provider_data, "form": ""})]

    def make_ready(self, subscription: Subscription) -> None:
        """There is no session to have."""

    def keep_alive(self, subscription: Subscription, *, playing: bool) -> float:
        """Nothing of the kind."""
        return 0.0

    def _categories(self, kind: Kind, named: VodKind) -> list[CategoryRecord]:
        found = [CategoryRecord(group, group, named, is_adult(group)) for group in self._survey().groups[kind]]
        return [category for category in found if self._wanted(category.censored)]

    def _wanted(self, censored: bool) -> bool:
        return self._portal.with_censored or not censored

    def _glance(self) -> tuple[_Survey, bool]:
        """The first entries, and whether they are all."""
        survey = _Survey()
        with self._source.glance() as reader:
            entries = entries_of(reader)
            for entry in islice(entries, _GLANCE_ENTRIES):
                survey.counts[kind_of(entry)] += 1
            whole = next(entries, None) is None
            survey.header = reader.header
        return survey, whole

    def _survey(self) -> _Survey:
        """One reading of the whole list, remembered: its groups, its main panel, how much of each kind."""
        if self._surveyed is not None:
            return self._surveyed
        survey, panels = _Survey(), PanelCount()
        reader = self._source.reader()
        for entry in entries_of(reader):
            kind = _settled_kind(entry)
            survey.counts[kind] += 1
            groups = survey.groups[kind]
            for group in entry.groups if kind != "live" else entry.groups[:1]:
                groups.setdefault(convert.group_name(group))
            panels.see(entry.url)
        if reader.ends_open and not self._source.framed:
            raise errors.CatalogueIncomplete(Say.CUT.of())
        survey.header, survey.main = reader.header, panels.main()
        self._surveyed = survey
        return survey

    def _entries_of(self, kind: Kind, progress: Progress) -> Iterator[Entry]:
        expected = self._survey().counts[kind]
        done = 0
        for read, entry in enumerate(entries_of(self._source.reader()), 1):
            if _settled_kind(entry) == kind:
                yield entry
                done += 1
            # Also where a list holds nothing of the kind for long, so that a person can stop it.
            if read % _STEP == 0:
                progress(done, expected)
        progress(done, expected)

    def _addressed(self, subscription: Subscription, cmd: str) -> str:
        """The address with the subscription's own login, when it has one beside the list's."""
        if not subscription.login:
            return cmd
        return with_login(cmd, subscription.login, subscription.password)

    def _play_url(self, url: str, provider_data: Mapping[str, Any]) -> PlayUrl:
        is_http = url.startswith(("http://", "https://"))
        asked = provider_data.get("headers")
        headers = _joined(reach.headers_of(self._portal), asked if isinstance(asked, Mapping) else {})
        form = str(provider_data.get("form", "")) or ("hls" if ".m3u8" in url.lower() else "")
        return PlayUrl(
            url=url,
            headers=headers if is_http else {},
            proxy_url=self._portal.proxy_url,
            verify_tls=self._portal.verify_tls,
            fence=reach.fence_of(self._portal),
            form=form,
        )

    def _zone(self) -> tzinfo:
        """What wall-clock times in catch-up addresses are meant in: the portal's zone, else the house's."""
        for name in (self._portal.time_zone, settings.TIME_ZONE):
            if name and is_zone(name):
                return zone_named(name)
        return UTC


def _settled_kind(entry: Entry) -> Kind:
    """An episode that tells neither season nor number is a single film to us."""
    kind = kind_of(entry)
    return "movie" if kind == "episode" and convert.title_of(entry) is None else kind


def _joined(ours: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """Our headers with the asked ones in their place, whatever their case."""
    names = {name.lower() for name in asked}
    return {**{name: value for name, value in ours.items() if name.lower() not in names}, **asked}


def _kinds_in_words(counts: Counter[Kind]) -> str:
    """`12 live channels, 3 movies`."""
    words: tuple[tuple[Kind, str, str], ...] = (
        ("live", "live channel", "live channels"),
        ("movie", "movie", "movies"),
        ("episode", "episode", "episodes"),
    )
    return ", ".join(
        f"{counts[kind]:,} {one if counts[kind] == 1 else many}" for kind, one, many in words if counts[kind]
    )
