"""From the address to the bytes: movies, episodes and catch-up against a file server that counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from redis import Redis

from accounts.models import AdultView, Viewer
from portals.models import Subscription
from restreamer.lib.redis_client import connection
from tests.factories import SubscriptionFactory, ViewerFactory
from tests.fakes import leftovers
from tests.fakes.file_origin import Act, File, FileOrigin, content
from tests.streaming.passthrough.rig import wait_for
from tests.streaming.titles import TitleHouse, archived_channel, episode_on, movie_on
from vod.models import Movie, MovieOffer

pytestmark = pytest.mark.django_db(transaction=True)

MOVIE = content(2_000_000)


@pytest.fixture
def origin(redis: Redis) -> Iterator[FileOrigin]:
    connections.close_all()
    connection().connection_pool.disconnect()
    with leftovers.none_expected():
        server = FileOrigin()
        server.files["one"] = File(MOVIE)
        yield server
        server.close()
        connection().connection_pool.disconnect()
        connections.close_all()
    assert server.violations == []


@pytest.fixture
def house(origin: FileOrigin, tmp_path: Path, settings) -> Iterator[TitleHouse]:
    one = TitleHouse(origin, tmp_path)
    settings.RELAY_SOCKET = one.path
    yield one
    one.stop()
    assert one.at_rest()


@pytest.fixture
def mac(origin: FileOrigin) -> Subscription:
    one: Subscription = SubscriptionFactory(portal__slug="home")
    origin.limits[one.mac] = 1
    return one


@pytest.fixture
def viewer() -> Viewer:
    one: Viewer = ViewerFactory(name="anna", connections=1)
    one.set_password("secret")
    one.save()
    return one


def get(path: str, agent: str = "VLC", **headers: str) -> Any:
    return Client(headers={"User-Agent": agent, **headers}).get(path)


def body(response: Any) -> bytes:
    data: bytes = response.getvalue()
    response.close()
    return data


# --- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/movie/anna/secret/{id}.mkv",
        "/movie/anna/{token}/{id}.mp4",
        "/series/anna/secret/{id}.mkv",
        "/anna/secret/{id}",
        "/anna/secret/{id}.mkv",
        "/vod/movie/{id}?token={token}",
        "/vod/movie/{id}.mkv?token={token}",
        "/t/{token}/vod/movie/{id}.mkv",
        "/play/vod/home/one?token={token}",
        "/play/vod/{portal}/one?token={token}",
        "/t/{token}/play/vod/home/one",
    ],
)
def test_every_address_of_a_movie_plays_it(house: TitleHouse, mac: Subscription, viewer: Viewer, path: str) -> None:
    movie = movie_on(mac.portal)
    response = get(path.format(id=movie.pk, token=viewer.token, portal=mac.portal_id), Range="bytes=5-14")
    assert response.status_code == 206
    assert response["Content-Range"] == "bytes 5-14/2000000"
    assert body(response) == MOVIE[5:15]


@pytest.mark.parametrize(
    "path",
    [
        "/series/anna/secret/{id}.mkv",
        "/vod/episode/{id}?token={token}",
        "/play/series/home/12:12/1/2?token={token}",
        "/t/{token}/play/series/home/12:12/1/2.mkv",
    ],
)
def test_every_address_of_an_episode_plays_it(house: TitleHouse, mac: Subscription, viewer: Viewer, path: str) -> None:
    episode = episode_on(mac.portal)
    response = get(path.format(id=episode.pk, token=viewer.token), Range="bytes=0-9")
    assert response.status_code == 206
    assert body(response) == MOVIE[:10]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/movie/anna/wrong/{id}.mkv", 401),
        ("/vod/movie/{id}", 401),
        ("/movie/anna/secret/999999.mkv", 404),
        ("/movie/anna/secret/9999999999.mkv", 404),
        ("/play/vod/home/other?token={token}", 404),
        ("/play/vod/nowhere/one?token={token}", 404),
        ("/play/series/home/12/1/99?token={token}", 404),
    ],
)
def test_refusals_are_a_sentence(origin: FileOrigin, mac: Subscription, viewer: Viewer, path: str, status: int) -> None:
    movie = movie_on(mac.portal)
    response = get(path.format(id=movie.pk, token=viewer.token))
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/plain")
    assert not origin.asked


@pytest.mark.parametrize(
    "change", [{"with_movies": False}, {"adult": AdultView.HIDDEN}, {"adult": AdultView.PIN}, {"enabled": False}]
)
def test_what_a_viewer_does_not_see_does_not_play(
    origin: FileOrigin, mac: Subscription, change: dict[str, object]
) -> None:
    movie = movie_on(mac.portal, adult=True)
    viewer = ViewerFactory(**{"adult": AdultView.SHOWN, **change})
    assert get(f"/vod/movie/{movie.pk}?token={viewer.token}").status_code in (403, 404)


# --- playing ------------------------------------------------------------------------------------------------------


def test_head_opens_nothing_and_knows_what_was_served(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    path = f"/vod/movie/{movie_on(mac.portal).pk}.mkv?token={viewer.token}"
    unknown = Client().head(path)
    assert (unknown.status_code, unknown["Content-Type"]) == (200, "video/x-matroska")
    assert not unknown.has_header("Content-Length")
    assert origin.asked == []
    served = get(path, Range="bytes=0-0")
    tag = served["ETag"]
    body(served)
    known = Client().head(path)
    assert (known["Content-Length"], known["Accept-Ranges"], known["ETag"]) == ("2000000", "bytes", tag)
    assert len(origin.asked) == 1


def test_seeks_of_one_player_are_one_viewing_over_one_link(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    path = f"/vod/movie/{movie_on(mac.portal).pk}?token={viewer.token}"
    first = get(path)
    for at in (1_900_000, 500_000, 1_000_000):
        assert body(get(path, Range=f"bytes={at}-{at + 9}")) == MOVIE[at : at + 10]
    assert len({row.facts.key for row in house.sessions.sessions()}) == 1
    assert body(first) == MOVIE
    assert origin.peak[mac.mac] == 1
    assert len(house.provider.asked) == 1


def test_another_mac_takes_the_second_viewer_and_the_third_is_told(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streaming.passthrough.seats.SLOT_PATIENCE_S", 0.2)
    other = SubscriptionFactory(portal=mac.portal)
    origin.limits[other.mac] = 1
    origin.rate = 1_000_000
    path = f"/vod/movie/{movie_on(mac.portal).pk}?token={{}}"
    playing = [get(path.format(ViewerFactory().token)) for _ in range(2)]
    assert [one.status_code for one in playing] == [200, 200]
    assert {mac.mac, other.mac} == {key for key, peak in origin.peak.items() if peak}
    refused = get(path.format(ViewerFactory().token))
    assert (refused.status_code, refused.has_header("Retry-After")) == (503, True)
    body(refused)
    for one in playing:
        one.close()


def test_who_begins_another_movie_on_the_one_connection_gets_it(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    origin.rate = 1_000_000
    path = f"/vod/movie/{{}}?token={viewer.token}"
    first = get(path.format(movie_on(mac.portal).pk))
    other = movie_on(name="Ran")
    MovieOffer.objects.create(portal=mac.portal, movie=other, provider_id="two", name="Ran", cmd="two")
    origin.files["two"] = File(MOVIE[::-1])
    second = get(path.format(other.pk), Range="bytes=0-9")
    assert body(second) == MOVIE[::-1][:10]
    assert origin.peak[mac.mac] == 1
    first.close()


def test_a_link_that_dies_in_mid_play_is_renewed(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    origin.links_good_once = True
    origin.script("one", Act(cut_after=700_000), Act(cut_after=700_000))
    assert body(get(f"/vod/movie/{movie_on(mac.portal).pk}?token={viewer.token}")) == MOVIE
    assert len(house.provider.asked) == 3


def test_the_portal_named_in_the_address_is_asked_first(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    other = SubscriptionFactory(portal__slug="other", portal__priority=1)
    movie_on(other.portal, mac.portal)
    body(get(f"/play/vod/home/one?token={viewer.token}", Range="bytes=0-0"))
    assert house.provider.asked == [(mac.mac, "one")]


def test_no_mac_and_no_address_of_a_provider_reaches_a_player(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    path = f"/vod/movie/{movie_on(mac.portal).pk}?token={viewer.token}"
    response = get(path, Range="bytes=0-0")
    told = str(response.headers).lower()
    assert mac.mac.lower() not in told
    assert "127.0.0.1" not in told
    body(response)
    origin.always("one", Act(status=404))
    refused = get(f"/vod/movie/{Movie.objects.get().pk}?token={ViewerFactory().token}")
    assert refused.status_code == 503
    assert mac.mac.lower().encode() not in body(refused).lower()


def test_after_a_viewing_nothing_is_left(house: TitleHouse, mac: Subscription, viewer: Viewer) -> None:
    get(f"/vod/movie/{movie_on(mac.portal).pk}?token={viewer.token}").close()
    assert wait_for(house.at_rest)


# --- catch-up -----------------------------------------------------------------------------------------------------


def start(hours: int = 3) -> str:
    return f"{timezone.now() - timedelta(hours=hours):%Y-%m-%d:%H-%M}"


@pytest.mark.parametrize(
    "path",
    [
        "/timeshift/anna/secret/90/{start}/{id}.ts",
        "/timeshift/anna/secret/5400/{utc}/{id}.ts",
        "/streaming/timeshift.php?username=anna&password=secret&stream={id}&start={start}&duration=90",
        "/timeshift.php?username=anna&password=secret&stream={id}&start={start}&duration=90&extension=ts",
        "/stream/{id}?token={token}&utc={utc}&lutc={now}&utcend={end}",
        "/live/anna/secret/{id}.ts?utc={utc}&utcend={end}",
    ],
)
def test_every_address_of_the_past_plays_it(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer, path: str
) -> None:
    origin.files["one"] = File(MOVIE, content_type="video/mp2t")
    channel = archived_channel(mac.portal)
    at = (timezone.now() - timedelta(hours=3)).replace(second=0, microsecond=0)
    utc = int(at.timestamp())
    response = get(
        path.format(
            id=channel.pk, start=f"{at:%Y-%m-%d:%H-%M}", utc=utc, end=utc + 5400, now=utc + 9999, token=viewer.token
        )
    )
    assert response.status_code == 200
    assert response["Content-Type"] == "video/mp2t"
    assert body(response) == MOVIE
    (window,) = house.provider.windows
    assert (window.start, window.duration_s) == (at, 5400)


def test_head_of_the_past_opens_nothing(origin: FileOrigin, mac: Subscription, viewer: Viewer) -> None:
    channel = archived_channel(mac.portal)
    response = Client().head(f"/timeshift/anna/secret/80/{start(2)}/{channel.pk}.ts")
    assert (response.status_code, response["Content-Type"]) == (200, "video/mp2t")
    assert origin.asked == []


@pytest.mark.parametrize(("when", "status"), [("2001-01-01:00-00", 404), ("2090-01-01:00-00", 404), ("yesterday", 400)])
def test_a_time_nobody_keeps_is_told(mac: Subscription, viewer: Viewer, when: str, status: int) -> None:
    channel = archived_channel(mac.portal)
    assert get(f"/timeshift/anna/secret/80/{when}/{channel.pk}.ts").status_code == status


def test_a_channel_without_an_archive_says_so(mac: Subscription, viewer: Viewer) -> None:
    channel = archived_channel(mac.portal, hours=0)
    response = get(f"/timeshift/anna/secret/80/{start()}/{channel.pk}.ts")
    assert response.status_code == 404
    assert b"recording" in response.content


def test_layouts_are_tried_one_after_the_other_and_the_right_one_is_remembered(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    house.provider.layouts = ["wrong", "worse", "one"]
    origin.always("worse", Act(status=403))
    channel = archived_channel(mac.portal)
    for hours in (3, 4):
        assert body(get(f"/timeshift/anna/secret/80/{start(hours)}/{channel.pk}.ts")) == MOVIE
    assert [one.name for one in origin.asked] == ["wrong", "worse", "one", "one"]


def test_a_seek_in_the_past_closes_the_piece_before(house: TitleHouse, origin: FileOrigin, mac: Subscription) -> None:
    viewer = ViewerFactory(connections=0)
    origin.rate = 1_000_000
    channel = archived_channel(mac.portal)
    path = f"/stream/{channel.pk}?token={viewer.token}&utc="
    now = int(timezone.now().timestamp())
    first = get(f"{path}{now - 9000}")
    second = get(f"{path}{now - 6000}")
    assert (first.status_code, second.status_code) == (200, 200)
    assert len(origin.asked) == 2
    first.close()
    second.close()
    assert origin.peak[mac.mac] == 1


def test_without_a_duration_the_usual_is_played(
    house: TitleHouse, origin: FileOrigin, mac: Subscription, viewer: Viewer
) -> None:
    channel = archived_channel(mac.portal)
    body(get(f"/stream/{channel.pk}?token={viewer.token}&utc={int(timezone.now().timestamp()) - 9000}"))
    assert house.provider.windows[0].duration_s == 7200
