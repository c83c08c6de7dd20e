"""Live addresses: who may, what they are told, and what is handed over."""

from __future__ import annotations

import datetime
import logging

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.utils import timezone
from redis import Redis

from accounts.models import Viewer
from channels.models import Channel
from restreamer.lib.errors import RestreamerError
from streaming.handover import RelayUnreachable
from streaming.relay.seams import Ticket
from streaming.sessions import Sessions
from streaming.views import live
from tests.factories import ChannelFactory, LinkFactory, PortalFactory, ViewerFactory

pytestmark = pytest.mark.django_db


class FakeRelay:
    """Takes tickets instead of the relay."""

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.error: Exception | None = None

    def __call__(self, request: HttpRequest, ticket: Ticket) -> HttpResponse | StreamingHttpResponse:
        self.tickets.append(ticket)
        if self.error is not None:
            raise self.error
        return StreamingHttpResponse(iter([b"G"]), content_type="video/mp2t")


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> FakeRelay:
    fake = FakeRelay()
    monkeypatch.setattr(live, "hand_over", fake)
    return fake


@pytest.fixture
def viewer() -> Viewer:
    return ViewerFactory()


@pytest.fixture
def channel() -> Channel:
    return LinkFactory(channel__name="News", stream__portal__slug="home", stream__provider_id="42").channel


def address(channel: Channel, viewer: Viewer) -> str:
    return f"/stream/{channel.pk}?token={viewer.token}"


def told(response: HttpResponse) -> str:
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert response["Access-Control-Allow-Origin"] == "*"
    text = response.content.decode()
    assert "<" not in text
    return text.strip()


# --- the straight way ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/stream/{id}?token={token}",
        "/stream/{id}.ts?token={token}",
        "/t/{token}/stream/{id}",
        "/t/{token}/stream/{id}.ts",
        "/play/home/42?token={token}",
        "/play/{portal}/42?token={token}",
        "/t/{token}/play/home/42",
    ],
)
def test_every_address_of_a_channel_hands_the_same_ticket_over(
    client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel, path: str
) -> None:
    portal = channel.links.get().stream.portal_id
    response = client.get(
        path.format(id=channel.pk, token=viewer.token, portal=portal), HTTP_USER_AGENT="VLC/3.0", HTTP_RANGE="bytes=0-"
    )
    assert response.status_code == 200
    (ticket,) = relay.tickets
    assert (ticket.key, ticket.viewer_id, ticket.title) == (f"channel:{channel.pk}", viewer.pk, "News")
    assert (ticket.peer, ticket.agent, ticket.protocol) == ("127.0.0.1", "VLC/3.0", "HTTP/1.1")
    assert ticket.for_s == 24 * 3600


def test_provider_ids_may_hold_anything(client: Client, relay: FakeRelay, viewer: Viewer) -> None:
    LinkFactory(stream__portal__slug="m3u", stream__provider_id="http://x/a b?c=1&d=é/7")
    response = client.get("/play/m3u/http:%2F%2Fx/a%20b%3Fc=1&d=%C3%A9/7", {"token": viewer.token})
    assert response.status_code == 200


def test_a_second_stream_of_a_channel_shares_its_upstream(
    client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel
) -> None:
    LinkFactory(channel=channel, stream__portal__slug="other", stream__provider_id="7")
    client.get(f"/play/other/7?token={viewer.token}")
    assert relay.tickets[0].key == f"channel:{channel.pk}"


def test_head_answers_without_taking_anything(
    client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel, redis: Redis
) -> None:
    response = client.head(address(channel, viewer))
    assert response.status_code == 200
    assert response["Content-Type"] == "video/mp2t"
    assert relay.tickets == []
    assert Sessions(redis).sessions() == []


def test_a_viewing_is_in_the_book_before_the_relay_knows_it(
    client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel, redis: Redis
) -> None:
    client.get(address(channel, viewer))
    (row,) = Sessions(redis).sessions()
    assert row.session_id == relay.tickets[0].session_id


def test_the_number_of_queries_is_fixed(
    client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel, django_assert_num_queries
) -> None:
    # The viewer, the viewer's lineups, the channel, what offers it.
    with django_assert_num_queries(4):
        client.get(address(channel, viewer))


def test_other_origins_may_play(client: Client, viewer: Viewer, channel: Channel) -> None:
    response = client.options(address(channel, viewer))
    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == "*"


def test_posting_is_refused_in_plain_text(client: Client, viewer: Viewer, channel: Channel) -> None:
    response = client.post(address(channel, viewer))
    assert response.status_code == 405
    assert "GET" in told(response)


# --- refusals -----------------------------------------------------------------------------------------------------


def test_no_token_and_a_wrong_one_get_the_same_answer(client: Client, relay: FakeRelay, channel: Channel) -> None:
    answers = [
        client.get(f"/stream/{channel.pk}{query}")
        for query in ("", "?token=", "?token=wrong", "?token=" + "x" * 5000, "?token=%00", "?token=%F0%9F%98%80")
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert "token" in told(answers[0])
    assert not any(answer.has_header("WWW-Authenticate") for answer in answers)


def test_without_a_token_nobody_learns_which_channels_exist(client: Client, channel: Channel) -> None:
    known, unknown = client.get(f"/stream/{channel.pk}"), client.get("/stream/999999")
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"enabled": False}, "This login is switched off."),
        ({"expires_at": timezone.now() - datetime.timedelta(seconds=1)}, "This login has expired."),
    ],
)
def test_a_login_that_may_not_watch_is_told_why(client: Client, channel: Channel, change, sentence) -> None:
    response = client.get(address(channel, ViewerFactory(**change)))
    assert response.status_code == 403
    assert told(response) == sentence


@pytest.mark.parametrize(
    "path", ["/stream/999999", "/stream/99999999999999999999999", "/play/home/43", "/play/x/42", "/play/home/%00"]
)
def test_an_unknown_channel_is_not_found(client: Client, viewer: Viewer, channel: Channel, path: str) -> None:
    response = client.get(f"{path}?token={viewer.token}")
    assert response.status_code == 404
    assert told(response) == "There is no such channel."


@pytest.mark.parametrize(
    "path",
    [
        "/stream",
        "/stream/",
        "/stream/abc",
        "/stream/1/",
        "/stream/-1",
        "/play",
        "/play/home",
        "/t/x/stream/",
        "/t//play/",
    ],
)
def test_what_is_no_address_of_ours_is_no_page_either(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert told(response) == "There is no such channel."


def test_a_disabled_channel_is_not_found(client: Client, viewer: Viewer) -> None:
    channel = LinkFactory(channel__enabled=False, stream__portal__slug="p", stream__provider_id="1").channel
    assert client.get(address(channel, viewer)).status_code == 404
    assert client.get(f"/play/p/1?token={viewer.token}").status_code == 404


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_channel_whose_streams_are_all_gone_is_gone(client: Client, viewer: Viewer, method: str) -> None:
    stale = LinkFactory(stream__stale_since=timezone.now()).channel
    assert getattr(client, method)(address(stale, viewer)).status_code == 410
    assert getattr(client, method)(address(ChannelFactory(), viewer)).status_code == 410


def test_a_channel_whose_portal_is_switched_off_may_come_back(client: Client, viewer: Viewer) -> None:
    response = client.get(address(LinkFactory(stream__portal__enabled=False).channel, viewer))
    assert response.status_code == 503
    assert response["Retry-After"]


def test_the_viewers_limit_is_told_with_when_to_come_back(
    client: Client, relay: FakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streaming.limits.GRACE_S", 0.0)
    viewer = ViewerFactory(connections=1)
    first, second = LinkFactory().channel, LinkFactory().channel
    client.get(address(first, viewer), HTTP_USER_AGENT="TV")
    response = client.get(address(second, viewer), HTTP_USER_AGENT="Phone")
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "limit" in told(response)
    assert len(relay.tickets) == 1


def test_an_unreachable_relay_gives_the_slot_back(
    client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel, redis: Redis
) -> None:
    relay.error = RelayUnreachable()
    response = client.get(address(channel, viewer))
    assert response.status_code == 503
    assert told(response) == RelayUnreachable.public
    assert Sessions(redis).sessions() == []


def test_a_defect_is_plain_text_for_players_and_a_traceback_for_us(
    client: Client,
    relay: FakeRelay,
    viewer: Viewer,
    channel: Channel,
    redis: Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    relay.error = ZeroDivisionError("a defect")
    with caplog.at_level(logging.ERROR):
        response = client.get(address(channel, viewer))
    assert response.status_code == 500
    assert told(response) == RestreamerError.public
    assert Sessions(redis).sessions() == []
    assert "a defect" in caplog.text


def test_what_players_read_names_no_portal(client: Client, relay: FakeRelay, viewer: Viewer) -> None:
    portal = PortalFactory(name="Secret Portal", slug="secret-portal", enabled=False)
    response = client.get(address(LinkFactory(stream__portal=portal).channel, viewer))
    assert "secret" not in told(response).lower()


# --- where they come from -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "expected"),
    [
        ([], "192.0.2.9", "203.0.113.5", "192.0.2.9"),
        (["10.0.0.0/8"], "192.0.2.9", "203.0.113.5", "192.0.2.9"),
        (["10.0.0.0/8"], "10.1.1.1", "203.0.113.5", "203.0.113.5"),
        (["10.0.0.0/8"], "10.1.1.1", "", "10.1.1.1"),
        (["10.0.0.0/8"], "10.1.1.1", "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        (["10.0.0.0/8"], "10.1.1.1", "203.0.113.5, 10.2.2.2", "203.0.113.5"),
        (["10.0.0.0/8"], "10.1.1.1", "203.0.113.5:4711", "203.0.113.5"),
        (["10.0.0.0/8"], "10.1.1.1", "[2001:db8::1]:4711", "2001:db8::1"),
        (["10.0.0.0/8"], "10.1.1.1", "2001:db8::1", "2001:db8::1"),
        (["10.0.0.0/8"], "10.1.1.1", "<script>, unknown", "10.1.1.1"),
        (["10.0.0.0/8"], "10.1.1.1", ", ,", "10.1.1.1"),
        (["10.0.0.0/8"], "", "203.0.113.5", ""),
        (["unix"], "", "203.0.113.5", "203.0.113.5"),
        (["::1/128"], "::1", "203.0.113.5", "203.0.113.5"),
    ],
)
def test_the_players_address_is_believed_only_from_trusted_proxies(
    client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel, settings, trusted, remote, forwarded, expected
) -> None:
    settings.TRUSTED_PROXIES = trusted
    client.get(address(channel, viewer), REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert relay.tickets[0].peer == expected


def test_a_long_agent_is_cut(client: Client, relay: FakeRelay, viewer: Viewer, channel: Channel) -> None:
    client.get(address(channel, viewer), HTTP_USER_AGENT="x" * 60_000)
    assert len(relay.tickets[0].agent) == 200
