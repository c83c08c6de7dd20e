"""What a segment is, told by its first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.faults import UpstreamError
from streaming.hls.forms import Form, form_of, id3_length, id3_timestamp_s, judged
from tests.mpegts import material

TS = b"\x47" + bytes(187)


def id3(stamp: int | None = None, extra: int = 0) -> bytes:
    """An ID3 tag as a packager writes it in front of bare audio."""
    owner = b"com.apple.streaming.transportStreamTimestamp\x00"
    content = owner + stamp.to_bytes(8, "big") if stamp is not None else b""
    frame = b"PRIV" + len(content).to_bytes(4, "big") + b"\x00\x00" + content + bytes(extra)
    size = len(frame)
    return b"ID3\x04\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frame


def made(*codec):
    return material.make(*material.tone(1), *codec[:-1], suffix=codec[-1])


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("codec", "form"),
    [
        (("-c:a", "aac", "-f", "adts", "aac"), Form.AAC),
        (("-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0", "mp3"), Form.MP3),
        (("-c:a", "ac3", "ac3"), Form.AC3),
        (("-c:a", "eac3", "eac3"), Form.EAC3),
    ],
)
def test_bare_audio_is_known_with_and_without_an_id3_tag(codec, form):
    audio = made(*codec)

    assert form_of(audio[:1000]) is form
    assert form_of(id3(900_000) + audio[:1000]) is form
    assert form.is_bare_audio


@pytest.mark.ffmpeg
def test_fragmented_mp4_is_known():
    audio = made("-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov", "mp4")

    assert form_of(audio[:1000]) is Form.FMP4


@pytest.mark.parametrize(
    ("start", "form"),
    [
        (TS * 4, Form.TS),
        (b"junk" + TS * 4, Form.TS),
        (TS, Form.TS),
        (b"\x00\x00\x00\x18styp", Form.FMP4),
        (b"\xef\xbb\xbfWEBVTT\n", Form.SUBTITLES),
        (b"  <html>", Form.TEXT),
        (b'{"a":1}', Form.TEXT),
        (b"#EXTM3U\n", Form.TEXT),
        (b"", Form.UNKNOWN),
        (b"\x00" * 1000, Form.UNKNOWN),
        (b"G", Form.UNKNOWN),
        (b"Gateway timeout", Form.UNKNOWN),
    ],
)
def test_other_beginnings_are_told_apart(start, form):
    assert form_of(start) is form


def test_the_clock_of_bare_audio_is_read_from_its_tag():
    assert id3_timestamp_s(id3(900_000) + b"\xff\xf1") == 10.0
    assert id3_timestamp_s(id3(2**33 + 90_000) + b"\xff\xf1") == 1.0
    assert id3_timestamp_s(id3() + b"\xff\xf1") is None
    assert id3_timestamp_s(b"\xff\xf1") is None


def test_the_length_of_a_tag_is_its_own_word_for_it():
    assert id3_length(id3(1) + b"audio") == len(id3(1))
    assert id3_length(b"ID3\x04\x00\x00\xff\xff\xff\xff") == 0


def read(*pieces, encrypted=False):
    return b"".join(judged(pieces, encrypted=encrypted))


def test_pieces_of_media_pass_whole_and_in_order():
    data = b"".join(TS[:1] + bytes([n]) * 187 for n in range(20))

    assert read(*(data[at : at + 100] for at in range(0, len(data), 100))) == data


def test_a_short_segment_is_judged_at_its_end():
    assert read(TS[:100], TS[100:]) == TS


@pytest.mark.parametrize("wrong", [b"<html>" * 500, b"", b"WEBVTT\n", bytes(5000)])
def test_what_is_no_media_is_refused(wrong):
    with pytest.raises(UpstreamError, match="segment"):
        read(wrong)


def test_nonsense_behind_a_key_blames_the_key():
    with pytest.raises(UpstreamError, match="key"):
        read(bytes(5000), encrypted=True)


@given(st.binary(max_size=1000))
def test_no_bytes_make_it_crash(start):
    form_of(start)
    id3_timestamp_s(start)
    form_of(b"ID3" + start)
