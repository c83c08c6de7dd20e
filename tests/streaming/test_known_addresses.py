"""The addresses people already have in their players, with the meaning they had (design, section 8)."""

from __future__ import annotations

import re

import pytest
from django.http import HttpResponse

from accounts.models import AdultView
from streaming.candidates import any_key, candidates_for
from streaming.errors import ChannelUnknown
from streaming.views import live
from tests.factories import ChannelFactory, GroupFactory, LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen")


@pytest.fixture
def tickets(monkeypatch):
    taken = []

    def take(request, ticket):
        taken.append(ticket)
        return HttpResponse(b"G")

    monkeypatch.setattr(live, "hand_over", take)
    return taken


def body(answer):
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def addresses(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture
def news():
    group = GroupFactory(name="News & more")
    return group, [LinkFactory(channel__number=n, channel__group=group).channel for n in (3, 1, 2)]


def test_a_group_plays_as_one_channel_its_channels_in_order(client, tickets, viewer, news):
    group, (third, first, second) = news
    for path in (f"/chplay/{group.pk}", "/chplay/News & more"):
        assert client.get(path, {"token": viewer.token}).status_code == 200
    assert client.get(f"/t/{viewer.token}/chplay/{group.pk}").status_code == 200
    assert {one.key for one in tickets} == {f"any:{first.pk}.{second.pk}.{third.pk}"}
    assert tickets[0].title == "News & more"


def test_of_a_group_only_what_the_viewer_sees_is_played(client, tickets, viewer, news):
    group, (third, *others) = news
    for one in others:
        one.adult = True
        one.save()
    client.get(f"/chplay/{group.pk}", {"token": viewer.token})
    assert tickets[0].key == f"any:{third.pk}"
    viewer.with_live = False
    viewer.save()
    assert client.get(f"/chplay/{group.pk}", {"token": viewer.token}).status_code == 404


@pytest.mark.parametrize("group", ["999999", "No such", "..%2f..", "%00", "9" * 40])
def test_an_unknown_group_is_404_and_nobody_learns_of_one_without_a_token(client, viewer, news, group):
    assert client.get(f"/chplay/{group}?token={viewer.token}").status_code == 404
    assert client.get(f"/chplay/{news[0].pk}").status_code == 401


def test_the_alternates_of_a_group_are_tried_channel_by_channel():
    portal = PortalFactory()
    SubscriptionFactory(portal=portal)
    late = ChannelFactory()
    for rank in (1, 0):
        LinkFactory(channel=late, rank=rank, stream__portal=portal)
    early = LinkFactory(rank=5, stream__portal=portal).channel
    tried = [one.stream.link for one in candidates_for(any_key([early.pk, late.pk]))]
    assert [(one.channel_id, one.rank) for one in tried] == [(early.pk, 5), (late.pk, 0), (late.pk, 1)]


@pytest.mark.parametrize("key", ["any:", "any:1.", "any:x", "any:1..2", "any:-1"])
def test_a_key_of_no_channels_is_refused(key):
    with pytest.raises(ChannelUnknown):
        candidates_for(key)


def test_the_playlist_of_groups_has_an_entry_for_each_group_with_something_to_see(client, viewer, news):
    GroupFactory(name="Empty")
    LinkFactory(channel__group=GroupFactory(name="Late", position=9), channel__adult=True)
    LinkFactory(channel__group=None)
    text = body(client.get("/groups_playlist", {"token": viewer.token}))
    assert addresses(text) == [f"http://testserver/chplay/{news[0].pk}?token={viewer.token}"]
    assert ",News & more\n" in text
    viewer.adult = AdultView.PIN
    viewer.set_pin("1234")
    viewer.save()
    text = body(client.get("/groups_playlist", {"token": viewer.token, "pin": "1234"}))
    assert [one.partition("?")[2] for one in addresses(text)] == [f"token={viewer.token}&pin=1234"] * 2


def test_movies_and_series_are_playlists_of_their_kind(client, viewer, monkeypatch):
    kinds = []
    monkeypatch.setattr("streaming.playlists.text", lambda choice, sight, form: [])
    for path in ("/movies", "/series"):
        answer = client.get(path, {"token": viewer.token, "flavour": "xui", "episodes": "0"})
        kinds.append((answer.status_code, answer["Content-Disposition"]))
    assert kinds == [(200, 'attachment; filename="movies.m3u"'), (200, 'attachment; filename="series.m3u"')]
    assert client.get("/movies").status_code == 401
    assert client.get("/movies", {"token": viewer.token, "nonsense": "1"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/streaming", "/dashboard", "/alerts", "/log", "/portal/home/channels", "/portal/7/channels"]
)
def test_pages_send_who_is_not_logged_in_to_the_login_and_nowhere_else(client, path):
    answer = client.get(path)
    assert answer.status_code == 302
    assert re.fullmatch(r"/admin/login/\?next=/[a-z0-9/]+", answer["Location"])


@pytest.mark.parametrize("path", ["/streaming", "/dashboard", "/alerts", "/log"])
def test_pages_send_an_owner_to_a_page_of_ours(admin_client, path):
    answer = admin_client.get(path)
    if answer.status_code == 302:
        assert answer["Location"].startswith("/")
        assert not answer["Location"].startswith("//")
        answer = admin_client.get(answer["Location"])
    assert answer.status_code == 200


def test_the_channels_of_a_portal_are_the_filtered_list(admin_client):
    portal = PortalFactory(slug="home")
    for name in ("home", portal.pk):
        answer = admin_client.get(f"/portal/{name}/channels")
        assert answer["Location"] == f"/admin/channels/channel/?portal={portal.pk}"
    assert admin_client.get("/portal/other/channels").status_code == 404


@pytest.mark.parametrize(
    "path", ["/portal//evil.example/channels", "/portal/https:%2f%2fevil.example/channels", "//evil.example/streaming"]
)
def test_no_address_leads_to_another_host(client, admin_client, path):
    for asking in (client, admin_client):
        answer = asking.get(path)
        assert not answer.get("Location", "/").startswith(("//", "http"))


def test_a_page_elsewhere_reads_nothing_a_network_alone_lets_in(client, viewer):
    viewer.open_networks = "127.0.0.0/8"
    viewer.save()
    alone, by_token = client.get("/playlist"), client.get("/playlist", {"token": viewer.token})
    assert (alone.status_code, by_token.status_code) == (200, 200)
    assert "Access-Control-Allow-Origin" not in alone
    assert by_token["Access-Control-Allow-Origin"] == "*"
