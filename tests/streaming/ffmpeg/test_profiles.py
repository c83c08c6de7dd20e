"""A profile that cannot work is refused with a sentence before it is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from restreamer.lib.errors import InvalidInput
from streaming.ffmpeg.profiles import REMUX, TRANSCODE, Kind, Profile, words


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
    ],
)
def test_a_template_that_cannot_work_is_refused(template, words):
    with pytest.raises(InvalidInput, match=words):
        Profile("x", Kind.CUSTOM, template=template).check()


def test_words_are_split_like_a_shell_splits_and_nothing_more():
    assert words("-vf 'scale=1:2, fps=3' $HOME `id` > x;y") == ["-vf", "scale=1:2, fps=3", "$HOME", "`id`", ">", "x;y"]
