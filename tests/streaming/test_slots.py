"""The promises about slots, through views, limits, ledger and a whole relay, against a provider that counts."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from portals.models import Subscription
from tests.factories import ViewerFactory
from tests.fakes.upstream import TsOrigin
from tests.streaming.openers import channel_on, in_threads
from tests.streaming.relay.rig import wait_for
from tests.streaming.test_playing import House, Player, macs, nothing_left

__all__ = ["macs", "nothing_left"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def linger_s() -> float:
    return 0.5


@pytest.fixture
def house(origin: TsOrigin, tmp_path: Path, settings, linger_s: float) -> Iterator[House]:
    origin.pace = 5.0
    one = House(origin, tmp_path, linger_s=linger_s)
    settings.RELAY_SOCKET = one.path
    yield one
    assert wait_for(one.at_rest, linger_s + 4)
    one.stop()


def test_fifty_starts_of_fifty_channels_get_the_slots_there_are_and_the_others_the_reason(
    house: House, macs: list[Subscription], origin: TsOrigin
) -> None:
    viewer = ViewerFactory(connections=0)
    channels = [channel_on(macs[0].portal) for _ in range(50)]
    players = [Player(viewer, agent=f"TV {number}") for number in range(50)]
    in_threads([lambda p=p, c=c: p.play(c) for p, c in zip(players, channels, strict=True)])
    assert Counter(player.status for player in players) == {200: 2, 503: 48}
    full = b"All connections of the provider are in use. Try again in a moment.\n"
    # Of fifty at once on a busy machine some may not even hear that in time.
    late = b"The channel did not start in time. Try again in a moment.\n"
    said = {player.said for player in players if player.status == 503}
    assert full in said
    assert said <= {full, late}
    assert origin.peak["all"] == 2
    for player in players:
        player.close()


@pytest.mark.parametrize("linger_s", [1.5])
def test_a_viewer_who_leaves_and_returns_finds_his_channel_running(
    house: House, macs: list[Subscription], origin: TsOrigin
) -> None:
    channel, viewer, chance = channel_on(macs[0].portal), ViewerFactory(connections=1), random.Random(2)
    for _ in range(60):
        player = Player(viewer, "TV").play(channel)
        assert (player.status, player.said) == (200, b"")
        player.close()
        time.sleep(chance.uniform(0, 0.05))
    assert origin.opened["all"] == 1
    assert len(house.provider.asked) == 1


@pytest.mark.parametrize("linger_s", [0.04])
def test_one_who_returns_just_when_his_channel_ends_is_never_refused(
    house: House, macs: list[Subscription], origin: TsOrigin
) -> None:
    macs[1].delete()
    channel, viewer, chance = channel_on(macs[0].portal), ViewerFactory(connections=1), random.Random(2)
    for _ in range(40):
        player = Player(viewer, "TV").play(channel)
        assert (player.status, player.said) == (200, b"")
        assert player.read(1000)
        player.close()
        time.sleep(chance.uniform(0, 0.12))
    assert 1 < origin.opened["all"] <= 40
    assert origin.peak["all"] == 1
