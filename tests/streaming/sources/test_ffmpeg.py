"""ffmpeg as a source: fed by another source or on its own, every end a fault, nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from portals.providers.records import PlayUrl
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.command import Input
from streaming.ffmpeg.features import features
from streaming.ffmpeg.probe import probe
from streaming.ffmpeg.profiles import REMUX, TRANSCODE, Acceleration, Kind, Profile
from streaming.mpegts.entries import EntryScanner
from streaming.sources.ffmpeg import FfmpegSource
from streaming.sources.hls import HlsSource
from streaming.sources.http import HttpSource
from tests.fakes.hls_origin import HlsOrigin, playlist
from tests.fakes.leftovers import none_expected
from tests.fakes.upstream import Script, TsOrigin
from tests.streaming.ffmpeg.binaries import BINARIES
from tests.streaming.hls.material import television, verdict

pytestmark = pytest.mark.ffmpeg

SMALL = replace(TRANSCODE, height=144, video_bps=200_000, audio_bps=64_000, preset="ultrafast")


@pytest.fixture
def origin():
    with none_expected():
        origin = TsOrigin(pace=40)
        yield origin
        violations = origin.violations
        origin.close()
    assert violations == []


def fed(origin, profile=REMUX, name="one", binary=BINARIES[0], **kwargs) -> FfmpegSource:
    play = PlayUrl(origin.url(name))
    return FfmpegSource(profile, play, binary=binary, feed=HttpSource(play), **kwargs)


def direct(origin, profile=REMUX, name="one", binary=BINARIES[0], **kwargs) -> FfmpegSource:
    return FfmpegSource(profile, PlayUrl(origin.url(name)), binary=binary, **kwargs)


def some(source, seconds=1.0) -> bytes:
    """What comes in a time."""
    data, until = source.head, time.monotonic() + seconds
    while time.monotonic() < until:
        data += source.read()
    return data


def to_the_end(source) -> tuple[bytes, UpstreamError]:
    data = b""
    try:
        source.open()
        data = source.head
        while True:
            data += source.read()
    except UpstreamError as err:
        return data, err


def pid_of(source: FfmpegSource) -> int:
    assert source._child is not None
    return source._child.pid


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("how", [fed, direct])
def test_a_remux_is_clean_television(origin, binary, how):
    # Whole loops: half a picture at the end is nothing to decode without complaint.
    origin.script("one", Script(end_after=4 * len(origin.default.data)))
    source = how(origin, binary=binary)

    data, err = to_the_end(source)
    source.close()

    assert err.fault is Fault.ENDED
    assert verdict(data).complaints == ""
    assert verdict(data).frames > 50
    assert origin.peak["one"] == 1


@pytest.mark.parametrize("binary", BINARIES)
def test_a_transcode_has_the_size_and_the_keyframes_of_its_profile(origin, binary):
    origin.script("one", Script(end_after=2_000_000))
    source = fed(origin, SMALL, binary=binary)

    data, _ = to_the_end(source)
    source.close()

    facts = probe(Input("pipe:0", form="mpegts"), features(binary), data=data)
    assert facts.videos[0].height == 144
    scanner = EntryScanner()
    entries = scanner.scan(data, 0).entries
    times = [entry.dts for entry in entries if entry.dts is not None]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps
    assert all(abs(gap - 180_000) <= 3600 for gap in gaps[:-1])


def test_progress_is_read_while_it_runs(origin):
    source = fed(origin, SMALL)
    source.open()

    data = some(source, 2.5)
    progress = source.progress
    source.close()

    assert data
    assert progress.frames > 0
    assert progress.out_s > 0
    assert progress.speed > 0


def test_hls_can_be_transcoded_over_one_connection():
    with HlsOrigin() as origin:
        cut = television()
        for n, segment in enumerate(cut.segments[:6]):
            origin.serve(f"/{n}.ts", segment)
        origin.serve("/live.m3u8", playlist([f"{n}.ts" for n in range(6)], ended=True))
        play = PlayUrl(origin.url("/live.m3u8"))
        feed = HlsSource(play, binary=lambda: BINARIES[0])

        data, err = to_the_end(source := FfmpegSource(SMALL, play, binary=BINARIES[0], feed=feed))
        source.close()

        assert err.fault is Fault.ENDED
        assert verdict(data).frames == 6 * 25
        assert origin.violations == []


# Faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [fed, direct])
@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (Script(status=403), Fault.REFUSED),
        (Script(status=404), Fault.NOT_FOUND),
        (Script(status=458), Fault.SLOT_BUSY),
    ],
)
def test_what_the_provider_refuses_keeps_its_fault(origin, how, step, fault):
    origin.script("one", step)
    source = how(origin)

    _, err = to_the_end(source)

    assert err.fault is fault
    assert origin.wait_open(0)


def test_a_web_page_behind_ffmpeg_is_no_television(origin):
    origin.script("one", Script(body=b"<html>expired</html>" * 50))

    _, err = to_the_end(fed(origin))

    assert err.fault is Fault.NOT_TS


def test_a_source_that_breaks_is_told_as_it_broke(origin):
    origin.script("one", Script(reset_after=1_500_000))

    data, err = to_the_end(source := fed(origin))
    source.close()

    assert err.fault is Fault.RESET
    assert verdict(data).frames > 50


def test_a_killed_ffmpeg_is_a_broken_connection(origin):
    source = fed(origin)
    source.open()

    os.kill(pid_of(source), signal.SIGKILL)
    with pytest.raises(UpstreamError) as caught:
        some(source, 5)
    source.close()

    assert caught.value.fault is Fault.RESET
    assert "killed" in caught.value.message
    assert not Path(f"/proc/{pid_of(source)}").exists()
    assert origin.wait_open(0)


@pytest.mark.parametrize("binary", BINARIES)
def test_hardware_that_is_not_there_is_a_fault_in_words(origin, binary):
    profile = replace(SMALL, acceleration=Acceleration.VAAPI, device="/dev/dri/renderD250")
    source = fed(origin, profile, binary=binary)

    _, err = to_the_end(source)

    assert err.fault is Fault.ENDED
    assert "profile" in err.message
    assert origin.wait_open(0)


def test_an_ffmpeg_that_is_not_there_is_a_fault_in_words(origin):
    source = fed(origin, binary="/no/ffmpeg")

    with pytest.raises(UpstreamError, match="/no/ffmpeg"):
        source.open()

    assert origin.wait_open(0)


def test_a_silent_provider_is_silent_behind_ffmpeg_too(origin):
    origin.script("one", Script(silent_after=800_000))
    source = direct(origin, silence_s=0.5, answer_timeout_s=30)

    _, err = to_the_end(source)
    source.close()

    assert err.fault is Fault.SILENT
    assert origin.wait_open(0)


# Custom commands --------------------------------------------------------------------------------------------------


def custom(*command: str) -> Profile:
    return Profile("own", Kind.CUSTOM, template=" ".join(command))


def test_the_owner_s_own_command_is_run(origin):
    profile = custom("ffmpeg -http_proxy <proxy> -rw_timeout <timeout> -i <url> -map 0 -codec copy -f mpegts pipe:")
    origin.script("one", Script(end_after=1_000_000))

    data, err = to_the_end(source := direct(origin, profile))
    source.close()

    assert err.fault is Fault.ENDED
    assert verdict(data).frames > 20


@pytest.mark.parametrize("url", ["file:///etc/passwd", "-y", "concat:/etc/passwd|x"])
def test_the_owner_s_command_gets_no_address_of_this_machine(url):
    _, err = to_the_end(FfmpegSource(custom("ffmpeg -i <url> -f mpegts pipe:"), PlayUrl(url), binary=BINARIES[0]))

    assert err.fault is Fault.REFUSED


def test_a_command_that_writes_something_else_is_no_television(origin):
    _, err = to_the_end(direct(origin, custom(sys.executable, "-c", "'print(\"x\" * 5000)'", "<url>")))

    assert err.fault is Fault.NOT_TS


def test_a_command_that_writes_nothing_ends_in_time(origin):
    command = custom(sys.executable, "-c", "'import time; time.sleep(60)'", "<url>")
    began = time.monotonic()

    _, err = to_the_end(direct(origin, command, start_timeout_s=0.3))

    assert err.fault is Fault.TIMED_OUT
    assert time.monotonic() - began < 3


def test_a_command_that_is_not_there_is_said_so(origin):
    _, err = to_the_end(direct(origin, custom("no-such-program", "<url>")))

    assert "no-such-program" in err.message


def test_a_command_that_cannot_be_built_is_a_fault(origin):
    _, err = to_the_end(direct(origin, custom("sh", "-c", "<url>")))

    assert "shell" in err.message


# Closing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [fed, direct])
def test_close_ends_everything(origin, how):
    source = how(origin)
    source.open()

    source.close()
    source.close()

    assert not Path(f"/proc/{pid_of(source)}").exists()
    assert origin.open() == 0
    with pytest.raises(UpstreamError):
        source.read()


def test_close_wakes_a_reader(origin):
    origin.script("one", Script(silent_after=800_000))
    source = fed(origin)
    source.open()
    ended = []

    def read():
        try:
            while True:
                source.read()
        except UpstreamError as err:
            ended.append(err)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.3)
    source.close()
    reader.join(5)

    assert ended[0].fault is Fault.ENDED


def test_a_source_closed_before_it_opened_starts_nothing(origin):
    source = direct(origin)
    source.close()

    with pytest.raises(UpstreamError):
        source.open()

    assert origin.opened["one"] == 0
