"""Logos and posters through us: whose, from where, how large, how often."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from portals.models import Portal
from restreamer.lib.fence import Fence, networks_of
from restreamer.lib.http import MIB, Bounds
from restreamer.lib.pictures import digest, media_type
from streaming import pictures
from streaming.errors import PictureMissing
from streaming.outputs.addresses import Pictures
from tests.factories import LinkFactory, PortalFactory, ViewerFactory
from tests.fakes.portal_wire import Reply, drip
from tests.fakes.web import FakeWeb
from vod.models import Movie, MovieOffer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 200
GIF = b"GIF89a" + b"\0" * 50
WAY = pictures.Way(fence=None)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, settings):
    settings.RESTREAMER_DATA = tmp_path


@pytest.fixture
def web():
    with FakeWeb({"/logo.png": Reply(PNG, content_type="text/html")}) as server:
        yield server


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen")


@pytest.fixture
def channel(web):
    portal = PortalFactory(address=f"{web.origin}/c/")
    return LinkFactory(channel__logo=f"{web.origin}/logo.png", stream__portal=portal).channel


def address(channel, viewer):
    return Pictures("", viewer.token).channel(channel.pk, channel.logo)


def body(answer):
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize(
    ("head", "told"),
    [(PNG, "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (GIF, "image/gif"), (b"RIFF....WEBPVP8 ", "image/webp"),
     (b"<svg onload=alert(1)>", ""), (b"<?xml version", ""), (b"", ""), (b"RIFF....WAVE", ""), (b"MZ", "")],
)  # fmt: skip
def test_a_picture_is_known_by_its_first_bytes_alone(head, told):
    assert media_type(head[:16]) == told


@pytest.mark.django_db
def test_a_logo_is_fetched_once_and_given_with_its_true_type(client, web, channel, viewer):
    for _ in range(3):
        answer = client.get(address(channel, viewer))
        assert (answer.status_code, answer["Content-Type"], body(answer)) == (200, "image/png", PNG)
    assert len(web.requests) == 1
    assert "max-age=604800" in answer["Cache-Control"]
    assert "sandbox" in answer["Content-Security-Policy"]
    again = client.get(address(channel, viewer), headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = client.head(address(channel, viewer))
    assert (head.status_code, head["Content-Length"], head.getvalue()) == (200, str(len(PNG)), b"")


@pytest.mark.django_db
def test_no_one_is_given_a_logo_they_may_not_see(client, channel, viewer, web):
    where = address(channel, viewer)
    assert client.get(where.partition("?")[0]).status_code == 401
    assert client.get(where.replace(viewer.token, "wrong")).status_code == 401
    viewer.with_live = False
    viewer.save()
    assert client.get(where).status_code == 404
    viewer.with_live, viewer.networks = True, "10.0.0.0/8"
    viewer.save()
    assert client.get(where).status_code == 403
    viewer.networks, viewer.expires_at = "", timezone.now() - timedelta(days=1)
    viewer.save()
    assert client.get(where).status_code == 403
    assert web.requests == []


@pytest.mark.django_db
def test_a_viewer_never_chooses_what_is_fetched(client, web, channel, viewer):
    web.routes["/other.png"] = Reply(PNG)
    other = digest(f"{web.origin}/other.png")
    answer = client.get(
        f"/logo/channel/{channel.pk}/{other}", {"token": viewer.token, "url": f"{web.origin}/other.png"}
    )
    assert body(answer) == PNG
    assert [one.path for one in web.requests] == ["/logo.png"], "the row's own picture stands in"
    assert "max-age=3600" in answer["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/logo/nothing/1/x", "/logo/channel/99999999999999999999/x", "/logo/channel/0/x", "/logo/season/1/x"]
)
def test_what_is_not_there_is_404(client, viewer, path):
    assert client.get(path, {"token": viewer.token}).status_code == 404


@pytest.mark.django_db
def test_the_admin_pages_show_pictures_by_their_session_and_players_cannot(client, admin_client, channel):
    where = f"/logo/channel/{channel.pk}/{digest(channel.logo)}"
    channel.enabled = False
    channel.save()
    assert admin_client.get(where).status_code == 200
    assert client.get(where).status_code == 401


@pytest.mark.django_db
def test_a_public_provider_cannot_have_private_addresses_asked(client, web, channel, viewer, settings):
    Portal.objects.update(address="http://portal.example/c/")
    assert client.get(address(channel, viewer)).status_code == 404
    assert web.requests == []
    channel.logo += "?again"
    channel.save()
    settings.PROVIDER_NETWORKS = ["127.0.0.0/8"]
    assert client.get(address(channel, viewer)).status_code == 200


@pytest.mark.django_db
def test_posters_and_backdrops_of_movies_are_kept_too(client, admin_client, web, viewer):
    web.routes["/back.gif"] = Reply(GIF)
    movie = Movie.objects.create(name="Léon", enabled=True)
    movie.lead = MovieOffer.objects.create(
        portal=PortalFactory(address=web.origin), provider_id="1", name="Léon", movie=movie,
        poster=f"{web.origin}/logo.png", more={"backdrops": [f"{web.origin}/back.gif"]},
    )  # fmt: skip
    movie.save()
    told = Pictures("", viewer.token)
    assert body(client.get(told.movie(movie.pk, f"{web.origin}/logo.png"))) == PNG
    assert body(client.get(told.movie(movie.pk, f"{web.origin}/back.gif"))) == GIF
    page = admin_client.get("/admin/vod/movie/").content.decode()
    assert f"/logo/movie/{movie.pk}/{digest(movie.lead.poster)}" in page
    assert web.origin not in page, "the browser never asks the provider"


@pytest.mark.parametrize(
    "reply",
    [Reply(b"<svg xmlns='http://www.w3.org/2000/svg'/>", content_type="image/svg+xml"), Reply(PNG, 404), Reply(b""),
     Reply(PNG + b"\0" * 6 * MIB), Reply(b"<html>", content_type="image/png")],
    ids=["svg", "404", "empty", "too large", "a page"],
)  # fmt: skip
def test_what_is_no_picture_is_asked_for_once_an_hour(web, reply):
    web.routes["/x"] = reply
    for _ in range(3):
        with pytest.raises(PictureMissing):
            pictures.picture(f"{web.origin}/x", WAY)
    assert len(web.requests) == 1


def test_a_server_that_drips_is_left_in_time(web, monkeypatch):
    monkeypatch.setattr(pictures, "BOUNDS", Bounds(total_s=0.3))
    web.routes["/x"] = drip(0.1, PNG)
    with pytest.raises(PictureMissing):
        pictures.picture(f"{web.origin}/x", WAY)


def test_a_redirect_into_the_house_is_not_followed(web):
    web.routes["/x"] = Reply(status=302, headers={"Location": f"http://127.0.0.2:{web.port}/logo.png"})
    with pytest.raises(PictureMissing):
        pictures.picture(f"{web.origin}/x", pictures.Way(Fence(networks_of(["127.0.0.1"]))))
    assert [one.path for one in web.requests] == ["/x"]


def test_a_crowd_costs_one_fetch(web):
    go = threading.Event()

    def slowly(handler):
        go.wait(5)
        Reply(PNG).send(handler)

    web.routes["/x"] = slowly
    found = []
    crowd = [threading.Thread(target=lambda: found.append(pictures.picture(f"{web.origin}/x", WAY))) for _ in range(5)]
    for one in crowd:
        one.start()
    while not web.requests:
        time.sleep(0.005)
    go.set()
    for one in crowd:
        one.join()
    assert (len(found), len(web.requests)) == (5, 1)


def test_an_old_picture_is_asked_for_anew_and_stays_when_that_fails(web, monkeypatch):
    pictures.picture(f"{web.origin}/logo.png", WAY)
    monkeypatch.setattr(pictures, "FRESH_S", 0.0)
    web.routes["/logo.png"] = Reply(status=500)
    assert pictures.picture(f"{web.origin}/logo.png", WAY).media_type == "image/png"
    web.routes["/logo.png"] = Reply(GIF)
    assert pictures.picture(f"{web.origin}/logo.png", WAY).media_type == "image/gif"


def test_the_longest_unread_go_first_when_the_cache_is_full(web, settings, monkeypatch):
    monkeypatch.setattr(pictures, "_TIDY_EVERY_S", 0.0)
    settings.PICTURE_CACHE_BYTES = 700
    for name in "abcd":
        web.routes[f"/{name}"] = Reply(PNG)
        pictures.picture(f"{web.origin}/{name}", WAY)
        if name == "c":
            pictures.picture(f"{web.origin}/a", WAY)
    web.requests.clear()
    pictures.picture(f"{web.origin}/a", WAY)
    assert web.requests == []
    pictures.picture(f"{web.origin}/b", WAY)
    assert len(web.requests) == 1


@pytest.mark.django_db
def test_every_output_writes_the_same_address_or_the_providers(client, channel, viewer, settings):
    login = {"username": viewer.name, "password": viewer.token}
    outputs = ["/playlist", f"/hdhr/{viewer.token}/lineup.m3u", "/player_api.php"]

    def texts():
        for path in outputs:
            query = {**login, "action": "get_live_streams"} if "php" in path else {"token": viewer.token}
            yield path, body(client.get(path, {} if "hdhr" in path else query)).decode()

    for path, text in texts():
        assert f"http://testserver{address(channel, viewer)}" in text, path
        assert channel.logo not in text, path
    settings.PICTURES = "provider"
    for path, text in texts():
        assert channel.logo in text, path
        assert "/logo/" not in text, path
