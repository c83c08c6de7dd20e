"""Facts of a stream, read from what both generations of ffmpeg say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.command import Input
from streaming.ffmpeg.features import features
from streaming.ffmpeg.probe import AudioFacts, MediaFacts, SubtitleFacts, VideoFacts, facts_of, probe
from tests.fakes.hls_origin import Answer, HlsOrigin
from tests.mpegts import material
from tests.streaming.ffmpeg.binaries import BINARIES

SAID = """
Input #0, hls, from 'http://h/':
  Duration: 01:02:03.50, start: 1.4, bitrate: 2050 kb/s
  Stream #0:0: Video: hevc (Main 10) (hvc1 / 0x31637668), yuv420p10le(tv, bt2020nc/bt2020/smpte2084), 3840x2160 [SAR 1:1 DAR 16:9], 7000 kb/s, 59.94 fps, 59.94 tbr, 90k tbn (default)
  Stream #0:1[0x101](deu): Audio: eac3 (Dolby Digital Plus + Dolby Atmos) (EAC3 / 0x33434145), 48000 Hz, 5.1(side), fltp, 768 kb/s
  Stream #0:2(fra): Audio: mp2 (mp3float) ([3][0][0][0] / 0x0003), 48000 Hz, stereo, fltp, 384 kb/s, start 1.429978
  Stream #0:3[0x103](eng): Subtitle: dvb_teletext ([6][0][0][0] / 0x0006)
  Stream #0:4: Video: mjpeg (Baseline), yuvj420p, 300x300, 90k tbr, 90k tbn (attached pic)
  Stream #0:5: Audio: aac (LC), 44100 Hz, 11 channels, fltp
  Stream #0:6[0x33]: Unknown: none ([134][0][0][0] / 0x0086)
"""  # noqa: E501


def test_every_kind_of_stream_is_read():
    assert facts_of(SAID.split("\n")) == MediaFacts(
        container="hls",
        duration_s=3723.5,
        bitrate_bps=2_050_000,
        videos=(VideoFacts("hevc", "Main 10", 3840, 2160, 59.94, 7_000_000),),
        audios=(
            AudioFacts("eac3", "Dolby Digital Plus + Dolby Atmos", "deu", 48000, 6, 768_000),
            AudioFacts("mp2", "", "fra", 48000, 2, 384_000),
            AudioFacts("aac", "LC", "", 44100, 11),
        ),
        subtitles=(SubtitleFacts("dvb_teletext", "eng"),),
    )


def test_the_badge_is_a_few_words():
    assert facts_of(SAID.split("\n")).badge == "hevc 3840×2160 59.94 fps · eac3 5.1 deu"
    assert MediaFacts().badge == ""


@given(st.lists(st.text(alphabet="Stream #0:1[]()Videoaudi, x72 kb/s fpsHz0123.", max_size=80), max_size=10))
def test_no_words_make_it_crash(lines):
    facts_of([f"Stream #0:0: Video: {line}" for line in lines] + [f"Duration: {line}" for line in lines] + lines)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("binary", BINARIES)
def test_a_stream_in_hand_is_examined(binary):
    facts = probe(Input("pipe:0", form="mpegts"), features(binary), data=material.h264_aac())

    assert (facts.videos[0].codec, facts.videos[0].width, facts.videos[0].frames_per_s) == ("h264", 320, 25)
    assert (facts.audios[0].codec, facts.audios[0].channels) == ("aac", 2)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("binary", BINARIES)
def test_interlaced_pictures_are_told_apart(binary):
    data = material.make(
        *material.picture("720x576"), "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-top", "1", *material.TS
    )

    facts = probe(Input("pipe:0", form="mpegts"), features(binary), data=data)

    assert facts.videos[0].interlaced
    assert not probe(Input("pipe:0", form="mpegts"), features(binary), data=material.mpeg2_mp2()).videos[0].interlaced


@pytest.mark.ffmpeg
@pytest.mark.parametrize("binary", BINARIES)
def test_an_address_is_examined_over_one_connection(binary):
    with HlsOrigin() as origin:
        origin.serve("/1.ts", material.h264_aac())

        facts = probe(Input(origin.url("/1.ts")), features(binary))

        assert facts.container == "mpegts"
        assert origin.violations == []
        assert origin.open_connections() == 0


@pytest.mark.ffmpeg
@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(status=403), Fault.REFUSED),
        (Answer(status=404), Fault.NOT_FOUND),
        (Answer(status=458), Fault.SLOT_BUSY),
        (Answer(b"<html>login</html>" * 100), Fault.NOT_TS),
    ],
)
def test_an_address_that_cannot_be_examined_has_its_fault(binary, answer, fault):
    with HlsOrigin() as origin:
        origin.serve("/1.ts", answer)

        with pytest.raises(UpstreamError) as caught:
            probe(Input(origin.url("/1.ts")), features(binary))

    assert caught.value.fault is fault


@pytest.mark.ffmpeg
def test_a_provider_that_sends_nothing_is_not_waited_for():
    import threading

    with HlsOrigin() as origin:
        origin.serve("/1.ts", Answer(bytes(1000), pause=threading.Event(), pause_after=10))

        with pytest.raises(UpstreamError) as caught:
            probe(Input(origin.url("/1.ts")), features(BINARIES[0]), timeout_s=0.5)

    assert caught.value.fault is Fault.TIMED_OUT


@pytest.mark.ffmpeg
def test_rubbish_in_hand_is_no_television():
    with pytest.raises(UpstreamError):
        probe(Input("pipe:0"), features(BINARIES[0]), data=b"rubbish" * 1000)
