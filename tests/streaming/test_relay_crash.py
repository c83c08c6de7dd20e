"""A relay that is killed at random moments: the provider's limit holds, and what it held is free at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection as database
from redis import Redis

from channels.models import Channel
from portals.leases import Ledger
from portals.models import PortalKind
from streaming.handover import RelayUnreachable, ping
from streaming.sessions import Sessions
from tests.factories import LinkFactory, PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes.upstream import TsOrigin
from tests.streaming.relay.rig import wait_for
from tests.streaming.test_playing import Player

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


class RelayChild:
    """`manage.py relay` in a process of its own, on this test's Redis and database."""

    def __init__(self, data: Path) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "DJANGO_SETTINGS_MODULE": "restreamer.settings",
            "RESTREAMER_DATA": str(data),
            "RESTREAMER_LINGER_S": "0.5",
            "REDIS_URL": django_settings.REDIS_URL,
            **_share_database(data),
        }
        self.log = data / "relay.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; returns the seconds until it answers."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            command = [sys.executable, "manage.py", "relay"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=log)
        assert wait_for(lambda: _answers() or self.process.poll() is not None, 30)
        assert _answers(), self.log.read_text()
        return time.monotonic() - began

    def kill(self) -> None:
        """As the kernel does when memory runs out; returns when nothing of the process is left."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(10) == 0


def _answers() -> bool:
    try:
        ping()
    except RelayUnreachable:
        return False
    return True


def _share_database(data: Path) -> dict[str, str]:
    """What leads another process to the test's database."""
    row = database.settings_dict
    if database.vendor == "sqlite":
        (data / "restreamer.sqlite3").symlink_to(row["NAME"])
        return {}
    address = urlsplit(os.environ["DATABASE_URL"])
    return {"DATABASE_URL": urlunsplit(address._replace(path=f"/{row['NAME']}"))}


@pytest.fixture
def child(tmp_path: Path, settings) -> Iterator[RelayChild]:
    settings.RELAY_SOCKET = tmp_path / "run" / "relay.sock"
    one = RelayChild(tmp_path)
    try:
        one.start()
        yield one
    finally:
        one.stop()


@pytest.fixture
def provider() -> Iterator[TsOrigin]:
    origin = TsOrigin()
    origin.pace = 3.0
    yield origin
    origin.close()
    assert origin.violations == []


def channels_on_one_slot(origin: TsOrigin, count: int) -> list[Channel]:
    """Channels of a playlist whose provider allows one connection, and means it."""
    portal = PortalFactory(kind=PortalKind.M3U, address="http://127.0.0.1:9/list.m3u")
    SubscriptionFactory(portal=portal, mac="", streams=1)
    origin.limits["one"] = 1
    return [
        LinkFactory(stream__portal=portal, stream__provider_id=f"c{n}", stream__cmd=origin.url(f"c{n}", "one")).channel
        for n in range(count)
    ]


def test_a_killed_relay_never_costs_the_limit_and_its_viewers_come_back(
    child: RelayChild, provider: TsOrigin, redis: Redis
) -> None:
    channels = channels_on_one_slot(provider, 3)
    viewer, chance = ViewerFactory(connections=1), random.Random(5)
    ledger, sessions = Ledger(redis, "tests"), Sessions(redis)
    for _ in range(5):
        lost = Player(viewer, "TV")
        asking = threading.Thread(target=lost.play, args=(chance.choice(channels),))
        asking.start()
        time.sleep(chance.uniform(0.0, 0.4))
        child.kill()
        asking.join(10)
        lost.close()
        child.start()
        back = Player(viewer, "TV")
        began = time.monotonic()
        back.play(chance.choice(channels))
        assert (back.status, back.said) == (200, b"")
        assert time.monotonic() - began < 3
        assert back.read(50_000)
        back.close()
    assert provider.peak["one"] == 1
    assert wait_for(lambda: not provider.open() and not ledger.usage() and not sessions.sessions(), 8)
