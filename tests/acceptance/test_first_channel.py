"""From a fresh data folder to playing channels: the whole house against a strict portal, as a person uses it."""

from __future__ import annotations

import http.client
import itertools
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis

from restreamer.binaries import ffmpeg
from tests.fakes.portal import FakePortal
from tests.fakes.upstream import TsOrigin
from tests.house import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MACS = ("00:1A:79:00:00:01", "00:1A:79:00:00:02")


class Player:
    """A player that reads and counts until it is told to stop."""

    def __init__(self, address: str) -> None:
        host, _, path = address.removeprefix("http://").partition("/")
        self.connection = http.client.HTTPConnection(host, timeout=30)
        self.connection.request("GET", f"/{path}", headers={"User-Agent": "VLC/3.0.18 LibVLC/3.0.18"})
        self.answer = self.connection.getresponse()
        self.bytes = 0
        self.largest_gap_s = 0.0
        self.ended = False
        self.first = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.answer.status == 200:
            self._thread.start()

    def _read(self) -> None:
        last = time.monotonic()
        try:
            while piece := self.answer.read1(65536):
                now = time.monotonic()
                if self.bytes:
                    self.largest_gap_s = max(self.largest_gap_s, now - last)
                last = now
                if len(self.first) < 1000:
                    self.first += piece
                self.bytes += len(piece)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.ended = True

    def plays(self, more: int = 50_000, timeout_s: float = 30) -> bool:
        """Do that many more bytes come?"""
        goal = self.bytes + more
        return wait(lambda: self.bytes >= goal, timeout_s)

    def close(self) -> None:
        """Hang up as a player does."""
        sock = self.connection.sock
        if sock is not None:
            sock.close()
        self.answer.close()
        self.connection.close()


def all_play(players: list[Player], more: int = 30_000, timeout_s: float = 30) -> bool:
    """Do that many more bytes come to each of them?"""
    goals = [player.bytes + more for player in players]
    return wait(lambda: all(p.bytes >= goal for p, goal in zip(players, goals, strict=True)), timeout_s)


def wait(what: Callable[[], object], timeout_s: float = 30) -> bool:
    """Until it is true; False when it never was."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def provider() -> Iterator[TsOrigin]:
    """One connection for each MAC, and it means it."""
    provider = TsOrigin()
    provider.limits.update(dict.fromkeys(MACS, 1))
    yield provider
    provider.close()


@pytest.fixture(scope="module")
def portal(provider: TsOrigin) -> Iterator[FakePortal]:
    with FakePortal(
        "panel", macs=MACS, channels=12, media_url=lambda mac, channel, token: provider.url(str(channel), mac)
    ) as portal:
        yield portal


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house") / "data", RESTREAMER_LINGER_S="2") as house:
        yield house


@pytest.fixture(scope="module")
def addresses(house: House, portal: FakePortal) -> list[str]:
    """The television channels a new viewer's playlist lists, after the portal was added, refreshed and enabled."""
    added = house.manage("portal", "add", "Sofa", portal.address, "--mac", ",".join(MACS), "--refresh", "--enable-all")
    assert added["runs"][0]["state"] == "done", added
    viewer = house.manage("viewer", "add", "everybody", "--connections", "0")
    with http_get(viewer["playlist"]) as answer:
        lines = answer.read().decode().splitlines()
    return [address for entry, address in itertools.pairwise(lines) if "#EXTINF" in entry and "radio=" not in entry]


@pytest.fixture
def origin(provider: TsOrigin, house: House) -> Iterator[TsOrigin]:
    """The provider with nothing counted yet. A test leaves no connection open and no slot taken."""
    provider.opened.clear()
    provider.peak.clear()
    yield provider
    assert wait(lambda: provider.open() == 0 and leases(house) == 0)
    assert provider.violations == []


def http_get(address: str) -> http.client.HTTPResponse:
    host, _, path = address.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", f"/{path}")
    return connection.getresponse()


def leases(house: House) -> int:
    """Slots taken now, over everything."""
    client = redis.Redis(unix_socket_path=str(house.data / "run" / "redis.sock"))
    with client:
        return int(client.zcard("rs:leases:all"))


def test_fifty_viewers_share_one_connection_and_leave_nothing(house, portal, origin, addresses):
    created = portal.count("itv.create_link")
    players = [Player(addresses[0]) for _ in range(50)]
    assert all(player.answer.status == 200 for player in players)
    assert all_play(players)
    assert all(player.first[:3] == b"\x47\x40\x00" for player in players), "the first packet is a PAT"
    assert origin.open() == 1
    assert origin.opened["all"] == 1
    assert portal.count("itv.create_link") == created + 1
    for player in players:
        player.close()
    assert wait(lambda: origin.open() == 0)
    assert wait(lambda: leases(house) == 0)


def test_a_killed_web_worker_is_noticed_by_nobody(house, origin, addresses):
    players = [Player(addresses[0]) for _ in range(20)]
    assert all_play(players)
    workers = house.processes("gunicorn")[1:]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    assert all_play(players, 200_000)
    assert not any(player.ended for player in players)
    assert max(player.largest_gap_s for player in players) < 5
    for player in players:
        player.close()


def test_a_killed_relay_is_back_and_never_over_the_limit(house, origin, addresses):
    player = Player(addresses[0])
    assert player.plays()
    pid = house.processes("manage.py relay")[0]
    os.kill(pid, signal.SIGKILL)
    assert wait(lambda: player.ended)
    again: list[Player] = []

    def playing() -> bool:
        again.append(Player(addresses[0]))
        return again[-1].answer.status == 200 and again[-1].plays(timeout_s=2)

    assert wait(playing)
    assert house.processes("manage.py relay")[0] != pid
    for one in again:
        one.close()
    assert wait(lambda: leases(house) == 0)
    assert origin.peak["all"] == 1


@pytest.mark.ffmpeg
def test_ffmpeg_decodes_the_first_address_without_a_word(origin, addresses):
    done = subprocess.run(
        [str(ffmpeg()), "-hide_banner", "-v", "warning", "-i", addresses[0], "-t", "8", "-f", "null", "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.clients
@pytest.mark.skipif(not shutil.which("mpv"), reason="mpv is not installed")
def test_mpv_plays_it(origin, addresses, tmp_path):
    report = tmp_path / "report.lua"
    report.write_text(
        'mp.add_periodic_timer(1, function() print("AT " .. tostring(mp.get_property("time-pos"))) end)\n'
    )
    done = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--length=6", f"--script={report}", addresses[0]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    moments = [float(line.split("AT ")[1]) for line in done.stdout.splitlines() if "AT " in line and "nil" not in line]
    assert len(moments) >= 4, done.stdout
    assert moments == sorted(moments)
    assert moments[-1] > moments[0] + 2


# The last one: it costs the portal a MAC.
def test_two_macs_play_two_channels_and_refuse_the_third(house, portal, origin, addresses):
    first, second = Player(addresses[0]), Player(addresses[1])
    assert first.plays()
    assert second.plays()
    third = Player(addresses[2])
    assert third.answer.status == 503
    assert third.answer.headers["Retry-After"]
    assert third.answer.headers["Content-Type"].startswith("text/plain")
    assert third.answer.read().decode() == "All connections of the provider are in use. Try again in a moment.\n"
    # The first MAC is blocked in mid-stream while the second viewer has gone: its viewer moves over, same connection.
    second.close()
    assert wait(lambda: origin.open() == 1)
    mac = next(mac for mac in MACS if origin.open(key=mac))
    portal.block(mac)
    origin.blocked[mac] = 403
    origin.drop(mac)
    other = next(m for m in MACS if m != mac)
    assert wait(lambda: origin.open(key=other) == 1)
    assert first.plays()
    assert not first.ended
    first.close()
    assert wait(lambda: origin.open() == 0 and leases(house) == 0)
