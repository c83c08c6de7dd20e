"""Channels through ffmpeg: what viewers see when a source changes its codecs, and when ffmpeg or the relay dies."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.db import connections
from redis import Redis

from channels.models import Channel
from restreamer.lib.redis_client import connection
from streaming.deliver import deliver
from streaming.delivery import Mode
from streaming.models import TranscodeProfile
from tests.factories import PortalFactory, SubscriptionFactory, ViewerFactory
from tests.fakes import leftovers, material
from tests.fakes.material import PACKET, Endless
from tests.fakes.upstream import TsOrigin
from tests.mpegts.analyser import Limits, Report, analyse
from tests.streaming.children import RelayChild
from tests.streaming.hls.material import verdict
from tests.streaming.openers import channel_on, names
from tests.streaming.relay.rig import begins_cleanly, wait_for
from tests.streaming.test_playing import LINGER_S, House, Player
from tests.streaming.test_relay_crash import channels_on_one_slot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.ffmpeg]


@pytest.fixture
def nothing_left(redis: Redis) -> Iterator[None]:
    connections.close_all()
    connection().connection_pool.disconnect()
    with leftovers.none_expected():
        yield
        connection().connection_pool.disconnect()
        connections.close_all()


@pytest.fixture
def house(origin: TsOrigin, tmp_path: Path, settings) -> Iterator[House]:
    one = House(origin, tmp_path)
    settings.RELAY_SOCKET = one.path
    yield one
    assert wait_for(one.at_rest, LINGER_S + 4)
    one.stop()


@pytest.fixture
def small() -> TranscodeProfile:
    return TranscodeProfile.objects.create(
        name="Small", height=144, video_kbps=200, audio_kbps=64, preset="ultrafast", gop_s=0.5
    )


def other_codecs(origin: TsOrigin) -> Channel:
    """A channel of two portals: H.264 with AAC on the first, MPEG-2 with MP2 on the second."""
    portals = [PortalFactory(), PortalFactory()]
    for portal in portals:
        SubscriptionFactory(portal=portal)
    channel = channel_on(*portals)
    origin.materials[names(channel)[1]] = Endless(material.ts(video="mpeg2video", audio="mp2", bitrate="800k"))
    return channel


def fail(origin: TsOrigin, name: str) -> None:
    """The provider ends this stream and does not give it again."""
    for mac in {c.key for c in origin._open if c.name == name}:
        origin.blocked[mac] = 404
    origin.drop(name=name)


def judged(body: bytes) -> Report:
    report = analyse(body[: len(body) // PACKET * PACKET], Limits(video_gap_s=1.0, audio_gap_s=1.0))
    assert report.problems == []
    assert report.cc_errors == 0
    return report


def ffmpegs(pid: int | None = None) -> list[psutil.Process]:
    """Living or dead children of a process that are ffmpeg."""
    return [one for one in psutil.Process(pid).children(recursive=True) if "ffmpeg" in one.name()]


# Another codec ----------------------------------------------------------------------------------------------------


def test_a_source_in_other_codecs_is_transcoded_to_those_players_decode(
    house: House,
    origin: TsOrigin,
    small: TranscodeProfile,
) -> None:
    channel = other_codecs(origin)
    deliver([channel], Mode.RELAY, small)
    player = Player(ViewerFactory()).play(channel)
    body = player.read(150_000)
    assert ffmpegs() == []
    fail(origin, names(channel)[0])
    assert wait_for(lambda: len(ffmpegs()) == 1, 10)
    body += player.read(300_000)
    player.close()
    report = judged(body)
    assert {track.codec for track in report.tracks.values()} == {"h264", "aac"}
    assert "error" not in verdict(body).complaints.lower()


def test_without_a_profile_the_viewing_ends_cleanly_and_begins_anew_in_the_new_codecs(
    house: House,
    origin: TsOrigin,
) -> None:
    channel = other_codecs(origin)
    player = Player(ViewerFactory()).play(channel)
    body = player.read(150_000)
    fail(origin, names(channel)[0])
    began = time.monotonic()
    body += b"".join(player._pieces)
    assert time.monotonic() - began < 30
    player.close()
    report = judged(body)
    assert {track.codec for track in report.tracks.values()} == {"h264", "aac"}
    assert verdict(body).complaints == ""
    again = Player(ViewerFactory()).play(channel)
    assert again.status == 200
    body = again.read(200_000)
    again.close()
    assert begins_cleanly(body)
    assert {track.codec for track in judged(body).tracks.values()} == {"mpeg2", "mpa"}


# Deaths -----------------------------------------------------------------------------------------------------------


def test_a_killed_ffmpeg_is_a_fault_its_viewer_does_not_notice(
    house: House,
    origin: TsOrigin,
    small: TranscodeProfile,
) -> None:
    portal = PortalFactory()
    origin.limits[SubscriptionFactory(portal=portal).mac] = 1
    channel = channel_on(portal)
    deliver([channel], Mode.TRANSCODE, small)
    player = Player(ViewerFactory()).play(channel)
    body = player.read(100_000)
    assert verdict(body).frames
    (running,) = ffmpegs()
    running.send_signal(signal.SIGKILL)
    assert wait_for(lambda: [one.pid for one in ffmpegs()] not in ([], [running.pid]), 10)
    body += player.read(100_000)
    assert wait_for(lambda: [facts.ffmpeg_speed > 0 for facts, _ in house.sessions.relays()] == [True])
    player.close()
    judged(body)
    assert wait_for(lambda: ffmpegs() == [], 5)


@pytest.mark.slow
def test_no_ffmpeg_outlives_a_killed_relay(tmp_path: Path, settings, redis: Redis, small: TranscodeProfile) -> None:
    settings.RELAY_SOCKET = tmp_path / "run" / "relay.sock"
    origin, child = TsOrigin(material.ts()), RelayChild(tmp_path)
    _, (channel,) = channels_on_one_slot(origin, 1)
    deliver([channel], Mode.TRANSCODE, small)
    child.start()
    assert child.process is not None
    player = Player(ViewerFactory()).play(channel)
    assert player.read(50_000)
    # Those that make slates die with it too.
    running = ffmpegs(child.process.pid)
    assert any("pipe:0" in one.cmdline() for one in running)
    child.kill()
    assert wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in running))
    assert wait_for(lambda: not origin.open(), 5)
    player.close()
    origin.close()
    assert origin.peak["one"] == 1
