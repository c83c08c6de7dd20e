"""A viewing ends soon after its viewer may not watch any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from redis import Redis

from accounts.models import Viewer
from portals.models import Subscription
from restreamer import cron
from restreamer.lib.redis_client import connection
from streaming.limits import Limits, Wish
from streaming.relay import endings
from streaming.session_book import SessionBook
from streaming.sessions import Sessions
from streaming.withdrawn import end_withdrawn
from tests.factories import ViewerFactory
from tests.fakes.upstream import TsOrigin
from tests.streaming.openers import channel_on
from tests.streaming.relay.rig import wait_for
from tests.streaming.test_playing import LINGER_S, House, Player, macs, nothing_left

__all__ = ["macs", "nothing_left"]

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "node1:relay"


def enter(redis: Redis, viewer: Viewer, peer: str = "192.168.1.7") -> str:
    wish = Wish(viewer.pk, viewer.name, 0, "channel:1", "News", peer, "TV", viewer.login_mark())
    return Limits(redis, OWNER).admit(wish)


def asked_to_end(redis: Redis) -> dict[str, str]:
    commands = SessionBook(redis, OWNER).beat([], [])
    return {one.arguments["session_id"]: one.arguments["reason"] for one in commands}


def expire(viewer: Viewer) -> None:
    viewer.expires_at = timezone.now() - timedelta(seconds=1)


def switch_off(viewer: Viewer) -> None:
    viewer.enabled = False


def move(viewer: Viewer) -> None:
    viewer.networks = "10.0.0.0/8"


def new_password(viewer: Viewer) -> None:
    viewer.set_password("another")


@pytest.mark.parametrize("change", [expire, switch_off, move, Viewer.rotate_token, new_password])
def test_what_runs_is_asked_to_end_when_the_login_may_not_watch_any_more(
    redis: Redis, change: Callable[[Viewer], None]
) -> None:
    viewer, other = ViewerFactory(), ViewerFactory()
    mine = enter(redis, viewer)
    enter(redis, other)
    assert end_withdrawn(redis) == 0
    change(viewer)
    viewer.save()
    assert end_withdrawn(redis) == 1
    assert asked_to_end(redis) == {mine: endings.WITHDRAWN}


def test_a_viewer_who_was_removed_watches_no_more(redis: Redis) -> None:
    viewer = ViewerFactory()
    mine = enter(redis, viewer)
    viewer.delete()
    assert end_withdrawn(redis) == 1
    assert list(asked_to_end(redis)) == [mine]


@pytest.mark.parametrize(
    "harmless",
    [
        {"networks": "192.168.1.0/24 10.0.0.1"},
        {"expires_in": timedelta(minutes=1)},
        {"connections": 1, "notes": "kitchen", "limit_policy": "refuse"},
    ],
)
def test_other_changes_disturb_nobody(redis: Redis, harmless: dict[str, object]) -> None:
    viewer = ViewerFactory()
    enter(redis, viewer)
    for name, value in harmless.items():
        if isinstance(value, timedelta):
            viewer.expires_at = timezone.now() + value
        else:
            setattr(viewer, name, value)
    viewer.save()
    assert end_withdrawn(redis) == 0


def test_the_mark_of_a_login_tells_neither_token_nor_password() -> None:
    viewer = ViewerFactory()
    viewer.set_password("secret")
    assert viewer.token not in viewer.login_mark()
    assert viewer.password_hash not in viewer.login_mark()
    assert viewer.login_mark() != ViewerFactory().login_mark()


@pytest.fixture
def house(origin: TsOrigin, tmp_path: Path, settings) -> Iterator[House]:
    origin.pace = 5.0
    one = House(origin, tmp_path)
    settings.RELAY_SOCKET = one.path
    settings.HLS_FOLDER = tmp_path / "hls"
    yield one
    assert wait_for(one.at_rest, LINGER_S + 4)
    one.stop()


def test_the_picture_really_ends_and_the_provider_has_its_connection_back(
    house: House, macs: list[Subscription], origin: TsOrigin
) -> None:
    channel, viewer = channel_on(macs[0].portal), ViewerFactory()
    player, hls = Player(viewer, "TV").play(channel), Player(viewer, "Phone")
    player.read(50_000)
    begun = hls.client.get(f"/hls/{channel.pk}/index.m3u8?token={viewer.token}")
    assert (begun.status_code, len(house.sessions.sessions())) == (200, 2)
    begun.close()
    viewer.rotate_token()
    viewer.save()
    (duty,) = [one for one in cron.DUTIES if one.look is cron.end_withdrawn]
    assert duty.every_s <= 5

    def watch_on() -> None:
        for _ in range(2_000):
            # As often as the scheduler likes: a stop that came too early for a slow relay comes again.
            duty.look(timezone.now())
            player.read(50_000)

    with pytest.raises(StopIteration):
        watch_on()
    assert wait_for(lambda: not Sessions(connection()).sessions())
    assert wait_for(lambda: not origin.open())
    player.close()
