"""One's own players: all that is one's own, and nothing of anybody else's."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts import playing
from accounts.models import Viewer
from accounts.playing import Playing
from accounts.roles import Role
from restreamer.lib.redis_client import connection
from streaming.relay.seams import RelayFacts, SessionFacts
from streaming.session_book import SessionBook
from tests.accounts.people import as_, person
from tests.factories import ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def kim():
    return person(name="kim")


def test_a_viewer_sees_his_players_with_their_addresses(kim):
    mine, other = ViewerFactory(owner=kim, name="sofa"), ViewerFactory(owner=person(name="lee"), name="attic")
    nobodys = ViewerFactory(name="hall")
    text = as_(kim).get(reverse("me")).content.decode()
    assert mine.token in text
    assert f"http://testserver/playlist.m3u8?token={mine.token}" in text
    for stranger in (other, nobodys):
        assert stranger.token not in text
        assert stranger.name not in text


def test_the_page_says_what_plays_now(kim):
    viewer = ViewerFactory(owner=kim)
    now = 1_800_000_000.0
    facts = SessionFacts("s1", "channel:1", viewer.pk, viewer.name, "News & more", "10.0.0.7", "<VLC>", now, 5, 1.5)
    relay = RelayFacts("channel:1", "News & more", "running", "1/1", "x", 1, 5, 6, now, 1, 1)
    SessionBook(connection(), "node1:relay").beat([relay], [facts])
    text = as_(kim).get(reverse("me")).content.decode()
    assert "News &amp; more" in text
    assert "&lt;VLC&gt;" in text
    told: list[Playing] = playing.plays(viewer.pk)
    assert [one.address for one in told] == ["10.0.0.7"]


def test_new_addresses_make_the_old_ones_void(kim):
    viewer = ViewerFactory(owner=kim)
    old = viewer.token
    as_(kim).post(reverse("my-new-token", args=[viewer.pk]))
    viewer.refresh_from_db()
    assert viewer.token != old


def test_a_new_password_is_on_the_answer_and_nowhere_else(kim):
    viewer = ViewerFactory(owner=kim)
    client = as_(kim)
    answer = client.post(reverse("my-new-password", args=[viewer.pk]))
    password = answer.context["password"]
    assert "no-store" in answer["Cache-Control"]
    assert Viewer.objects.get(pk=viewer.pk).check_password(password)
    assert password not in client.get(reverse("me")).content.decode()
    assert password not in str(list(client.session.items()))


@pytest.mark.parametrize("button", ["my-new-token", "my-new-password"])
@pytest.mark.parametrize("role", list(Role))
def test_nobody_touches_another_owners_player(kim, button, role):
    viewer = ViewerFactory(owner=kim)
    before = (viewer.token, viewer.password_hash)
    stranger = as_(person(role))
    assert stranger.post(reverse(button, args=[viewer.pk])).status_code == 404
    assert (
        stranger.post(reverse(button, args=[viewer.pk]), {"owner": kim.pk, "viewer_id": viewer.pk}).status_code == 404
    )
    viewer.refresh_from_db()
    assert (viewer.token, viewer.password_hash) == before


@pytest.mark.parametrize("button", ["my-new-token", "my-new-password"])
def test_a_link_or_a_stranger_changes_nothing(client, kim, button):
    viewer = ViewerFactory(owner=kim)
    assert as_(kim).get(reverse(button, args=[viewer.pk])).status_code == 405
    assert client.post(reverse(button, args=[viewer.pk]))["Location"].startswith("/login/")
    old = viewer.token
    viewer.refresh_from_db()
    assert viewer.token == old


def test_more_fields_than_the_page_has_change_nothing(kim):
    viewer = ViewerFactory(owner=kim, connections=1)
    fields = {"connections": "99", "enabled": "on", "is_superuser": "on", "role": "administrator", "owner": "1"}
    client = as_(kim)
    for button in ("my-new-token", "my-new-password"):
        client.post(reverse(button, args=[viewer.pk]), fields)
    client.post(reverse("account-password"), fields)
    viewer.refresh_from_db()
    kim.refresh_from_db()
    assert (viewer.connections, viewer.owner_id) == (1, kim.pk)
    assert not kim.is_superuser


def test_the_viewers_admin_page_has_the_addresses_and_no_password(admin_client):
    viewer = ViewerFactory()
    viewer.set_password("viewer-password")
    viewer.save()
    text = admin_client.get(reverse("admin:accounts_viewer_change", args=[viewer.pk])).content.decode()
    for wanted in (f"/playlist.m3u8?token={viewer.token}", f"/epg.xml?token={viewer.token}", f"/hdhr/{viewer.token}"):
        assert wanted in text
    assert "viewer-password" not in text
    assert viewer.password_hash not in text


def test_who_may_add_viewers_is_led_there_and_others_are_not(admin_client):
    assert "To the viewers" in admin_client.get("/me/").content.decode()
    assert "An administrator gives you one" in as_(person()).get("/me/").content.decode()
