"""ffmpeg's reports, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.ffmpeg.progress import Progress, ProgressReader

REPORT = b"""frame=250
fps=49.80
stream_0_0_q=23.0
bitrate=2050.4kbits/s
total_size=2568832
out_time_us=10021333
out_time=00:00:10.021333
dup_frames=0
drop_frames=3
speed=1.99x
progress=continue
"""


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_report_is_read_however_it_is_cut(step):
    reader = ProgressReader()
    for at in range(0, len(REPORT), step):
        reader.feed(REPORT[at : at + step])

    assert reader.latest == Progress(250, 49.8, 2_050_400, 2_568_832, pytest.approx(10.021333), 3, 1.99)


def test_half_a_report_changes_nothing():
    reader = ProgressReader()
    reader.feed(REPORT)
    reader.feed(b"frame=251\nspeed=0.1x\n")

    assert reader.latest.frames == 250


def test_numbers_that_are_not_known_yet_are_zero():
    reader = ProgressReader()
    reader.feed(b"out_time_us=N/A\nbitrate=N/A\nspeed=N/A\nprogress=continue\n")

    assert reader.latest == Progress()


def test_the_last_report_says_so():
    reader = ProgressReader()
    reader.feed(b"progress=end\n")

    assert reader.latest.ended


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_no_bytes_make_it_crash(pieces):
    reader = ProgressReader()
    for piece in pieces:
        reader.feed(piece + b"\nspeed=1e999x\nframe=nan\n")
