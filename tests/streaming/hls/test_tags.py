"""The playlist's lines: every sample yields the facts counted by hand, and nothing makes the reader raise."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.hls import tags

SAMPLES = Path(__file__).parents[2] / "samples" / "hls"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())

COUNTED = {
    "dateranges": tags.DateRange,
    "discontinuities": tags.Discontinuity,
    "extinf": tags.Extinf,
    "gaps": tags.Gap,
    "iframe_variants": tags.IFrameStreamInf,
    "keys": tags.Key,
    "maps": tags.Map,
    "parts": tags.Part,
    "renditions": tags.Media,
    "uri_lines": tags.Uri,
    "variants": tags.StreamInf,
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_sample_holds_the_tags_counted_in_it(name):
    found = Counter(type(tag) for tag in tags.read((SAMPLES / name).read_text()))

    assert {fact: found[kind] for fact, kind in COUNTED.items()} == {fact: EXPECTED[name][fact] for fact in COUNTED}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_sample_s_numbers_are_read(name):
    lines = list(tags.read((SAMPLES / name).read_text()))
    expected = EXPECTED[name]

    targets = [tag.seconds for tag in lines if isinstance(tag, tags.TargetDuration)]
    written = expected.get("target_duration", [])
    assert targets == [float(value) for value in (written if isinstance(written, list) else [written])]
    sequences = [tag.number for tag in lines if isinstance(tag, tags.MediaSequence)]
    assert sequences == ([int(expected["media_sequence"])] if "media_sequence" in expected else [])
    versions = [tag.number for tag in lines if isinstance(tag, tags.Version)]
    assert versions == ([int(expected["version"])] if "version" in expected else [])
    assert any(isinstance(tag, tags.EndList) for tag in lines) == expected["endlist"]


def one(text):
    (tag,) = tags.read(text)
    return tag


def test_a_quoted_attribute_may_hold_commas_and_equals_signs():
    assert tags.attributes('A="x,y=1",B=2') == {"A": "x,y=1", "B": "2"}


def test_an_unclosed_quote_ends_with_the_line():
    assert tags.attributes('METHOD=AES-128,URI="http://host/key') == {"METHOD": "AES-128", "URI": "http://host/key"}


def test_blanks_around_attributes_do_not_matter():
    assert tags.attributes(' BANDWIDTH = 1 , NAME="a" ')["NAME"] == "a"
    assert tags.attributes("A=1, B=2") == {"A": "1", "B": "2"}


def test_a_key_has_its_vector_as_sixteen_bytes():
    assert one("#EXT-X-KEY:METHOD=AES-128,URI=k,IV=0x1F").iv == bytes(15) + b"\x1f"


@pytest.mark.parametrize("vector", ["", "0x", "0xZZ", "12", "0x" + "0" * 33])
def test_an_unusable_vector_counts_as_none(vector):
    assert one(f"#EXT-X-KEY:METHOD=AES-128,URI=k,IV={vector}").iv is None


def test_a_key_without_keyformat_is_plain():
    assert one("#EXT-X-KEY:METHOD=AES-128,URI=k").keyformat == "identity"


def test_a_byte_range_may_leave_its_offset_to_the_one_before():
    assert one("#EXT-X-BYTERANGE:100@20") == tags.ByteRange(100, 20)
    assert one("#EXT-X-BYTERANGE:100") == tags.ByteRange(100, tags.UNKNOWN)


def test_a_variant_s_facts_are_typed():
    inf = one('#EXT-X-STREAM-INF:BANDWIDTH=1280000,RESOLUTION=1920x1080,CODECS="avc1,mp4a",FRAME-RATE=50,AUDIO="a"')

    assert (inf.bandwidth_bps, inf.width, inf.height, inf.frame_rate, inf.audio_group) == (1280000, 1920, 1080, 50, "a")


def test_durations_may_be_whole_negative_or_rubbish():
    assert one("#EXTINF:10,Name").duration_s == 10
    assert one("#EXTINF:-1,Radio").duration_s == -1
    assert one("#EXTINF:abc").duration_s == tags.UNKNOWN
    assert one("#EXTINF:4.5, a , b").title == "a , b"


def test_eighteen_digit_sequence_numbers_keep_their_last_digit():
    assert one("#EXT-X-MEDIA-SEQUENCE:173211111111111117").number == 173211111111111117


def test_windows_line_ends_a_byte_order_mark_and_old_mac_line_ends_are_fine():
    assert list(tags.read("\ufeff#EXTM3U\r\n#EXTINF:1,\r\na.ts\r\n")) == [
        tags.Header(),
        tags.Extinf(1, ""),
        tags.Uri("a.ts"),
    ]
    assert len(list(tags.read("#EXTM3U\r#EXTINF:1,\ra.ts"))) == 3


def test_a_header_may_carry_attributes_of_other_trades():
    assert list(tags.read('#EXTM3U url-tvg="http://guide"')) == [tags.Header()]


def test_tag_names_are_known_in_any_case():
    assert one("#extinf:4,") == tags.Extinf(4, "")


def test_unknown_tags_are_kept_and_comments_are_not():
    assert list(tags.read("#EXT-X-CUE-OUT:180\n# comment\n#USP-X:1\n")) == [tags.Other("#EXT-X-CUE-OUT", "180")]


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_raise(text):
    list(tags.read(text))


NAMES = sorted(tags._READERS)


@given(st.sampled_from(NAMES), st.text(alphabet='ABIRUV=",@0x123.-{$} \té', max_size=60))
def test_no_value_of_a_known_tag_makes_the_reader_raise(name, value):
    list(tags.read(f"{name}:{value}"))


def test_a_long_hostile_line_is_read_in_linear_time():
    began = time.perf_counter()

    list(tags.read("#EXT-X-KEY:" + "a" * 2_000_000))
    list(tags.read("#EXT-X-KEY:" + "a=" * 1_000_000))
    list(tags.read("#EXT-X-KEY:" + 'a="' * 700_000))

    assert time.perf_counter() - began < 5
