"""The size of a picture, read from real encoders' headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.mpegts.picture_size import picture_size, size_in
from streaming.mpegts.psi import Codec, Programme, Track
from tests.fakes import material


def test_radio_has_no_size() -> None:
    assert size_in(material.ts(video=""), Programme(1, 0x1000, 0x100, (Track(0x100, 0, Codec.AAC),))) is None


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("codec", "encoder", "extra"),
    [
        (Codec.H264, "libx264", ()),
        (Codec.H264, "libx264", ("-preset", "veryfast", "-profile:v", "high")),
        (Codec.H264, "libx264", ("-flags", "+ilme+ildct")),
        (Codec.H265, "libx265", ("-x265-params", "log-level=error")),
        (Codec.MPEG2, "mpeg2video", ()),
    ],
)
def test_the_size_is_that_of_the_picture(codec: Codec, encoder: str, extra: tuple[str, ...]) -> None:
    # No multiple of a block, so that something is cropped.
    data = material.ts(video=encoder, audio="", size="718x572", extra=extra)
    programme = Programme(1, 0x1000, 0x100, (Track(0x100, 0, codec),))
    assert size_in(data, programme) == (718, 572)


@pytest.mark.parametrize("codec", list(Codec))
def test_what_does_not_say_has_no_size(codec: Codec) -> None:
    assert picture_size(codec, b"") is None
    assert picture_size(codec, b"\x00\x00\x01\x65" + bytes(50)) is None


@given(st.sampled_from([Codec.H264, Codec.H265, Codec.MPEG2]), st.binary(max_size=60))
def test_damage_is_no_defect(codec: Codec, rest: bytes) -> None:
    for nal in (b"\x67", b"\x42\x01", b"\xb3"):
        size = picture_size(codec, b"\x00\x00\x01" + nal + rest)
        assert size is None or min(size) > 0
