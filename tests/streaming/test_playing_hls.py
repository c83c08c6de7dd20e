"""A playlist as a channel's address: views, slots and a whole relay, against a provider that counts connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from redis import Redis

from restreamer.lib.redis_client import connection
from tests.factories import PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes import leftovers
from tests.fakes.hls_origin import Answer, HlsOrigin, playlist
from tests.streaming.hls.material import Cut, fragmented, television, verdict
from tests.streaming.openers import channel_on
from tests.streaming.relay.rig import begins_cleanly, wait_for
from tests.streaming.test_playing import LINGER_S, House, Player

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]


class HlsProvider(HlsOrigin):
    """Gives every item the same live list, which moves on with the clock, a segment a second."""

    def __init__(self, cut: Cut, *head: str, size: int = 4) -> None:
        super().__init__()
        self.pace = 1.0
        names = [f"{n}.seg" for n in range(len(cut.segments))]
        for name, segment in zip(names, cut.segments, strict=True):
            self.serve(f"/{name}", segment)
        self.serve("/init.mp4", cut.beginning)
        began = time.monotonic()

        def live(target: str, headers: dict[str, str]) -> Answer:
            first = min(int(time.monotonic() - began), len(names) - size)
            return Answer(playlist(names[first : first + size], first=first, head=head).encode())

        self.serve("/live.m3u8", live)

    def url(self, path: str = "", host: str = "127.0.0.1") -> str:
        return super().url("/live.m3u8")

    def open(self, **_: str) -> int:
        return self.open_connections()


@pytest.fixture
def nothing_left(redis: Redis) -> Iterator[None]:
    connections.close_all()
    connection().connection_pool.disconnect()
    with leftovers.none_expected():
        yield
        connection().connection_pool.disconnect()
        connections.close_all()


@pytest.fixture(params=["transport stream", "fragmented MP4"])
def provider(request: pytest.FixtureRequest, nothing_left: None) -> Iterator[HlsProvider]:
    plain = request.param == "transport stream"
    one = HlsProvider(television()) if plain else HlsProvider(fragmented(), '#EXT-X-MAP:URI="init.mp4"')
    with one:
        yield one
        assert one.violations == []


@pytest.fixture
def house(provider: HlsProvider, tmp_path: Path, settings) -> Iterator[House]:
    one = House(provider, tmp_path)
    settings.RELAY_SOCKET = one.path
    yield one
    assert wait_for(one.at_rest, LINGER_S + 4)
    one.stop()


def test_players_of_a_playlist_share_one_connection_and_get_clean_television(house: House, provider: HlsProvider):
    portal = PortalFactory()
    SubscriptionFactory(portal=portal)
    channel = channel_on(portal)
    players = [Player(ViewerFactory()).play(channel) for _ in range(3)]

    data = b""
    until = time.monotonic() + 4
    while time.monotonic() < until:
        data += players[0].read(1)
    for player in players:
        player.close()

    assert {player.status for player in players} == {200}
    assert begins_cleanly(data)
    found = verdict(data)
    assert found.complaints == ""
    assert found.frames > 75
