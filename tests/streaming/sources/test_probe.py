"""A stream is examined over its one connection, which is closed afterwards."""

from __future__ import annotations

import pytest

from portals.providers.records import PlayUrl
from streaming.faults import Fault, UpstreamError
from streaming.sources import probe as probing
from streaming.sources.probe import probe
from tests.fakes.hls_origin import HlsOrigin, playlist
from tests.fakes.upstream import Script, TsOrigin
from tests.streaming.ffmpeg.binaries import BINARIES
from tests.streaming.hls.material import television

pytestmark = pytest.mark.ffmpeg


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    monkeypatch.setattr(probing, "_LOOK_S", 1.0)


@pytest.mark.parametrize("binary", BINARIES)
def test_television_has_its_facts_and_its_bit_rate(origin: TsOrigin, binary):
    origin.pace = 10
    facts = probe(PlayUrl(origin.url("one")), binary=lambda: binary)

    assert facts.badge == "h264 320×180 25 fps · aac mono"
    assert 200_000 < facts.bitrate_bps < 800_000
    assert origin.wait_open(0)
    assert origin.opened["one"] == 1


def test_a_playlist_is_examined_over_one_connection():
    with HlsOrigin() as origin:
        for n, segment in enumerate(television().segments[:4]):
            origin.serve(f"/{n}.ts", segment)
        origin.serve("/live.m3u8", playlist([f"{n}.ts" for n in range(4)]))

        facts = probe(PlayUrl(origin.url("/live.m3u8")), binary=lambda: BINARIES[0])

        assert facts.videos[0].width == 160
        assert origin.violations == []
        assert origin.open_connections() == 0


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (Script(status=403), Fault.REFUSED),
        (Script(body=b"<html>"), Fault.NOT_TS),
        (Script(silent_after=0), Fault.TIMED_OUT),
    ],
)
def test_what_does_not_play_has_its_fault(origin: TsOrigin, step, fault):
    origin.script("one", step)

    with pytest.raises(UpstreamError) as caught:
        probe(PlayUrl(origin.url("one")), binary=lambda: BINARIES[0], timeout_s=1.0)

    assert caught.value.fault is fault
    assert origin.wait_open(0)


def test_a_provider_that_ends_early_is_examined_as_far_as_it_went(origin: TsOrigin):
    origin.script("one", Script(end_after=300_000, speed=20))

    assert probe(PlayUrl(origin.url("one")), binary=lambda: BINARIES[0]).videos


def test_addresses_other_than_http_are_left_to_ffmpeg():
    with pytest.raises(UpstreamError) as caught:
        probe(PlayUrl("rtmp://127.0.0.1:1/live"), binary=lambda: BINARIES[0])

    assert "refuses connections" in caught.value.message


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "concat:a|b", "-y", "pipe:0", ""])
def test_addresses_that_reach_into_this_machine_are_refused(url):
    with pytest.raises(UpstreamError) as caught:
        probe(PlayUrl(url), binary=lambda: BINARIES[0])

    assert caught.value.fault is Fault.REFUSED
