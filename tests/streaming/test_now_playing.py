"""The owner sees who watches what, and steers it: on a page and on the command line."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from channels.stream_health import StreamHealth
from guide.importer import import_guide
from guide.models import EpgSource, GuideMatch
from guide.models.match import Decision
from guide.records import GuideChannelRecord, GuideRecord
from restreamer.lib.redis_client import connection
from streaming.relay.seams import RelayFacts, SessionFacts
from streaming.session_book import SessionBook
from streaming.sessions import Sessions
from tests.factories import LinkFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(redis_server):
    return LinkFactory(channel__name="News").channel


@pytest.fixture
def book(channel):
    """A relay that plays the channel to one viewer and takes commands."""
    key = f"channel:{channel.pk}"
    stream = channel.streams.get()
    book = SessionBook(connection(), "node1:relay")
    relay = RelayFacts(
        key, "News", "running", f"{stream.pk}/1", "Sofa · 00:1A:79:**:**:01", 1, 5, 6, time.time(), stream.pk, 1
    )
    viewer = SessionFacts("s1", key, 1, "kitchen", "News", "10.0.0.7", "<b>VLC</b>", time.time(), 12_000_000, 1.5)

    def said() -> list[str]:
        """The commands that wait for the relay."""
        return [command.name for command in book.beat([relay], [viewer])]

    said()
    return said


def as_json(*words):
    out = StringIO()
    call_command("session", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_the_lists_say_who_watches_what_from_where(book):
    assert [(r["viewer"], r["watches"], r["from"]) for r in as_json("list")] == [("kitchen", "News", "10.0.0.7")]
    assert [(r["channel"], r["viewers"], r["state"]) for r in as_json("relays")] == [("News", 1, "running")]


def test_an_empty_house_says_so(redis_server):
    out = StringIO()
    call_command("session", "list", stdout=out)
    assert out.getvalue() == "Nobody is watching.\n"


def test_a_session_is_stopped_and_a_channel_switched(book, channel):
    as_json("stop", "s1")
    as_json("switch", str(channel.pk))
    assert book() == ["stop", "switch"]


def test_a_stream_of_the_channel_can_be_preferred(book, channel):
    other = LinkFactory(channel=channel).stream
    assert as_json("prefer", str(channel.pk), str(other.pk)) == {"preferred": other.pk, "runs_now": True}
    assert Sessions(connection()).preferred(f"channel:{channel.pk}") == other.pk
    as_json("prefer", str(channel.pk), "0")
    assert Sessions(connection()).preferred(f"channel:{channel.pk}") == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("stop", "nobody"), "no such session"),
        (("switch", "7"), "no channel 7"),
        (("prefer", "7", "1"), "no channel 7"),
    ],
)
def test_what_is_not_there_is_said(redis_server, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("session", *words)


def test_a_stream_of_another_channel_is_refused_with_those_there_are(book, channel):
    stranger = LinkFactory().stream
    with pytest.raises(CommandError, match=f"has no stream {stranger.pk}. It has: {channel.streams.get().pk}"):
        call_command("session", "prefer", str(channel.pk), str(stranger.pk))


def test_the_page_shows_it_escaped(admin_client, book):
    text = admin_client.get(reverse("now_playing")).content.decode()
    assert "kitchen" in text
    assert "&lt;b&gt;VLC&lt;/b&gt;" in text
    assert "Sofa · 00:1A:79:**:**:01" in text


def test_the_page_says_what_is_on_and_what_the_stream_is_made_of(admin_client, book, channel):
    now = timezone.now()
    source = EpgSource.objects.create(name="Guide", address="http://g/", days_back=60, days_ahead=60)
    broadcast = GuideRecord("a", now - timedelta(hours=1), now + timedelta(hours=1), "Evening <news>")
    import_guide(source, [GuideChannelRecord("a"), broadcast], now=now)
    GuideMatch.objects.create(channel_id=channel.pk, guide_id="a", source=source, decision=Decision.ACCEPTED)
    StreamHealth.objects.create(
        stream=channel.streams.get(), scored_at=now, width=1280, height=720, picture="h264", bitrate_bps=4_000_000
    )
    text = admin_client.get(reverse("now_playing")).content.decode()
    assert "On now: Evening &lt;news&gt;" in text
    assert "1280×720" in text
    assert "Mbit/s on average" in text


def test_the_page_of_an_empty_house(admin_client, redis_server):
    assert "Nobody is watching" in admin_client.get(reverse("now_playing")).content.decode()


def test_the_buttons_steer(admin_client, book, channel):
    key = f"channel:{channel.pk}"
    other = LinkFactory(channel=channel).stream
    admin_client.post(reverse("now_stop"), {"session": "s1"})
    admin_client.post(reverse("now_switch"), {"key": key})
    admin_client.post(reverse("now_prefer"), {"key": key, "stream": other.pk})
    assert book()[:2] == ["stop", "switch"]
    assert Sessions(connection()).preferred(key) == other.pk


@pytest.mark.parametrize("name", ["now_stop", "now_switch", "now_prefer"])
def test_a_link_alone_steers_nothing_and_strangers_never_do(client, admin_client, redis_server, name):
    assert admin_client.get(reverse(name)).status_code == 405
    assert client.post(reverse(name)).status_code == 302
