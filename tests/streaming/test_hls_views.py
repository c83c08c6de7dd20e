"""HLS as a player asks for it: views, limits, slots and a whole relay, against a provider that counts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.db import connections
from django.test import Client
from redis import Redis

from accounts.models import Viewer
from channels.models import Channel
from portals.models import Subscription
from restreamer.lib.redis_client import connection
from streaming.relay import polling
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes import leftovers
from tests.fakes.upstream import TsOrigin
from tests.mpegts.analyser import analyse
from tests.streaming.openers import channel_on, in_threads
from tests.streaming.relay.rig import wait_for
from tests.streaming.test_playing import House

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def nothing_left(redis: Redis) -> Iterator[None]:
    """Descriptors and threads are back to the start; connections to Redis and the database are closed before."""
    connections.close_all()
    connection().connection_pool.disconnect()
    with leftovers.none_expected():
        yield
        connection().connection_pool.disconnect()
        connections.close_all()


@pytest.fixture
def house(origin: TsOrigin, tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A relay; at the end, when the players have stopped asking, nothing is left, files neither."""
    origin.pace = 20.0
    one = House(origin, tmp_path, linger_s=0.1)
    settings.RELAY_SOCKET = one.path
    settings.HLS_FOLDER = tmp_path / "hls"
    yield one
    monkeypatch.setattr(polling, "IDLE_S", 0.0)
    monkeypatch.setattr(polling, "FIRST_S", 0.0)
    assert wait_for(one.at_rest)
    assert wait_for(lambda: not list(settings.HLS_FOLDER.glob("*")))
    one.stop()


@pytest.fixture
def mac(origin: TsOrigin) -> Subscription:
    one: Subscription = SubscriptionFactory(portal=PortalFactory())
    origin.limits[one.mac] = 1
    return one


@pytest.fixture
def channel(mac: Subscription) -> Channel:
    return channel_on(mac.portal)


class Player:
    """Follows addresses as players do: relative ones, without cookies."""

    def __init__(self, viewer: Viewer, agent: str = "", address: str = "127.0.0.1") -> None:
        self.viewer = viewer
        self.client = Client(headers={"User-Agent": agent or f"Player of {viewer.name}"}, REMOTE_ADDR=address)
        self.list_address = ""
        self.said = b""
        self.status = 0
        self.headers: dict[str, str] = {}

    def get(self, address: str, **headers: str) -> bytes:
        response = self.client.get(address, headers=headers)
        self.status, self.headers = response.status_code, dict(response.headers)
        self.said = response.getvalue()
        response.close()
        return self.said

    def begin(self, address: str) -> str:
        """Ask for the master playlist; returns the list's address, empty when refused."""
        master = self.get(address).decode()
        named = [line for line in master.splitlines() if line and not line.startswith("#")]
        self.list_address = urljoin(address, named[0]) if self.status == 200 else ""
        return self.list_address

    def segments(self) -> list[str]:
        """The addresses of the segments listed now; empty when refused."""
        lines = self.get(self.list_address).decode().splitlines()
        return [urljoin(self.list_address, one) for one in lines if self.status == 200 and not one.startswith("#")]


def address(channel: Channel, viewer: Viewer) -> str:
    return f"/hls/{channel.pk}/index.m3u8?token={viewer.token}"


@pytest.mark.parametrize(
    "form",
    [
        "/hls/{id}/index.m3u8?token={token}",
        "/t/{token}/hls/{id}/index.m3u8",
        "/live/{name}/{token}/{id}.m3u8",
        "/{name}/{token}/{id}.m3u8",
    ],
)
def test_every_form_of_the_address_leads_to_segments(house: House, channel: Channel, form: str) -> None:
    viewer = ViewerFactory(name="anna")
    player = Player(viewer)
    assert player.begin(form.format(id=channel.pk, token=viewer.token, name=viewer.name)), player.said
    segments = player.segments()
    assert player.headers["Content-Type"] == "application/vnd.apple.mpegurl"
    assert player.headers["Cache-Control"] == "no-cache"
    data = b"".join(player.get(one) for one in segments)
    assert (player.status, player.headers["Content-Type"]) == (200, "video/mp2t")
    assert analyse(data).problems == []


def test_players_share_one_upstream_and_each_is_one_session(house: House, channel: Channel) -> None:
    players = [Player(ViewerFactory()) for _ in range(12)]
    in_threads([lambda p=p: p.begin(address(channel, p.viewer)) for p in players])
    for _ in range(2):
        for player in players:
            for one in player.segments()[-1:]:
                player.get(one)
                assert player.status == 200
    assert house.origin.opened["all"] == 1
    assert len(house.sessions.sessions()) == 12
    assert wait_for(lambda: [facts.viewers for facts, _ in house.sessions.relays()] == [12])
    assert wait_for(lambda: all(one.facts.bytes_out > 100_000 for one in house.sessions.sessions()))


def test_a_list_loaded_again_too_early_waits_for_the_next_segment(house: House, channel: Channel) -> None:
    player = Player(ViewerFactory())
    player.begin(address(channel, player.viewer))
    newest = [player.segments()[-1] for _ in range(4)]
    assert len(set(newest)) == 4, "asked at once each time, and never told that nothing is new"
    assert len(house.sessions.sessions()) == 1
    assert house.origin.opened["all"] == 1


def test_a_segment_is_served_as_players_and_caches_want_it(house: House, channel: Channel) -> None:
    player = Player(ViewerFactory())
    player.begin(address(channel, player.viewer))
    (one, *_) = player.segments()
    whole = player.get(one, Origin="http://other.example")
    tag = player.headers["ETag"]
    assert player.headers["Content-Length"] == str(len(whole))
    assert player.headers["Access-Control-Allow-Origin"] == "*"
    assert player.headers["Accept-Ranges"] == "bytes"
    assert int(player.headers["Cache-Control"].split("max-age=")[1].split(",")[0]) >= 600
    assert (player.get(one, Range="bytes=0-1"), player.status) == (whole[:2], 206)
    assert player.headers["Content-Range"] == f"bytes 0-1/{len(whole)}"
    assert (player.get(one, Range="bytes=188-", **{"If-Range": tag}), player.status) == (whole[188:], 206)
    assert (player.get(one, Range="bytes=188-", **{"If-Range": '"other"'}), player.status) == (whole, 200)
    assert (player.get(one, **{"If-None-Match": tag}), player.status) == (b"", 304)
    player.get(one, Range=f"bytes={len(whole)}-")
    assert (player.status, player.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    head = player.client.head(one)
    assert (head.status_code, head["Content-Length"]) == (200, str(len(whole)))


def test_a_player_that_leaves_frees_its_slot_and_comes_back_by_asking(
    house: House, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = Player(ViewerFactory(connections=1), "TV")
    player.begin(address(channel, player.viewer))
    (first, *_) = player.segments()
    assert house.sessions.sessions()
    with monkeypatch.context() as soon:
        soon.setattr(polling, "IDLE_S", 0.0)
        assert wait_for(lambda: not house.sessions.sessions())
    player.get(first)
    assert player.status in (404, 503), "a segment alone begins nothing"
    (again, *_) = player.segments()
    assert (player.get(again)[:1], player.status) == (b"G", 200)
    assert _number(again) > _number(first)


def test_the_limit_holds_for_every_way_in(house: House, channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.limits.GRACE_S", 0.0)
    viewer = ViewerFactory(connections=1)
    first, second = Player(viewer, "TV"), Player(viewer, "Phone", address="127.0.0.2")
    first.begin(address(channel, viewer))
    (segment, *_) = first.segments()
    assert not second.begin(address(channel, viewer))
    assert (second.status, b"limit" in second.said) == (503, True)
    # The other's own addresses are no way around it.
    second.list_address = first.list_address
    assert (second.segments(), second.status) == ([], 503)
    second.get(segment)
    assert second.status == 503
    assert first.segments()


@pytest.mark.parametrize("what", ["switched off", "another network", "another token", "no token"])
def test_who_may_not_watch_any_more_gets_neither_list_nor_segment(house: House, channel: Channel, what: str) -> None:
    player = Player(ViewerFactory())
    player.begin(address(channel, player.viewer))
    (segment, *_) = player.segments()
    if what == "switched off":
        Viewer.objects.update(enabled=False)
    elif what == "another network":
        Viewer.objects.update(networks="192.0.2.0/24")
    else:
        token = ViewerFactory().token if what == "another token" else ""
        segment, player.list_address = (
            re.sub("token=[^&]+", f"token={token}", one) for one in (segment, player.list_address)
        )
    player.get(segment)
    assert player.status in (401, 403, 503)
    if what != "another token":
        assert player.segments() == []


def test_a_viewing_ended_by_hand_is_told_so(house: House, channel: Channel) -> None:
    player = Player(ViewerFactory())
    player.begin(address(channel, player.viewer))
    (segment, *_) = player.segments()
    (row,) = house.sessions.sessions()
    assert wait_for(lambda: house.sessions.stop(row.session_id))
    assert wait_for(lambda: not house.sessions.sessions(), 4)
    assert (player.segments(), player.status) == ([], 410)
    player.get(segment)
    assert player.status in (404, 410)
    assert player.begin(address(channel, player.viewer)), "a new beginning is no going on"


def test_changing_channel_on_one_connection_ends_the_old_one(house: House, mac: Subscription) -> None:
    viewer = ViewerFactory(connections=1)
    one, other = channel_on(mac.portal), channel_on(mac.portal)
    player = Player(viewer, "TV")
    old = player.begin(address(one, viewer))
    assert player.begin(address(other, viewer)), player.said
    assert player.segments()
    assert wait_for(lambda: player.get(old) is not None and player.status == 410, 4)
    assert house.origin.peak[mac.mac] == 1


def test_probing_takes_nothing(house: House, channel: Channel) -> None:
    viewer = ViewerFactory()
    for path in (f"/hls/{channel.pk}/index.m3u8", f"/hls/{channel.pk}/live.m3u8"):
        response = Client().head(f"{path}?token={viewer.token}")
        assert (response.status_code, response["Content-Type"]) == (200, "application/vnd.apple.mpegurl")
    assert house.sessions.sessions() == []


def test_a_list_alone_plays_for_those_who_know_no_master(house: House, channel: Channel) -> None:
    player = Player(ViewerFactory())
    player.list_address = f"/hls/{channel.pk}/live.m3u8?token={player.viewer.token}"
    (first, *_) = player.segments()
    assert player.get(first)[:1] == b"G"
    assert len(house.sessions.sessions()) == 1


def test_a_refusal_is_the_same_as_everywhere(house: House) -> None:
    viewer = ViewerFactory()
    for channel, status in (
        (LinkFactory(stream__portal__enabled=False).channel, 503),
        (LinkFactory(channel__enabled=False).channel, 404),
    ):
        player = Player(viewer)
        assert not player.begin(address(channel, viewer))
        assert player.status == status
        assert player.headers["Access-Control-Allow-Origin"] == "*"
    assert house.sessions.sessions() == []


@pytest.mark.parametrize("path", ["/hls", "/hls/1/", "/hls/1/x.m3u8", "/hls/1/-1.ts", "/t/x/hls/", "/hls/1/../2.ts"])
def test_what_is_no_address_of_ours_is_no_page(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("number", ["1", "9" * 300])
def test_a_segment_that_is_not_there_is_not_found(house: House, channel: Channel, number: str) -> None:
    player = Player(ViewerFactory())
    player.begin(address(channel, player.viewer))
    (segment, *_) = player.segments()
    player.get(re.sub(r"\d+\.ts", f"{number}.ts", segment))
    assert player.status == 404


def test_a_failover_is_seen_in_the_same_list(house: House, origin: TsOrigin, channel: Channel) -> None:
    player = Player(ViewerFactory())
    player.begin(address(channel, player.viewer))
    (first, *_) = player.segments()
    origin.drop()
    until = time.monotonic() + 6
    while time.monotonic() < until and house.origin.opened["all"] < 2:
        assert player.segments()
        time.sleep(0.05)
    assert wait_for(lambda: _number(player.segments()[-1]) >= _number(first) + 3)
    data = b"".join(player.get(one) for one in player.segments())
    assert analyse(data).problems == []


def _number(segment: str) -> int:
    found = re.search(r"(\d+)\.ts", segment)
    assert found is not None
    return int(found[1])


def test_a_player_that_loads_the_list_under_another_name_is_one_viewing(house: House, channel: Channel) -> None:
    viewer = ViewerFactory(connections=1)
    page, player = Player(viewer, "Safari"), Player(viewer, "AppleCoreMedia")
    player.list_address = page.begin(address(channel, viewer))
    for _ in range(3):
        assert player.segments(), player.said
    assert len(house.sessions.sessions()) == 1
