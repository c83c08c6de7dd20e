"""Why ffmpeg ended: its own words in versions 5 and 9, and the fault they stand for."""

from __future__ import annotations

import pytest

from streaming.faults import Fault
from streaming.ffmpeg.reasons import reason


@pytest.mark.parametrize(
    ("lines", "code", "fault", "status"),
    [
        (["[http @ 0x5] HTTP error 403 Forbidden", "http://h/: Server returned 403 Forbidden (access denied)"],
         1, Fault.REFUSED, 403),
        (["[http @ 0x5] HTTP error 404 Not Found", "[in#0 @ 0x5] Error opening input: Server returned 404 Not Found",
          "Error opening input files: Server returned 404 Not Found"], 8, Fault.NOT_FOUND, 404),
        (["[http @ 0x5] HTTP error 458 ", "http://h/: Server returned 4XX Client Error, but not one of 40{0,1,3,4}"],
         1, Fault.SLOT_BUSY, 458),
        (["[http @ 0x5] HTTP error 456"], 8, Fault.REFUSED, 456),
        (["[http @ 0x5] HTTP error 429 Too Many Requests"], 8, Fault.SLOT_BUSY, 429),
        (["[rtsp @ 0x5] method DESCRIBE failed: 404 Not Found"], 1, Fault.NOT_FOUND, 404),
        (["[tcp @ 0x5] Connection to tcp://127.0.0.1:1 failed: Connection refused",
          "Error opening input files: Connection refused"], 145, Fault.REFUSED, None),
        (["[tcp @ 0x5] Failed to resolve hostname x: Name or service not known", "http://x/: Input/output error"],
         1, Fault.REFUSED, None),
        (["http://h/hang: Connection timed out"], 1, Fault.TIMED_OUT, None),
        (["[http @ 0x5] Stream ends prematurely at 1500, should be 18446744073709551615", "x: Input/output error"],
         1, Fault.RESET, None),
        (["pipe:0: Invalid data found when processing input"], 1, Fault.NOT_TS, None),
        (["[vost#0:0 @ 0x5] Unknown encoder 'nope'", "Error opening output files: Encoder not found"],
         8, Fault.ENDED, None),
        ([], 0, Fault.ENDED, None),
        (["[mpegts @ 0x5] a warning"], -9, Fault.RESET, None),
        ([], -11, Fault.RESET, None),
        (["something new"], 99, Fault.ENDED, None),
        ([], 99, Fault.ENDED, None),
    ],
)  # fmt: skip
def test_each_end_has_its_fault(lines, code, fault, status):
    err = reason(lines, code)

    assert (err.fault, err.status_code) == (fault, status)


def test_a_profile_ffmpeg_cannot_run_is_quoted_without_object_names():
    assert reason(["[vost#0:0 @ 0x5] [enc:x @ 0x6] Unknown encoder 'nope'"], 8).message.endswith(
        "Unknown encoder 'nope'."
    )


def test_what_was_survived_long_ago_is_no_reason():
    assert reason(["HTTP error 403 Forbidden", *["frame dropped"] * 20], 0).status_code is None


def test_a_kill_is_named():
    assert "SIGKILL" in reason([], -9).message


def test_an_endless_line_is_cut():
    assert len(reason(["x" * 10_000], 1).message) < 300
