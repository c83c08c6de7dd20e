"""One limit over every pair of ways a stream may be opened with; `active_cons` is true at each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, resolve
from redis import Redis

from accounts.models import LimitPolicy, Viewer
from streaming import urls
from streaming.dealing import owner_of
from streaming.ear import CommandEar
from streaming.relay import endings
from streaming.relay.polling import Heard, Presence
from streaming.relay.seams import Command, SessionFacts, Ticket
from streaming.session_book import SessionBook
from streaming.views import catchup, group, hls, live, passing, titles, xtream_streams
from streaming.views.hdhr import tune
from tests.factories import PortalFactory, SubscriptionFactory, ViewerFactory
from tests.streaming import ways
from tests.streaming.ways import WAYS, Content

pytestmark = pytest.mark.django_db

NAMES = list(WAYS)
SENTENCE = b"Your limit of streams at once is reached. Stop another one first.\n"


class Desk:
    """What a relay is to the views, without its bytes: who is handed over plays until ended, and is told of ends."""

    def __init__(self, client: Redis) -> None:
        self._book = SessionBook(client, owner_of(""))
        self.playing: dict[str, SessionFacts] = {}
        self.ended: list[tuple[str, str]] = []

    def hand_over(self, request: object, ticket: Ticket) -> HttpResponse:
        self.playing[ticket.agent] = SessionFacts.of(ticket, time.time(), 0, 0.0)
        self._book.beat([], list(self.playing.values()))
        return HttpResponse(b"G")

    def obey(self, command: Command) -> None:
        for agent, facts in list(self.playing.items()):
            if facts.session_id == command.arguments["session_id"]:
                self.end(agent, command.arguments["reason"])

    def end(self, agent: str, reason: str = endings.LEFT) -> None:
        facts = self.playing.pop(agent)
        self.ended.append((agent, reason))
        self._book.ended(facts, reason)


@pytest.fixture
def desk(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    one = Desk(redis)
    for room in (live, hls, passing):
        monkeypatch.setattr(room, "hand_over", one.hand_over)
    monkeypatch.setattr(hls, "hear", lambda *_, **__: Heard(Presence.UNKNOWN))
    monkeypatch.setattr("streaming.limits.GRACE_S", 0.0)
    ear = CommandEar(redis, owner_of(""), one.obey)
    ear.start()
    yield one
    ear.stop()
    ear._thread.join(3)


@pytest.fixture
def viewer() -> Viewer:
    one: Viewer = ViewerFactory(name="kitchen", connections=2)
    ways.device(one)
    return one


@pytest.fixture
def contents() -> list[Content]:
    portal = PortalFactory(slug=ways.PORTAL)
    SubscriptionFactory(portal=portal)
    return [ways.content(portal, number) for number in (1, 2, 3)]


def active(client: Client, viewer: Viewer) -> int:
    login = {"username": viewer.name, "password": viewer.token}
    info = client.get("/player_api.php", login).json()["user_info"]
    assert info["max_connections"] == "2"
    return int(info["active_cons"])


def _seconds(first: str) -> Iterator[tuple[str, LimitPolicy]]:
    """Every way, with the policy to be tried: each pair meets both, one for each order."""
    for second in NAMES:
        if NAMES.index(first) <= NAMES.index(second):
            yield second, LimitPolicy.REFUSE
        if NAMES.index(first) >= NAMES.index(second):
            yield second, LimitPolicy.END_OLDEST


@pytest.mark.parametrize("first", NAMES)
def test_the_third_stream_is_refused_or_the_oldest_ended_whatever_they_are(
    client: Client, viewer: Viewer, contents: list[Content], desk: Desk, first: str
) -> None:
    def ask(way: str, number: int, agent: str):
        return client.get(WAYS[way](viewer, contents[number]), headers={"User-Agent": agent})

    for at, (second, policy) in enumerate(_seconds(first)):
        third = NAMES[(at + NAMES.index(first)) % len(NAMES)]
        told = f"{first}, {second}, then {third}: {policy}"
        viewer.limit_policy = policy
        viewer.save()
        assert active(client, viewer) == 0, told
        assert ask(first, 0, "A").status_code == 200, told
        assert active(client, viewer) == 1, told
        assert ask(second, 1, "B").status_code == 200, told
        assert active(client, viewer) == 2, told
        answer = ask(third, 2, "C")
        assert active(client, viewer) == 2, told
        if policy == LimitPolicy.REFUSE:
            assert (answer.status_code, answer.content) == (503, SENTENCE), told
            assert answer["X-HDHomeRun-Error"] == "805 All Tuners In Use", told
            assert int(answer["Retry-After"]) > 0, told
            assert (set(desk.playing), desk.ended) == ({"A", "B"}, []), told
        else:
            assert answer.status_code == 200, told
            assert (set(desk.playing), desk.ended) == ({"B", "C"}, [("A", endings.CHANGED)]), told
        desk.end(min(desk.playing))
        assert active(client, viewer) == 1, told
        desk.end(min(desk.playing))
        assert active(client, viewer) == 0, told
        desk.ended.clear()


@pytest.mark.parametrize("way", NAMES)
def test_what_one_player_opens_several_times_counts_once_everywhere(
    client: Client, viewer: Viewer, contents: list[Content], desk: Desk, way: str
) -> None:
    for _ in range(3):
        assert client.get(WAYS[way](viewer, contents[0]), headers={"User-Agent": "Kodi"}).status_code == 200
    assert active(client, viewer) == 1
    tuners = client.get(f"/hdhr/{viewer.token}/status.json").json()
    assert [one for one in tuners if "TargetIP" in one] == tuners[:1]


#: Asked by players that have begun already, or by nobody who plays.
NO_BEGINNING = {hls.segment, live.nowhere}
ROOMS = (live, hls, titles, catchup, group, xtream_streams)


def _views(found) -> Iterator[Callable[..., object]]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from _views(one.url_patterns)
        else:
            yield one.callback


def test_no_address_that_plays_is_missing_among_the_ways(viewer: Viewer, contents: list[Content]) -> None:
    rooms = {room.__name__ for room in ROOMS}
    play = {one for one in _views(urls.urlpatterns) if one.__module__ in rooms or one is tune} - NO_BEGINNING
    known = {resolve(way(viewer, contents[0]).partition("?")[0]).func for way in WAYS.values()}
    assert {one.__qualname__ for one in play - known} == set()
