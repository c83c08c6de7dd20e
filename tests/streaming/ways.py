"""Every way a stream may be opened with, for tests of what holds on all of them.

A `Content` is one set of things to play; each way makes the address of something in it. Two ways into two contents are
two things to watch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.models import Viewer
from channels.models import Channel, Group
from portals.models import Portal
from streaming.tuner_devices import TunerDevice
from tests.factories import GroupFactory, LinkFactory
from vod.models import Episode, EpisodeOffer, Movie, MovieOffer, Season, Series, SeriesOffer

PORTAL = "home"


@dataclass(frozen=True)
class Content:
    """A channel with an archive, alone in its group, a movie and an episode."""

    number: int
    channel: Channel
    group: Group
    movie: Movie
    episode: Episode


def content(portal: Portal, number: int, live: str = "", file: str = "") -> Content:
    """The content of this number, `live` and `file` being the provider's addresses; ids there are `c1`, `m1`, `s1`."""
    link = LinkFactory(
        channel__name=f"Channel {number}",
        channel__number=number,
        channel__group=GroupFactory(name=f"Group {number}"),
        stream__portal=portal,
        stream__provider_id=f"c{number}",
        stream__cmd=live,
        stream__archive_hours=72,
        stream__provider_data={"catchup": {"mode": "default", "source": file}},
    )
    movie = Movie.objects.create(name=f"Movie {number}", enabled=True)
    offer = {"portal": portal, "name": movie.name, "cmd": file, "container": "mkv"}
    MovieOffer.objects.create(movie=movie, provider_id=f"m{number}", **offer)
    series = Series.objects.create(name=f"Series {number}", enabled=True)
    of_series = SeriesOffer.objects.create(portal=portal, series=series, provider_id=f"s{number}", name=series.name)
    season = Season.objects.create(series=series, number=1)
    episode = Episode.objects.create(name="Lies", enabled=True, series=series, season=season, number=2)
    EpisodeOffer.objects.create(
        series_offer=of_series, episode=episode, provider_id=f"e{number}", name="Lies", season=1, number=2,
        cmd=file, container="mkv",
    )  # fmt: skip
    return Content(number, link.channel, link.channel.group, movie, episode)


def device(viewer: Viewer) -> TunerDevice:
    """A network tuner of the viewer, which the ways of the tuner need."""
    return TunerDevice.objects.create(viewer=viewer, slug="tuner")


#: What is asked of archives: the same moment each time, else it would be another thing to watch.
_PAST = timezone.now() - timedelta(hours=5)
_START = f"{_PAST:%Y-%m-%d:%H-%M}"
_UTC = int(_PAST.timestamp())

#: What a way is called -> its address for a viewer.
WAYS: dict[str, Callable[[Viewer, Content], str]] = {
    "stream": lambda v, c: f"/stream/{c.channel.pk}?token={v.token}",
    "stream with the token in the path": lambda v, c: f"/t/{v.token}/stream/{c.channel.pk}.ts",
    "play": lambda v, c: f"/play/{PORTAL}/c{c.number}?token={v.token}",
    "play with the token in the path": lambda v, c: f"/t/{v.token}/play/{PORTAL}/c{c.number}",
    "a group as a channel": lambda v, c: f"/chplay/{c.group.pk}?token={v.token}",
    "Xtream TS": lambda v, c: f"/live/{v.name}/{v.token}/{c.channel.pk}.ts",
    "Xtream without a word": lambda v, c: f"/{v.name}/{v.token}/{c.channel.pk}",
    "tuner": lambda v, c: f"/hdhr/{v.token}/auto/v{c.number}",
    "tuner of a device": lambda v, c: f"/hdhr/{v.token}/tuner/tuner1/v{c.number}",
    "HLS": lambda v, c: f"/hls/{c.channel.pk}/index.m3u8?token={v.token}",
    "HLS with the token in the path": lambda v, c: f"/t/{v.token}/hls/{c.channel.pk}/index.m3u8",
    "HLS list without a master": lambda v, c: f"/hls/{c.channel.pk}/live.m3u8?token={v.token}",
    "Xtream HLS": lambda v, c: f"/live/{v.name}/{v.token}/{c.channel.pk}.m3u8",
    "Xtream HLS without a word": lambda v, c: f"/{v.name}/{v.token}/{c.channel.pk}.m3u8",
    "movie": lambda v, c: f"/vod/movie/{c.movie.pk}.mkv?token={v.token}",
    "movie of a portal": lambda v, c: f"/play/vod/{PORTAL}/m{c.number}?token={v.token}",
    "Xtream movie": lambda v, c: f"/movie/{v.name}/{v.token}/{c.movie.pk}.mkv",
    "episode": lambda v, c: f"/t/{v.token}/vod/episode/{c.episode.pk}",
    "episode of a portal": lambda v, c: f"/play/series/{PORTAL}/s{c.number}/1/2?token={v.token}",
    "Xtream episode": lambda v, c: f"/series/{v.name}/{v.token}/{c.episode.pk}.mkv",
    "catch-up path": lambda v, c: f"/timeshift/{v.name}/{v.token}/60/{_START}/{c.channel.pk}.ts",
    "catch-up query": lambda v, c: (
        f"/streaming/timeshift.php?username={v.name}&password={v.token}&stream={c.channel.pk}&start={_START}&duration=60"
    ),
    "catch-up behind a live address": lambda v, c: f"/stream/{c.channel.pk}?token={v.token}&utc={_UTC}",
    "catch-up of a tuner": lambda v, c: f"/hdhr/{v.token}/auto/v{c.number}?utc={_UTC}",
}

#: Those that come by again and again instead of staying.
HLS = tuple(name for name in WAYS if "HLS" in name)
