"""Movies and series through the real providers: listed, stored, told about, and found again by the playing side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portals import refreshing, runs
from portals.models import Portal, PortalKind, Run, RunKind, RunState
from portals.providers.registry import provider_for
from tests.factories import PortalFactory
from tests.fakes.web_files import WebFiles
from vod import details, listing, offers
from vod.models import Episode, Movie, Series

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with WebFiles() as server:
        yield server


def refresh(portal: Portal) -> Run:
    return refreshing.perform(runs.begin(portal, RunKind.VOD, "test"))


def address(offer: offers.PlayOffer) -> str:
    (subscription, *_) = offer.subscriptions()
    return provider_for(offer.portal).play_url(subscription, offer.provider_id, offer.cmd, offer.provider_data).url


def test_a_panels_movies_and_series_are_stored_told_about_and_played(xtream_house):
    house = xtream_house()
    run = refresh(house.portal)
    assert (run.state, run.counts["new movies"], run.counts["new series"]) == (RunState.DONE, 2, 1)
    film, show = Movie.objects.get(name="Die Hard"), Series.objects.get()
    details.ensure(film)
    details.ensure(show)
    assert listing.about(film).plot == "A tower."
    assert list(Episode.objects.in_order().values_list("season__number", "number")) == [(0, 1), (1, 1), (1, 2), (2, 1)]
    (offer,) = offers.movie_offers(film.pk)
    assert address(offer).endswith("/2001.mkv")
    (offer,) = offers.episode_offers(Episode.objects.get(season__number=2).pk)
    assert address(offer).endswith("/30003.mkv")


def test_a_playlists_movies_and_episodes_are_stored_and_played(web):
    body = (
        '#EXTM3U\n#EXTINF:-1 group-title="Films",Heat (1995)\nhttp://h.example/movie/u/p/1.mkv\n'
        '#EXTINF:-1 group-title="Shows",Dark S01E01\nhttp://h.example/series/u/p/2.mkv\n'
        '#EXTINF:-1 group-title="Shows",Dark S01E02\nhttp://h.example/series/u/p/3.mkv\n'
        '#EXTINF:-1 group-title="News",News\nhttp://h.example/live/u/p/4.ts\n'
    )
    portal = PortalFactory(kind=PortalKind.M3U, address=web.put("/list.m3u", body))
    portal.subscriptions.create()
    run = refresh(portal)
    assert (run.counts["new movies"], run.counts["new series"], run.counts["episodes"]) == (1, 1, 2)
    assert (Movie.objects.get().category.name, Series.objects.get().name) == ("Films", "Dark")
    (offer,) = offers.episode_offers(Episode.objects.get(number=2).pk)
    assert address(offer) == "http://h.example/series/u/p/3.mkv"
    refresh(portal)
    assert Episode.objects.count() == 2


def test_a_playlist_of_channels_only_has_no_movies_and_says_so_quietly(web):
    body = '#EXTM3U\n#EXTINF:-1 group-title="News",News\nhttp://h.example/live/u/p/4.ts\n'
    run = refresh(PortalFactory(kind=PortalKind.M3U, address=web.put("/list.m3u", body)))
    assert (run.state, run.error, Movie.objects.count()) == (RunState.DONE, "", 0)
