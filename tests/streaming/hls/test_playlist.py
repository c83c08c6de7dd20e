"""Whole playlists: segments with absolute addresses, ranges, keys and numbers; variants; variables."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.faults import Fault, UpstreamError
from streaming.hls.playlist import (
    DEFAULT_TARGET_S,
    MAX_DURATION_S,
    MAX_TARGET_S,
    Initialisation,
    MasterPlaylist,
    MediaPlaylist,
    Range,
    parse,
)

SAMPLES = Path(__file__).parents[2] / "samples" / "hls"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())
HERE = "http://tv.example/live/7/index.m3u8?token=abc"


def media(*lines, url=HERE, imports=None) -> MediaPlaylist:
    found = parse("\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:6", *lines]), url, imports)
    assert isinstance(found, MediaPlaylist)
    return found


def sample(name):
    return parse((SAMPLES / name).read_text(), HERE)


# Samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_sample_is_the_kind_it_is_said_to_be(name):
    kind = MasterPlaylist if EXPECTED[name]["kind"] == "multivariant" else MediaPlaylist

    assert isinstance(sample(name), kind)


@pytest.mark.parametrize("name", sorted(n for n, facts in EXPECTED.items() if facts["kind"] == "multivariant"))
def test_every_master_sample_has_all_its_variants_and_renditions(name):
    master = sample(name)

    assert len(master.variants) == EXPECTED[name]["variants"]
    assert len(master.renditions) == EXPECTED[name]["renditions"]
    assert all(variant.url.startswith("http://") for variant in master.variants)


@pytest.mark.parametrize("name", sorted(n for n, facts in EXPECTED.items() if facts["kind"] != "multivariant"))
def test_every_media_sample_has_a_segment_per_address_and_a_usable_target(name):
    playlist = sample(name)

    assert len(playlist.segments) == EXPECTED[name]["uri_lines"]
    assert 0 < playlist.target_s <= MAX_TARGET_S
    assert [s.sequence for s in playlist.segments] == list(range(playlist.segments[0].sequence, playlist.end_sequence))


def test_a_gap_without_a_duration_is_a_segment_nobody_asks_for():
    (segment,) = sample("eyevinn_bad-media-playlist-with-gap.m3u8").segments

    assert segment.gap


def test_a_radio_list_of_endless_addresses_is_played_from_its_beginning_to_its_end():
    playlist = sample("openm3u8_negativeDurationMediaPlaylist.m3u8")

    assert playlist.ended
    assert [segment.duration_s for segment in playlist.segments] == [0, 0, 0]


def test_a_second_list_glued_behind_the_first_begins_with_a_discontinuity():
    playlist = sample("openm3u8_twoMediaPlaylists.m3u8")

    assert [segment.discontinuity for segment in playlist.segments] == [False, False, False, True, False]


def test_a_list_of_single_pictures_says_so():
    assert sample("eyevinn_media-playlist-with-iframes-only-and-map.m3u8").iframes_only


def test_segments_a_delta_update_leaves_out_still_count():
    playlist = sample("eyevinn_media-playlist-with-skip.m3u8")

    assert playlist.segments[0].url.endswith("fileSequence267.mp4")
    assert playlist.segments[0].sequence == 267
    assert len(playlist.segments) == 6


def test_parts_of_a_low_latency_list_are_no_segments():
    playlist = sample("eyevinn_media-playlist-low-latency-initial-sequence-num-5.m3u8")

    assert playlist.segments[-1].url.endswith("fileSequence32.m4s")


def test_each_initialisation_segment_holds_until_the_next():
    playlist = sample("eyevinn_media-playlist-fmp4.m3u8")

    names = [s.initialisation.url.rpartition("/")[2] for s in playlist.segments if s.initialisation]
    assert names == ["hls_init.cmfv"] * 3 + ["hls_init2.cmfv"] * 3


def test_keys_of_several_formats_are_in_force_together_and_replace_their_own_kind():
    playlist = sample("openm3u8_playlistWithMultipleEncryptedMediaSegments.m3u8")

    assert [key.uri[-2:] for key in playlist.segments[0].keys] == ["52", "62"]
    assert [key.uri[-2:] for key in playlist.segments[3].keys] == ["53", "63"]


# Addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "absolute"),
    [
        ("a.ts", "http://tv.example/live/7/a.ts"),
        ("../x/a.ts?q=1", "http://tv.example/live/x/a.ts?q=1"),
        ("/a.ts", "http://tv.example/a.ts"),
        ("//cdn.example/a.ts", "http://cdn.example/a.ts"),
        ("https://cdn.example/a.ts", "https://cdn.example/a.ts"),
        ("?part=2", "http://tv.example/live/7/index.m3u8?part=2"),
        ("sub dir/ä.ts", "http://tv.example/live/7/sub dir/ä.ts"),
    ],
)
def test_addresses_are_made_absolute(reference, absolute):
    assert media("#EXTINF:6,", reference).segments[0].url == absolute


def test_an_address_nobody_can_read_does_not_break_the_list():
    playlist = media("#EXTINF:6,", "http://[::1/a.ts", "#EXTINF:6,", "b.ts")

    assert playlist.segments[1].url == "http://tv.example/live/7/b.ts"


def test_an_advert_counter_in_front_of_a_segment_is_left_out():
    counted = "https://count.example/b?id=1&redirect=https%3A%2F%2Fcdn.example%2F1.ts%3Fa%3D1&x=2"

    assert media("#EXTINF:6,", counted).segments[0].url == "https://cdn.example/1.ts?a=1"


@pytest.mark.parametrize(
    "address",
    [
        "https://proxy.example/get?url=https%3A%2F%2Fcdn.example%2F1.ts",
        "https://login.example/?redirect=https%3A%2F%2Fcdn.example%2Fhome",
        "https://x.example/?redirect=file%3A%2F%2F%2Fetc%2Fpasswd.ts",
        "https://x.example/?redirect=%2F1.ts",
    ],
)
def test_other_addresses_with_an_address_inside_are_left_alone(address):
    assert media("#EXTINF:6,", address).segments[0].url == address


# Variables --------------------------------------------------------------------------------------------------------


def test_variables_are_replaced_in_addresses():
    lines = ['#EXT-X-DEFINE:NAME="host",VALUE="cdn.example"', "#EXTINF:6,", "http://{$host}/{$host}.ts"]

    assert media(*lines).segments[0].url == "http://cdn.example/cdn.example.ts"


def test_a_variable_may_come_from_the_list_s_own_address_or_from_the_master():
    lines = ['#EXT-X-DEFINE:QUERYPARAM="token"', '#EXT-X-DEFINE:IMPORT="cdn"', "#EXTINF:6,", "{$cdn}/{$token}.ts"]

    assert media(*lines, imports={"cdn": "x"}).segments[0].url.endswith("/x/abc.ts")


@pytest.mark.parametrize("text", ["{$nobody}.ts", "{$open.ts", "{$}.ts", "{$a}{$b"])
def test_an_undefined_variable_stays_as_it_is(text):
    assert media("#EXTINF:6,", text).segments[0].url.endswith(text)


# Ranges, keys, maps -----------------------------------------------------------------------------------------------


def test_a_range_without_an_offset_follows_the_one_before_of_the_same_file():
    playlist = media(
        "#EXT-X-BYTERANGE:100@50", "#EXTINF:6,", "a.ts", "#EXT-X-BYTERANGE:30", "#EXTINF:6,", "a.ts",
        "#EXT-X-BYTERANGE:7", "#EXTINF:6,", "b.ts",
    )  # fmt: skip

    assert [s.byte_range for s in playlist.segments] == [Range(50, 100), Range(150, 30), Range(0, 7)]


def test_a_range_belongs_to_its_own_segment_only():
    playlist = media("#EXT-X-BYTERANGE:100@50", "#EXTINF:6,", "a.ts", "#EXTINF:6,", "b.ts")

    assert playlist.segments[1].byte_range is None


def test_method_none_ends_encryption():
    playlist = media(
        '#EXT-X-KEY:METHOD=AES-128,URI="k"', "#EXTINF:6,", "a.ts", "#EXT-X-KEY:METHOD=NONE", "#EXTINF:6,", "b.ts"
    )

    assert [bool(segment.keys) for segment in playlist.segments] == [True, False]
    assert playlist.segments[0].keys[0].uri == "http://tv.example/live/7/k"


def test_a_map_may_be_part_of_a_file():
    playlist = media('#EXT-X-MAP:URI="m.mp4",BYTERANGE="720@0"', "#EXTINF:6,", "m.mp4")

    assert playlist.segments[0].initialisation == Initialisation("http://tv.example/live/7/m.mp4", Range(0, 720))


# Numbers ----------------------------------------------------------------------------------------------------------


def test_a_list_without_a_sequence_number_says_so():
    assert media("#EXTINF:6,", "a.ts").media_sequence is None
    assert media("#EXT-X-MEDIA-SEQUENCE:0", "#EXTINF:6,", "a.ts").media_sequence == 0


def test_a_list_without_a_target_duration_takes_its_longest_segment():
    assert parse("#EXTM3U\n#EXTINF:4,\na.ts\n#EXTINF:7.5,\nb.ts", HERE).target_s == 7.5
    assert parse("#EXTM3U\n#EXTINF:0,\na.ts\n#EXT-X-MEDIA-SEQUENCE:1", HERE).target_s == DEFAULT_TARGET_S


def test_an_absurd_target_duration_is_cut():
    assert parse("#EXTM3U\n#EXT-X-TARGETDURATION:99999999\n", HERE).target_s == MAX_TARGET_S


# What is no playlist ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<html><body>Login</body></html>", "a web page"),
        ('{"error": "expired"}', "JSON"),
        ("", "nothing"),
        ("GARBAGE\n1\n", "something unknown"),
    ],
)
def test_what_is_no_playlist_is_named(text, what):
    with pytest.raises(UpstreamError) as caught:
        parse(text, HERE)

    assert caught.value.fault is Fault.NOT_TS
    assert what in caught.value.message


LINE = st.sampled_from(
    [
        "#EXTM3U", "#EXTINF:4,", "#EXTINF:-1", "a.ts", "/b.ts", "#EXT-X-BYTERANGE:10", "#EXT-X-BYTERANGE:-5@-6",
        "#EXT-X-KEY:METHOD=AES-128", '#EXT-X-KEY:METHOD=AES-128,URI="//[x"', "#EXT-X-KEY:METHOD=NONE", "#EXT-X-MAP:",
        "#EXT-X-GAP", "#EXT-X-DISCONTINUITY", "#EXT-X-MEDIA-SEQUENCE:-7", "#EXT-X-SKIP:SKIPPED-SEGMENTS=9",
        "#EXT-X-TARGETDURATION:0", "#EXT-X-ENDLIST", "#EXT-X-STREAM-INF:BANDWIDTH=x",
        '#EXT-X-MEDIA:TYPE=AUDIO,URI="{$"',
        '#EXT-X-DEFINE:NAME="a",VALUE="{$a}"', "http://{$a}/{$b",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(LINE, st.text(max_size=20)), max_size=40))
def test_no_order_of_lines_makes_the_reader_crash(lines):
    with contextlib.suppress(UpstreamError):
        parse("\n".join(lines), HERE)


def test_a_number_that_comes_behind_its_segment_still_counts():
    playlist = media("#EXTINF:6,", "a.ts", "#EXTINF:6,", "b.ts", "#EXT-X-MEDIA-SEQUENCE:50")

    assert [s.sequence for s in playlist.segments] == [50, 51]


def test_a_duration_nobody_can_wait_for_is_cut():
    assert media("#EXTINF:999999999999999999,", "a.ts").segments[0].duration_s == MAX_DURATION_S
