"""What providers return about movies, series, guides and archives: plain records, never rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from portals.models import Subscription
from portals.providers.records import PlayUrl

Progress = Callable[[int, int], None]

VodKind = Literal["movie", "series"]


@dataclass(frozen=True, slots=True)
class CategoryRecord:
    """A portal's sorting of its movies or of its series."""

    provider_id: str
    name: str
    kind: VodKind
    censored: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """What can be told about a movie, a series or an episode; whatever a portal leaves out stays empty."""

    original_name: str = ""
    year: int | None = None
    released_on: date | None = None
    plot: str = ""
    #: Names separated by commas, as portals send them.
    cast: str = ""
    director: str = ""
    genres: str = ""
    country: str = ""
    #: 0 to 10; None when unrated.
    rating: float | None = None
    #: "12", "PG-13"…
    age_rating: str = ""
    duration_s: int | None = None
    tmdb_id: str = ""
    imdb_id: str = ""
    #: An address, or the bare YouTube id.
    trailer: str = ""
    poster: str = ""
    backdrops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MovieRecord:
    """One movie as a portal lists it.

    `provider_id` and `cmd` mean what they mean for a stream; `provider_data` holds JSON types only; `offered_to`
    holds ids of the subscriptions that list it, empty = all. `detailed` is True when the portal was asked about this
    very movie; a list says less.
    """

    provider_id: str
    name: str
    category_ids: tuple[str, ...] = ()
    cmd: str = ""
    #: File form without a dot: "mkv", "mp4", "ts"; "" when unknown.
    container: str = ""
    about: About = field(default_factory=About)
    added_at: datetime | None = None
    censored: bool = False
    detailed: bool = False
    provider_data: Mapping[str, Any] = field(default_factory=dict)
    offered_to: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """One series as a portal lists it; see MovieRecord."""

    provider_id: str
    name: str
    category_ids: tuple[str, ...] = ()
    about: About = field(default_factory=About)
    #: Changes when the portal adds an episode: unchanged means its details need not be asked for again. None: nobody
    #: knows, unless `provider_data` has changed; then ask now and then.
    changed_at: datetime | None = None
    censored: bool = False
    detailed: bool = False
    provider_data: Mapping[str, Any] = field(default_factory=dict)
    offered_to: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SeasonRecord:
    """One season. Number 0 holds the specials."""

    series_id: str
    number: int
    provider_id: str = ""
    name: str = ""
    about: About = field(default_factory=About)
    provider_data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """One episode; `provider_id` is unique over all episodes of the portal."""

    provider_id: str
    series_id: str
    season: int
    number: int
    name: str
    cmd: str = ""
    container: str = ""
    about: About = field(default_factory=About)
    added_at: datetime | None = None
    provider_data: Mapping[str, Any] = field(default_factory=dict)
    offered_to: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesDetails:
    """A series with all its seasons and episodes, both in order.

    Portals tell less about a series here than in their list, or more: what `series` leaves empty (categories and
    parts of `about`), the list's word stands.
    """

    series: SeriesRecord
    seasons: tuple[SeasonRecord, ...]
    episodes: tuple[EpisodeRecord, ...]


@dataclass(frozen=True, slots=True)
class ProgrammeRecord:
    """One broadcast as the portal's own guide tells it; times are aware and in UTC."""

    start: datetime
    stop: datetime
    title: str
    description: str = ""
    language: str = ""
    provider_id: str = ""
    has_archive: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveWindow:
    """The piece of a channel's archive somebody wants to see. `start` is aware.

    `programme_id` is the ProgrammeRecord's, for portals whose archive is sorted by programme.
    """

    start: datetime
    duration_s: int
    programme_id: str = ""


class VodProvider(Protocol):
    """What a provider with movies and series can do besides live television.

    Built by `portals.providers.registry.vod_provider_for(portal)`, one per refresh: some portals list movies and series
    in one list, which is then read once for both. Every method raises a `portals.errors.PortalError`; lists raise
    CatalogueIncomplete rather than ending early, and give nothing on before they came whole.

    A movie or an episode is played with `Provider.play_url(subscription, provider_id, cmd, provider_data)`, all three
    as its record has them.
    """

    #: True when `episodes` lists every episode, so that nobody needs to ask for each series' details.
    lists_episodes: bool

    def movie_categories(self) -> list[CategoryRecord]:
        """All categories of movies."""

    def movies(self, progress: Progress) -> Iterator[MovieRecord]:
        """All movies, merged over the subscriptions."""

    def movie_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> MovieRecord:
        """Everything the portal tells about one movie; a record that is `detailed` already need not be asked about.

        Raises ItemRefused when there is none, or nothing beyond what the list told.
        """

    def series_categories(self) -> list[CategoryRecord]:
        """All categories of series."""

    def series(self, progress: Progress) -> Iterator[SeriesRecord]:
        """All series, merged over the subscriptions."""

    def episodes(self, progress: Progress) -> Iterator[EpisodeRecord]:
        """All episodes where `lists_episodes`; else nothing."""

    def series_details(self, provider_id: str, provider_data: Mapping[str, Any]) -> SeriesDetails:
        """One series with its seasons and episodes. Raises ItemRefused when there is none."""


class VodSearchProvider(Protocol):
    """What a provider can do that searches its movies and series itself."""

    def search(self, text: str, kind: VodKind) -> list[MovieRecord] | list[SeriesRecord]:
        """What the portal finds, its first pages; nothing is stored by it."""


class ArchiveProvider(Protocol):
    """What a provider with catch-up television can do."""

    def archive_urls(
        self,
        subscription: Subscription,
        provider_id: str,
        cmd: str,
        provider_data: Mapping[str, Any],
        window: ArchiveWindow,
    ) -> list[PlayUrl]:
        """Addresses that may hold the window, the likeliest first: open one after the other until one plays.

        Raises ItemRefused when the channel has no archive there.
        """


class GuideProvider(Protocol):
    """What a provider with a guide of its own can do."""

    def programmes(self, provider_id: str, provider_data: Mapping[str, Any]) -> list[ProgrammeRecord]:
        """All the portal tells about one live item's past and future, by start."""


@dataclass(frozen=True, slots=True)
class ChannelProgrammes:
    """The guide of one live item, by start, without overlaps."""

    provider_id: str
    programmes: tuple[ProgrammeRecord, ...]


class BulkGuideProvider(Protocol):
    """What a provider can do whose guide comes for many channels at once."""

    def guide(self, stop: datetime, wanted: Collection[str]) -> Iterator[ChannelProgrammes]:
        """The guide from now to `stop`.

        `wanted` names the live items (`provider_id`) somebody reads the guide of; a portal that tells its guide
        channel by channel only is asked for no other.
        """
