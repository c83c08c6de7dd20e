"""A profile that cannot work is refused with a sentence before it is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restreamer.lib.errors import InvalidInput
from streaming.ffmpeg.profiles import REMUX, TRANSCODE, Acceleration, Kind, Profile, matching, words


@pytest.mark.parametrize("profile", [REMUX, TRANSCODE, Profile("x", Kind.CUSTOM, template="ffmpeg -i <url> pipe:1")])
def test_ready_made_profiles_are_fine(profile):
    profile.check()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": 20}, "height 20"),
        ({"video_bps": 1}, "video bit rate"),
        ({"video_bps": 10**12}, "video bit rate"),
        ({"audio_bps": 0}, "audio bit rate"),
        ({"gop_s": 0}, "keyframe distance"),
        ({"preset": "veryslow; rm -rf /"}, "preset"),
        ({"input_arguments": '-x "'}, "input arguments"),
        ({"output_arguments": "-x '"}, "output arguments"),
        ({"output_arguments": "-x | y"}, "No shell"),
        ({"input_arguments": "-x <channel>"}, "<channel>"),
    ],
)
def test_a_transcode_out_of_range_is_refused(change, words):
    with pytest.raises(InvalidInput, match=words):
        replace(TRANSCODE, **change).check()


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("ffmpeg -i input pipe:1", "<url>"),
        ("<url> x", "<url>"),
        ("ffmpeg -i '<url>", "quote"),
        ("sh -c 'ffmpeg -i <url>'", "shell"),
        ("/bin/bash -c <url>", "shell"),
        ("ffmpeg -i <url> pipe:1 | cat", "No shell"),
        ("ffmpeg -i <url> pipe:1; rm x", "No shell"),
        ("ffmpeg -i <url> pipe:1 && ls", "No shell"),
        ("ffmpeg -i <url> pipe:1 > /tmp/x", "No shell"),
        ("ffmpeg -i <url> `id`", "No shell"),
        ('ffmpeg -i <url> -metadata "title=$(id)" pipe:1', "No shell"),
        ("ffmpeg -i <url> ${HOME}", "No shell"),
        ("ffmpeg -i <url>\nrm x", "No shell"),
        ("ffmpeg -i <address> <url>", "<address>"),
        ("ffmpeg -i <url> -user_agent <useragent>", "<useragent>"),
    ],
)
def test_a_template_that_cannot_work_is_refused(template, words):
    with pytest.raises(InvalidInput, match=words):
        Profile("x", Kind.CUSTOM, template=template).check()


@pytest.mark.parametrize(
    "template",
    [
        "ffmpeg -i <url> -filter_complex '[0:a]volume=2;anull[a]' -map '[a]' -f mpegts pipe:1",
        'ffmpeg -user_agent "<user_agent>" -i "<url>" -vf "select=gt(scene,0)" pipe:1',
        "ffmpeg -http_proxy <proxy> -rw_timeout <timeout> -i <url> -map 0:v:0? a\\;b pipe:1",
        "streamlink --stdout <url> best",
    ],
)
def test_what_a_shell_would_need_quotes_for_may_stand_in_quotes(template):
    Profile("x", Kind.CUSTOM, template=template).check()


def test_a_profile_is_bent_to_what_players_decode():
    card = replace(TRANSCODE, acceleration=Acceleration.NVENC)
    assert matching(card, "h264", "aac") == card
    assert matching(card, "h265", "ac3") == replace(card, picture="h265", sound="ac3", acceleration=Acceleration.NONE)
    assert matching(card, "h264", "") == card


def test_what_no_encoder_makes_is_not_promised():
    assert matching(TRANSCODE, "h266", "aac") is None
    assert matching(TRANSCODE, "h264", "dts") is None
    assert matching(REMUX, "h264", "aac") is None


def test_words_are_split_like_a_shell_splits_and_nothing_more():
    assert words("-vf 'scale=1:2, fps=3' $HOME `id` > x;y") == ["-vf", "scale=1:2, fps=3", "$HOME", "`id`", ">", "x;y"]
