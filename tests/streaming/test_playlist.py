"""The M3U a player gets: who may, what is in it, and that any name survives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.listing import ListedChannel
from channels.models import Channel, Lineup
from restreamer.lib import m3u
from streaming.outputs import playlist as output
from streaming.outputs.addresses import Addresses, Pictures
from tests.factories import ChannelFactory, GroupFactory, LinkFactory, PortalFactory, ViewerFactory
from tests.streaming.titles import episode_on, movie_on

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
    guide = f"http://testserver/epg.xml?token={viewer.token}"
    assert text(client, viewer, path) == (
        f'#EXTM3U url-tvg="{guide}" x-tvg-url="{guide}"\n'
        f'#EXTINF:-1 tvg-id="{first.id}.restreamer" tvg-name="First" tvg-chno="1",First\n'
        f"http://testserver/stream/{first.id}?token={viewer.token}\n"
        f'#EXTINF:-1 tvg-id="{second.id}.restreamer" tvg-name="Second" tvg-chno="2" group-title="News",Second\n'
        f"http://testserver/stream/{second.id}?token={viewer.token}\n"
    )


def test_an_empty_catalogue_is_an_empty_playlist(client, viewer):
    assert len(text(client, viewer).splitlines()) == 1


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


@pytest.mark.parametrize(
    "path",
    [
        "/playlist?token={token}",
        "/movies?token={token}",
        "/groups_playlist?token={token}",
        "/get.php?username=kitchen&password={token}",
        "/hdhr/{token}/lineup.m3u",
    ],
)
def test_every_list_says_its_type_bare_or_mpv_opens_none(client, viewer, path):
    """mpv compares the whole field; one with a charset is no playlist to it, as our first line has attributes."""
    answer = client.get(path.format(token=viewer.token))
    assert (answer.status_code, answer["Content-Type"]) == (200, "audio/x-mpegurl")


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_name_and_group_leave_the_list_parseable(name, group):
    logo = 'http://h/"logo".png'
    channel = ListedChannel(1001, name, "7", 1, group, logo, "1001.x", False, False, "", False, 1767225600, 0)
    entry = output.channel_entry(
        channel, output.PlaylistForm(Addresses("http://h", "kitchen", "tok", Pictures("http://h")))
    )
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


def test_an_archive_is_offered_from_an_epoch_start(client, viewer):
    channel = LinkFactory(stream__archive_hours=50).channel
    lines = text(client, viewer)
    assert 'catchup="default" catchup-days="3"' in lines
    assert f"/timeshift/kitchen/{viewer.token}/{{duration:60}}/{{utc}}/{channel.id}.ts" in lines


def test_hls_addresses_can_be_asked_for(client, viewer):
    channel = LinkFactory().channel
    assert f"/hls/{channel.id}/index.m3u8?token={viewer.token}" in text(client, viewer, form="hls")


def test_names_sort_as_people_count(client, viewer):
    for name in ("Sport 10", "sport 2", "Arte"):
        LinkFactory(channel__name=name)
    shown = [
        line.rpartition(",")[2] for line in text(client, viewer, sort="name").splitlines() if line[:8] == "#EXTINF:"
    ]
    assert shown == ["Arte", "sport 2", "Sport 10"]


def names(lines):
    return [line.rpartition(",")[2] for line in lines.splitlines() if line[:8] == "#EXTINF:"]


def test_groups_sort_as_their_owner_has_put_them(client, viewer):
    for place, group in enumerate(("Zoo", "Arts")):
        LinkFactory(channel__name=f"of {group}", channel__group=GroupFactory(name=group, position=place))
    LinkFactory(channel__name="of none", channel__group=None)
    assert names(text(client, viewer, sort="group")) == ["of Zoo", "of Arts", "of none"]


@pytest.mark.parametrize("kind", ["movies", "series"])
def test_titles_of_one_portal_can_be_asked_for(client, viewer, kind):
    homes = [PortalFactory(slug=slug) for slug in ("home", "other")]
    for portal in homes:
        _ = movie_on(portal, name=portal.slug) if kind == "movies" else episode_on(portal, name=portal.slug)
    assert len(names(text(client, viewer, kind=kind))) == 2
    (found,) = names(text(client, viewer, kind=kind, portal="home"))
    assert "home" in found
    assert names(text(client, viewer, kind=kind, portal="nobody")) == []


def test_a_lineup_of_movies_is_refused_and_never_means_all(client, viewer):
    Lineup.objects.create(name="HD", slug="hd", quality="hd")
    for path, query in (("/playlist", {"kind": "movies"}), ("/movies", {}), ("/series", {})):
        answer = client.get(path, {"token": viewer.token, "lineup": "hd", **query})
        assert answer.status_code == 400
        assert b"Lineups hold channels" in answer.content
    assert client.get("/playlist", {"token": viewer.token, "lineup": "hd", "kind": "live,movies"}).status_code == 200


def test_one_lineup_can_be_asked_for_and_a_strange_one_is_unknown(client, viewer):
    LinkFactory(channel__name="News HD")
    LinkFactory(channel__name="Sport")
    Lineup.objects.create(name="HD", slug="hd", quality="hd")
    lines = text(client, viewer, lineup="hd")
    assert ",News HD\n" in lines
    assert ",Sport\n" not in lines
    assert "lineup=hd" in lines.splitlines()[0], "its guide is of the same lineup"
    assert client.get("/playlist", {"token": viewer.token, "lineup": "other"}).status_code == 404


def test_a_kind_that_is_none_is_told(client, viewer):
    answer = client.get("/playlist", {"token": viewer.token, "kind": "live,films"})
    assert answer.status_code == 400
    assert b"films" in answer.content


def test_the_xui_flavour_carries_its_marks(client, viewer):
    channel = LinkFactory().channel
    lines = text(client, viewer, flavour="xui").splitlines()
    assert lines[1].startswith("#EXT-X-SESSION-DATA:")
    assert lines[2].startswith(f'#EXTINF:-1 xui-id="{{{channel.id}}}"')


@pytest.mark.django_db(transaction=True)
def test_what_is_unchanged_is_not_sent_again(client, viewer):
    LinkFactory()
    first = client.get("/playlist", {"token": viewer.token})
    again = client.get("/playlist", {"token": viewer.token}, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/playlist", {"token": ViewerFactory().token})["ETag"] != first["ETag"]
