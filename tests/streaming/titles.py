"""Movies, episodes and archives for tests of playing, and a relay process in front of a file server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from channels.models import Channel
from portals.errors import ItemRefused
from portals.leases import Ledger
from portals.models import Portal, Subscription
from portals.providers.base import Provider
from portals.providers.records import PlayUrl
from portals.providers.vod_records import ArchiveWindow
from restreamer.lib.redis_client import connection
from streaming.opening import PortalOpener
from streaming.passthrough.seats import PortalSeats
from streaming.relay.process import RelayProcess
from streaming.session_book import SessionBook
from streaming.sessions import Sessions
from streaming.sources.choose import source_for
from tests.factories import LinkFactory
from tests.fakes.file_origin import FileOrigin
from tests.streaming.passthrough.rig import wait_for
from vod.models import Episode, EpisodeOffer, Movie, MovieOffer, Season, Series, SeriesOffer


def movie_on(*portals: Portal, name: str = "Heat", adult: bool = False) -> Movie:
    """A movie these portals offer under the id `one`."""
    movie = Movie.objects.create(name=name, enabled=True, adult=adult)
    for portal in portals:
        MovieOffer.objects.create(portal=portal, movie=movie, provider_id="one", name=name, cmd="one", container="mkv")
    return movie


def episode_on(portal: Portal, season: int = 1, number: int = 2, name: str = "Dark") -> Episode:
    """An episode the portal offers under the id `one`, in its series `12:12`."""
    series = Series.objects.create(name=name, enabled=True)
    of_series = SeriesOffer.objects.create(portal=portal, series=series, provider_id="12:12", name=name)
    found = Season.objects.create(series=series, number=season)
    episode = Episode.objects.create(name="Lies", enabled=True, series=series, season=found, number=number)
    EpisodeOffer.objects.create(
        series_offer=of_series, episode=episode, provider_id="one", name="Lies", season=season, number=number
    )
    return episode


def archived_channel(portal: Portal, hours: int = 72) -> Channel:
    """A channel whose one stream the portal keeps."""
    link = LinkFactory(stream__portal=portal, stream__archive_hours=hours, stream__provider_id="one")
    channel: Channel = link.channel
    return channel


class FileProvider:
    """Gives links to the file server; archives have as many layouts as `layouts` says."""

    def __init__(self, origin: FileOrigin) -> None:
        self.origin = origin
        self.asked: list[tuple[str, str]] = []
        self.windows: list[ArchiveWindow] = []
        self.layouts = ["one"]

    def __call__(self, portal: Portal) -> FileProvider:
        return self

    def play_url(self, subscription: Subscription, provider_id: str, cmd: str, data: Mapping[str, Any]) -> PlayUrl:
        self.asked.append((subscription.mac, provider_id))
        return PlayUrl(self.origin.url(provider_id, subscription.mac, f"link{len(self.asked)}"))

    def archive_urls(
        self, subscription: Subscription, provider_id: str, cmd: str, data: Mapping[str, Any], window: ArchiveWindow
    ) -> list[PlayUrl]:
        self.windows.append(window)
        if not self.layouts:
            raise ItemRefused("No archive.")
        return [PlayUrl(self.origin.url(name, subscription.mac)) for name in self.layouts]

    def keep_alive(self, subscription: Subscription, *, playing: bool) -> float:
        return 0.0


class TitleHouse:
    """A relay process in a thread, whose titles come from a file server."""

    def __init__(self, origin: FileOrigin, folder: Path, providers: Callable[[Portal], Provider] | None = None) -> None:
        self.origin = origin
        self.provider = FileProvider(origin)
        self.path = folder / "relay.sock"
        client = connection()
        opener = PortalOpener(client, source_for=source_for, providers=providers or self.provider)
        book = SessionBook(client, opener.owner, ledger=opener.ledger)
        self.process = RelayProcess(opener, book, self.path, seats=PortalSeats(opener), beat_s=0.2)
        opener.ask_first(self.process.give_up)
        opener.boot()
        book.boot()
        self.ledger = Ledger(client, "tests")
        self.sessions = Sessions(client)
        self._thread = threading.Thread(target=self.process.run, name="relay-under-test", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.process.stop()
        self._thread.join(8)
        # The last words to Redis may take a moment longer.
        assert wait_for(lambda: not [one for one in threading.enumerate() if one.name.startswith("relay-")])

    def at_rest(self) -> bool:
        """No upstream, no lease, no viewing."""
        return not self.origin.open() and not self.ledger.usage() and not self.sessions.sessions()
