"""The M3U a player gets: who may, what is in it, and that any name survives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.models import Channel
from restreamer.lib import m3u
from streaming.outputs import playlist as output
from tests.factories import ChannelFactory, GroupFactory, LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return ViewerFactory(name="kitchen")


def text(client, viewer, path="/playlist", **query):
    answer = client.get(path, {"token": viewer.token, **query})
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


@pytest.mark.parametrize("path", ["/playlist", "/playlist.m3u8"])
def test_it_lists_what_is_enabled_and_offered_by_number(client, viewer, path):
    LinkFactory(channel__name="Second", channel__number=2, channel__group=GroupFactory(name="News"))
    LinkFactory(channel__name="First", channel__number=1)
    LinkFactory(channel__name="Hidden", channel__enabled=False)
    LinkFactory(channel__name="Gone", stream__stale_since="2026-01-01T00:00:00Z")
    first, second = Channel.objects.get(name="First"), Channel.objects.get(name="Second")
    assert text(client, viewer, path) == (
        "#EXTM3U\n"
        f'#EXTINF:-1 tvg-id="{first.id}.restreamer" tvg-name="First" tvg-chno="1",First\n'
        f"http://testserver/stream/{first.id}?token={viewer.token}\n"
        f'#EXTINF:-1 tvg-id="{second.id}.restreamer" tvg-name="Second" tvg-chno="2" group-title="News",Second\n'
        f"http://testserver/stream/{second.id}?token={viewer.token}\n"
    )


def test_an_empty_catalogue_is_an_empty_playlist(client, viewer):
    assert text(client, viewer) == "#EXTM3U\n"


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000, "\x00", "é"])
def test_without_a_valid_token_it_is_401_in_plain_text(client, viewer, token):
    answer = client.get("/playlist", {"token": token})
    assert answer.status_code == 401
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert b"<" not in answer.content


def test_groups_and_numbers_can_be_left_out(client, viewer):
    LinkFactory(channel__number=5, channel__group=GroupFactory(name="News"))
    lines = text(client, viewer, genres="0", numbers="0")
    assert "group-title" not in lines
    assert "tvg-chno" not in lines


def test_a_group_or_a_portal_can_be_asked_for(client, viewer):
    LinkFactory(channel__name="A", channel__group=GroupFactory(name="News"))
    LinkFactory(channel__name="B", stream__portal__slug="mine")
    assert ",A\n" in text(client, viewer, group="News")
    assert ",B\n" not in text(client, viewer, group="News")
    assert ",B\n" in text(client, viewer, portal="mine")


@pytest.mark.parametrize(
    "query", [{"genres": "maybe"}, {"nonsense": "1"}, {"portal": "../etc"}, {"group": "x" * 201}, {"numbers": "2"}]
)
def test_what_is_unknown_never_means_everything(client, viewer, query):
    answer = client.get("/playlist", {"token": viewer.token, **query})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/plain")


def test_head_costs_nothing(client, viewer, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        answer = client.head("/playlist", {"token": viewer.token})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("audio/x-mpegurl")


def test_the_number_of_statements_does_not_grow_with_channels(client, viewer, django_assert_max_num_queries):
    for _ in range(30):
        LinkFactory(channel__group=GroupFactory())
    with django_assert_max_num_queries(4):
        text(client, viewer)


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_name_and_group_leave_the_list_parseable(name, group):
    channel = Channel(id=1001, name=name, logo='http://h/"logo".png', enabled=True)
    entry = output.entry(channel, output.PlaylistForm("http://h", "tok"))
    first, second, rest = entry.split("\n")
    assert rest == ""
    assert first.startswith("#EXTINF:-1 ")
    assert first.count('"') % 2 == 0
    assert second == "http://h/stream/1001?token=tok"
    line = m3u.extinf(name, {"tvg-id": "x"}, groups=[group])
    assert "\n" not in line
    assert "\r" not in line


def test_hostile_names_do_not_break_out_of_their_place(client, viewer):
    LinkFactory(channel=ChannelFactory(name='Evil",tvg-id="stolen",\n#EXTINF:-1,Injected\nhttp://evil.example/x'))
    lines = text(client, viewer).splitlines()
    assert len(lines) == 3
    assert [line for line in lines if line.startswith("http://evil")] == []
