"""What the live addresses answer to who would be refused, where slates are wanted instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.http import HttpRequest, StreamingHttpResponse
from django.test import Client

from channels.models import Channel
from restreamer.lib.errors import RestreamerError
from streaming.handover import RelayUnreachable
from streaming.relay import consolation
from streaming.relay.seams import Ticket
from streaming.relay.slates import path_of
from streaming.views import live, slates
from tests.factories import LinkFactory, ViewerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings) -> list[Ticket]:
    """Tickets for slates; both slates are there, and wanted."""
    tickets: list[Ticket] = []

    def take(request: HttpRequest, ticket: Ticket) -> StreamingHttpResponse:
        tickets.append(ticket)
        return StreamingHttpResponse(iter([b"G"]), content_type="video/mp2t")

    monkeypatch.setattr(slates, "hand_over", take)
    monkeypatch.setattr(live, "hand_over", take)
    settings.REFUSAL_SLATE_S = 20.0
    settings.SLATE_FOLDER = tmp_path
    for name in consolation.NAMES:
        path_of(tmp_path, name, consolation.FORM).write_bytes(b"television")
    return tickets


@pytest.fixture
def off() -> Channel:
    """A channel that cannot play."""
    return LinkFactory(stream__portal__enabled=False).channel


def ask(channel: Channel, method: str = "get") -> int:
    token = ViewerFactory(name="anna").token
    response = getattr(Client(), method)(f"/stream/{channel.pk}?token={token}")
    return int(response.status_code)


def test_nothing_to_play_is_shown(shown: list[Ticket], off: Channel) -> None:
    assert ask(off) == 200
    (ticket,) = shown
    assert (ticket.key, ticket.viewer_id, ticket.for_s) == ("slate:nothing_available", 0, 20.0)
    assert (ticket.viewer_name, ticket.peer) == ("anna", "127.0.0.1")


def test_the_limit_is_shown_and_takes_no_slot(shown: list[Ticket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.limits.GRACE_S", 0.0)
    viewer = ViewerFactory(connections=1)
    for agent in ("TV", "Phone", "Tablet"):
        channel = LinkFactory().channel
        response = Client().get(f"/stream/{channel.pk}?token={viewer.token}", HTTP_USER_AGENT=agent)
        assert response.status_code == 200
    assert [ticket.key for ticket in shown[1:]] == ["slate:limit_reached"] * 2
    assert len({ticket.session_id for ticket in shown}) == 3


def test_probing_with_head_is_answered_with_the_refusal(shown: list[Ticket], off: Channel) -> None:
    assert (ask(off, "head"), shown) == (503, [])


def test_off_it_is_the_refusal(shown: list[Ticket], off: Channel, settings) -> None:
    settings.REFUSAL_SLATE_S = 0.0
    assert (ask(off), shown) == (503, [])


def test_without_the_file_it_is_the_refusal(shown: list[Ticket], off: Channel, tmp_path: Path, settings) -> None:
    settings.SLATE_FOLDER = tmp_path / "empty"
    assert (ask(off), shown) == (503, [])


def test_without_the_relay_it_is_the_refusal(
    shown: list[Ticket], off: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(request: HttpRequest, ticket: Ticket) -> None:
        raise RelayUnreachable

    monkeypatch.setattr(slates, "hand_over", unreachable)
    assert ask(off) == 503


def test_what_is_for_nobody_is_not_hidden(shown: list[Ticket]) -> None:
    channel = LinkFactory(channel__enabled=False).channel
    assert (ask(channel), shown) == (404, [])


def test_every_slate_an_error_names_is_made() -> None:
    def named(error: type[RestreamerError]) -> set[str]:
        return {error.slate}.union(*(named(one) for one in error.__subclasses__()))

    assert named(RestreamerError) - {""} == set(consolation.NAMES)
