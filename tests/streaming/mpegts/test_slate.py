"""Slates: made without fonts, looped in real time, spliced in and out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from streaming.mpegts.psi import Codec, Programme, Track
from streaming.mpegts.slate import BadSlate, Slate
from streaming.mpegts.slatemaking import SIZES, TEXTS, SlateFormat, command, picture
from tests.mpegts import material
from tests.streaming.mpegts.splicing import Spliced

FRAME = 3600


@pytest.fixture(scope="session")
def slates(tmp_path_factory):
    """Makes a slate, each format once."""
    folder = tmp_path_factory.mktemp("slates")

    def make(slate: SlateFormat) -> bytes:
        path: Path = folder / f"{slate.name}.ts"
        if not path.exists():
            drawn = folder / "picture.ppm"
            drawn.write_bytes(picture(TEXTS["source_lost"], slate.width, slate.height))
            subprocess.run(command(material.ffmpeg(), slate, str(drawn), str(path)), check=True, timeout=60)
        return path.read_bytes()

    return make


def in_real_time(slate: Slate, seconds: float, step: float = 0.1) -> list[bytes]:
    """What a slate that began at 0 gives each tick."""
    return [slate.read(tick * step) for tick in range(round(seconds / step) + 1)]


@pytest.mark.ffmpeg
def test_a_slate_is_spliced_into_a_stream_and_out_of_it(slates):
    out = Spliced().source(material.h264_aac())
    out.splicer.begin()
    slate = Slate(slates(SlateFormat(Codec.H264, Codec.AAC, 640, 360)), now=0.0)
    for piece in in_real_time(slate, 10):
        out.add(out.splicer.rewrite(piece))
    out.add(out.splicer.cut())
    out.source(material.h264_aac())
    report = out.report()
    assert report.problems == []
    assert set(report.video.dts_deltas) == {FRAME}
    assert report.frames == pytest.approx(100 + 11 * 25 + 100, abs=3)
    assert out.splicer.joins >= 4


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("slate", "source"),
    [
        (SlateFormat(Codec.H265, Codec.AAC, 640, 360), "h265_aac"),
        (SlateFormat(Codec.MPEG2, Codec.MPEG_AUDIO, 640, 360), "mpeg2_mp2"),
        (SlateFormat(Codec.H264, Codec.AC3, 640, 360), "h264_ac3"),
        (SlateFormat(Codec.H264, None, 640, 360), "video_only"),
    ],
)
def test_there_is_a_slate_for_each_family_of_codecs(slates, slate, source):
    out = Spliced().source(getattr(material, source)())
    out.source(slates(slate) * 2)
    assert out.report().problems == []
    assert out.shown_steps() == {FRAME}


@pytest.mark.ffmpeg
def test_a_slate_is_given_in_real_time(slates):
    data = slates(SlateFormat(Codec.H264, Codec.AAC, 640, 360))
    slate = Slate(data, now=0.0)
    sizes = [len(piece) for piece in in_real_time(slate, 8)]
    assert slate.duration_s == pytest.approx(4.0)
    assert sum(sizes) == pytest.approx(len(data) * 9 / 4, rel=0.1)
    assert all(size % 188 == 0 for size in sizes)
    assert slate.read(8.0) == b""


@pytest.mark.ffmpeg
def test_after_a_pause_a_slate_does_not_catch_up(slates):
    data = slates(SlateFormat(Codec.H264, Codec.AAC, 640, 360))
    slate = Slate(data, now=0.0)
    slate.read(0.0)
    assert len(slate.read(1000.0)) < len(data)
    assert 0 < len(slate.read(1001.0)) < len(data)


@pytest.mark.parametrize("data", [b"", b"\x47" * 188, b"x" * 5000])
def test_what_is_no_stream_is_no_slate(data):
    with pytest.raises(BadSlate):
        Slate(data, 0.0)


@pytest.mark.ffmpeg
def test_what_is_too_short_is_no_slate():
    with pytest.raises(BadSlate, match="too short"):
        Slate(material.h264_aac("320x180", 1), 0.0)


@pytest.mark.parametrize("size", [*SIZES, (16, 16), (720, 576)])
@pytest.mark.parametrize("text", [*TEXTS.values(), "", "Größe? 100 % → ok", "x" * 500])
def test_any_text_fits_any_picture(size, text):
    width, height = size
    drawn = picture(text, width, height)
    head = b"P6\n%d %d\n255\n" % size
    assert drawn.startswith(head)
    assert len(drawn) == len(head) + width * height * 3


def test_a_text_can_be_seen():
    assert len(set(picture("A", 100, 100)[14:])) > 3


def test_a_format_is_found_for_what_a_player_decodes():
    programme = Programme(1, 0x1000, 0x100, (Track(0x100, 0x1B, Codec.H264), Track(0x101, 0x0F, Codec.AAC)))
    assert SlateFormat.like(programme, 640, 360) == SlateFormat(Codec.H264, Codec.AAC, 640, 360)


@pytest.mark.parametrize("tracks", [(Track(0x101, 0x0F, Codec.AAC),), (Track(1, 0x33, Codec.H266),), ()])
def test_there_is_no_slate_for_what_none_is_made_for(tracks):
    assert SlateFormat.like(Programme(1, 0x1000, 0x100, tracks)) is None
