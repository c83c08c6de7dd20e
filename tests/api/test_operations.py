"""What the operations say and do, and that nothing typed breaks them."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Viewer
from channels.models import Channel, Group, Lineup
from guide.importer import import_guide
from guide.models import EpgSource, GuideMatch
from guide.models.match import Decision
from guide.records import GuideChannelRecord, GuideRecord
from monitoring import alerts
from portals.models import Run, RunKind, RunState, SubscriptionState
from restreamer.lib.redis_client import connection
from streaming.models import PlaySession
from streaming.relay.seams import RelayFacts, SessionFacts
from streaming.session_book import SessionBook
from tests.factories import (
    ChannelFactory,
    GenreFactory,
    GroupFactory,
    LinkFactory,
    PortalFactory,
    StreamFactory,
    SubscriptionFactory,
    ViewerFactory,
)
from tests.streaming.titles import episode_on, movie_on
from vod.models import Movie

pytestmark = pytest.mark.django_db

ODD = ["\0", "'; DROP TABLE x; --", "%", "\U0001f4fa", "ש", "a" * 3000, "../../etc/passwd"]


def test_channels_are_listed_filtered_and_paged(program):
    news = GroupFactory(name="News")
    for number in range(3):
        LinkFactory(channel__name=f"News {number}", channel__number=number, channel__group=news)
    ChannelFactory(name="Hidden", enabled=False)
    status, said = program("get", "channels", limit=2)
    assert (status, said["count"], len(said["items"])) == (200, 4, 2)
    assert program("get", "channels", group="News", search="news 2")[1]["items"][0]["name"] == "News 2"
    assert program("get", "channels", enabled="false")[1]["count"] == 1
    slug = Channel.objects.get(name="News 1").streams.get().portal.slug
    assert [one["name"] for one in program("get", "channels", portal=slug)[1]["items"]] == ["News 1"]


def test_a_channel_tells_its_streams_in_order(program):
    channel = ChannelFactory()
    second = LinkFactory(channel=channel, rank=2).stream
    first = LinkFactory(channel=channel, rank=1).stream
    said = program("get", f"channels/{channel.pk}")[1]
    assert [one["id"] for one in said["streams"]] == [first.pk, second.pk]
    assert program("get", "channels/99999")[0] == 404


def test_a_channel_is_changed_where_it_is_said_and_nowhere_else(program):
    channel = ChannelFactory(name="Old", number=5, adult=True)
    body = {"name": "New HD", "group": "Sport", "enabled": False, "favourite": True}
    status, said = program("patch", f"channels/{channel.pk}", body)
    assert (status, said["name"], said["group"], said["number"]) == (200, "New HD", "Sport", "5.00")
    channel.refresh_from_db()
    assert (channel.enabled, channel.adult, channel.favourite, channel.quality) == (False, True, True, "hd")
    assert program("patch", f"channels/{channel.pk}", {"number": None, "group": ""})[1]["number"] is None
    assert Group.objects.filter(name="Sport").exists()


@pytest.mark.parametrize("body", [{"name": ""}, {"number": -1}, {"number": "x"}, {"enabled": "maybe"}])
def test_a_change_that_makes_no_sense_changes_nothing(program, body):
    channel = ChannelFactory(name="Old")
    assert program("patch", f"channels/{channel.pk}", body)[0] in (400, 422)
    channel.refresh_from_db()
    assert channel.name == "Old"


def test_streams_of_portals_with_their_channels(program):
    portal = PortalFactory(slug="home")
    fed = LinkFactory(stream__portal=portal).stream
    loose = StreamFactory(portal=portal, genre=GenreFactory(portal=portal, name="Kids"))
    items = {one["id"]: one for one in program("get", "streams", portal="home")[1]["items"]}
    assert (items[fed.pk]["channel"], items[loose.pk]["channel"]) == (fed.link.channel_id, None)
    assert [one["id"] for one in program("get", "streams", unassigned="true")[1]["items"]] == [loose.pk]
    assert [one["id"] for one in program("get", "streams", genre="Kids")[1]["items"]] == [loose.pk]


def test_movies_and_series(program, monkeypatch):
    monkeypatch.setattr("vod.details.ensure", lambda title: None)
    portal = PortalFactory(slug="home")
    movie, episode = movie_on(portal, name="Amélie"), episode_on(portal)
    Movie.objects.update(search_text="amelie")
    assert program("get", "movies", search="Amélie")[1]["items"][0]["id"] == movie.pk
    assert program("get", f"movies/{movie.pk}")[1]["portals"] == ["home"]
    said = program("get", f"series/{episode.series.pk}")[1]
    assert [(one["season"], one["number"]) for one in said["episodes"]] == [(1, 2)]
    body = {"name": "Mine", "category": "Best", "enabled": False}
    assert program("patch", f"movies/{movie.pk}", body)[1]["category"] == "Best"
    row = Movie.objects.get()
    assert (row.shown_name, row.enabled, row.curated) == ("Mine", False, True)


@pytest.fixture
def guided(program):
    channel = LinkFactory(channel__name="One", channel__group=GroupFactory(name="News")).channel
    now = timezone.now()
    source = EpgSource.objects.create(name="Guide", address="http://g/", days_back=60, days_ahead=60)
    hour = timedelta(hours=1)
    rows = [
        GuideRecord("a", now - hour, now + hour, "Evening news", description="All of today"),
        GuideRecord("a", now + hour, now + 2 * hour, "Football"),
    ]
    import_guide(source, [GuideChannelRecord("a"), *rows], now=now)
    GuideMatch.objects.create(channel_id=channel.pk, guide_id="a", source=source, decision=Decision.ACCEPTED)
    return channel


def test_the_guide_now_by_channel_and_by_words(program, guided):
    other = ChannelFactory()
    said = program("get", "guide/now", channel=[guided.pk, other.pk])[1]
    assert [(one["now"] or {}).get("title") for one in said] == ["Evening news", None]
    assert said[0]["next"]["title"] == "Football"
    titles = [one["title"] for one in program("get", f"guide/channels/{guided.pk}")[1]]
    assert titles == ["Evening news", "Football"]
    assert [one["title"] for one in program("get", "guide/search", text="NEWS today")[1]] == ["Evening news"]
    assert program("get", "guide/search", text="football", group="Other")[1] == []
    assert program("get", "guide/search", text="x")[0] == 422
    assert program("get", f"guide/channels/{guided.pk}", start="2026-05-04T20:15:00")[0] == 400


def test_providers_are_told_without_secrets(program):
    SubscriptionFactory(portal=PortalFactory(slug="home"), mac="00:1A:79:AA:BB:CC", login="u", password="hunter2")
    status, said = program("get", "portals")
    assert (status, said[0]["subscriptions"][0]["name"]) == (200, "00:1A:79:**:**:CC")
    assert "hunter2" not in str(said)
    assert "AA:BB" not in str(said)


def test_a_refresh_is_asked_for_followed_and_stopped(program):
    PortalFactory(slug="home", with_vod=False)
    status, said = program("post", "portals/home/refresh")
    assert (status, [one["kind"] for one in said]) == (202, ["live"])
    assert program("post", "portals/home/refresh")[1][0]["id"] == said[0]["id"], "the same one"
    assert program("get", f"runs/{said[0]['id']}")[1]["state"] == "queued"
    assert program("post", f"runs/{said[0]['id']}/stop")[1]["state"] == "cancelled"
    assert program("get", "runs")[1]["count"] == 1
    assert Run.objects.get().asked_by == "ada"
    assert program("post", "portals/nobody/refresh")[0] == 404


def test_alerts_are_listed_and_resolved(program):
    SubscriptionFactory(state=SubscriptionState.BLOCKED)
    Run.objects.create(portal=PortalFactory(), kind=RunKind.LIVE, state=RunState.FAILED)
    alerts.look(timezone.now())
    said = program("get", "alerts")[1]
    assert said["count"] == 2
    assert program("post", f"alerts/{said['items'][0]['id']}/resolve")[1]["resolved_by"] == "ada"
    assert program("get", "alerts")[1]["count"] == 1
    assert program("get", "alerts", resolved="true")[1]["count"] == 1


def test_what_plays_is_told_and_steered(program):
    channel = LinkFactory(channel__name="News").channel
    key = f"channel:{channel.pk}"
    book = SessionBook(connection(), "node1:relay")
    relay = RelayFacts(key, "News", "running", "1/1", "Sofa", 1, 5, 6, time.time(), 1, 1)
    viewer = SessionFacts("s1", key, 1, "kitchen", "News", "10.0.0.7", "VLC", time.time(), 12, 1.5)
    book.beat([relay], [viewer])
    said = program("get", "playing")[1]
    assert [(one["viewer"], one["watches"]) for one in said["viewings"]] == [("kitchen", "News")]
    assert [(one["key"], one["source"]) for one in said["running"]] == [(key, "Sofa")]
    assert program("post", "playing/s1/stop")[0] == 200
    assert program("post", f"running/{key}/switch")[0] == 200
    assert [command.name for command in book.beat([relay], [viewer])] == ["stop", "switch"]
    assert program("post", "playing/nobody/stop")[0] == 404
    assert program("post", "running/channel:999/switch")[0] == 404


def test_viewings_and_a_journal(program):
    now = timezone.now()
    PlaySession.objects.create(
        session_id="s9",
        viewer_name="sofa",
        title="News",
        started_at=now,
        ended_at=now,
        end="left",
        sentence="All well.",
    )
    assert program("get", "viewings", viewer="sofa")[1]["items"][0]["sentence"] == "All well."
    assert program("get", "viewings", viewer="else")[1]["count"] == 0
    assert program("get", "viewings/s9/journal")[1]["sentence"] == "All well."
    assert program("get", "viewings/none/journal")[0] == 404


def test_a_viewer_from_its_beginning_to_its_end(program):
    Lineup.objects.create(name="Kids", slug="kids")
    status, said = program("post", "viewers", {"name": "bedroom", "connections": 2})
    assert status == 201
    viewer = Viewer.objects.get()
    assert viewer.check_password(said["password"])
    assert viewer.token in said["addresses"]["playlist"]
    listed = program("get", "viewers")[1]
    assert viewer.token not in str(listed)
    body = {"connections": 1, "lineups": ["kids"], "networks": "10.0.0.0/8", "limit_policy": "end_oldest"}
    assert program("patch", "viewers/bedroom", body)[1]["lineups"] == ["kids"]
    token = program("post", "viewers/bedroom/token")[1]["token"]
    assert token != viewer.token
    assert program("delete", "viewers/bedroom") == (204, None)
    assert program("delete", "viewers/bedroom")[0] == 404


@pytest.mark.parametrize(
    "body", [{"networks": "everywhere"}, {"limit_policy": "x"}, {"lineups": ["none"]}, {"connections": -1}]
)
def test_a_viewer_is_not_changed_by_half(program, body):
    ViewerFactory(name="sofa", connections=3)
    status, said = program("patch", "viewers/sofa", {"enabled": False, **body})
    assert status in (400, 422)
    assert said["detail"]
    assert Viewer.objects.get().enabled


@pytest.mark.parametrize("body", [{"name": "admin"}, {"name": "a b"}, {"name": "x", "password": "short"}, {}])
def test_a_viewer_that_cannot_be_is_not_made(program, body):
    assert program("post", "viewers", body)[0] in (400, 422)
    assert Viewer.objects.count() == 0


@pytest.mark.parametrize("odd", ODD, ids=[f"odd{at}" for at in range(len(ODD))])
def test_nothing_typed_breaks_a_search(program, odd):
    LinkFactory()
    for path, name in (
        ("channels", "search"), ("channels", "group"), ("channels", "portal"), ("streams", "search"),
        ("streams", "genre"), ("movies", "search"), ("movies", "category"), ("series", "portal"),
        ("viewings", "viewer"), ("guide/search", "text"),
    ):  # fmt: skip
        assert program("get", path, **{name: odd})[0] in (200, 422)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 5000}, {"limit": "x"}, {"offset": -1}, {"offset": 10**12}])
def test_pages_have_bounds(program, query):
    assert program("get", "channels", **query)[0] == 422


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("guide/now", {"channel": "99999999999999999999999"}),
        ("guide/now", {"channel": "-1"}),
        ("guide/channels/{channel}", {"start": "9999-12-31T23:59:59Z"}),
        ("guide/channels/{channel}", {"start": "0001-01-01T00:00:00+14:00"}),
        ("channels", {"search": "x" * 100_000}),
        ("streams", {"search": "x" * 100_000}),
        ("movies", {"search": "x" * 100_000}),
    ],
)
def test_what_no_database_can_hold_is_refused(program, path, query):
    channel = ChannelFactory()
    assert program("get", path.format(channel=channel.pk), **query)[0] in (400, 422)


def test_statements_do_not_grow_with_channels(program, django_assert_max_num_queries):
    for _ in range(20):
        LinkFactory(channel__group=GroupFactory())
    with django_assert_max_num_queries(8):
        assert len(program("get", "channels")[1]["items"]) == 20
    with django_assert_max_num_queries(8):
        assert len(program("get", "streams")[1]["items"]) == 20
