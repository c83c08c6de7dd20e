"""Graphics hardware counts only when a trial picture came out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streaming.ffmpeg.command import trial
from streaming.ffmpeg.features import Features, features
from streaming.ffmpeg.hardware import detect
from streaming.ffmpeg.process import ChildProcess
from streaming.ffmpeg.profiles import TRANSCODE, Acceleration
from tests.streaming.ffmpeg.binaries import BINARIES

ENCODERS = frozenset({"h264_vaapi", "h264_nvenc", "h264_qsv"})


def pretending(tmp_path, script) -> Features:
    """An ffmpeg that does as the script says."""
    fake = tmp_path / "ffmpeg"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    return Features(str(fake), (9, 0), frozenset(), ENCODERS, frozenset())


def test_hardware_that_encodes_a_trial_picture_works(tmp_path):
    reports = detect(pretending(tmp_path, "echo picture"), devices=["/dev/dri/renderD128"])

    assert [(r.acceleration, r.works, r.device) for r in reports] == [
        (Acceleration.VAAPI, True, "/dev/dri/renderD128"),
        (Acceleration.NVENC, True, ""),
        (Acceleration.QSV, True, "/dev/dri/renderD128"),
    ]


def test_the_card_that_works_is_found_among_several(tmp_path):
    able = pretending(tmp_path, 'case "$*" in *renderD129*) echo picture;; *) echo no such device >&2; exit 1;; esac')

    reports = detect(able, devices=["/dev/dri/renderD128", "/dev/dri/renderD129"])

    assert [r.device for r in reports if r.works] == ["/dev/dri/renderD129"] * 2


def test_an_encoder_that_was_not_built_in_is_said_so():
    reports = detect(Features("/bin/false", (9, 0), frozenset(), frozenset(), frozenset()), devices=["x"])

    assert all("built without" in report.sentence for report in reports)


def test_a_machine_without_a_card_is_said_so(tmp_path):
    reports = detect(pretending(tmp_path, "exit 1"), devices=[])

    assert "no graphics card" in reports[0].sentence
    assert not any(report.works for report in reports)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("binary", BINARIES)
def test_a_real_ffmpeg_says_why_a_card_that_is_not_there_does_not_work(binary):
    reports = detect(features(binary), devices=["/dev/dri/renderD250"])

    assert not any(report.works for report in reports if report.acceleration is not Acceleration.NVENC)
    assert all(report.sentence for report in reports)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("change", [{}, {"height": 180}, {"deinterlace": True}])
def test_the_trial_command_of_plain_software_encodes(binary, change):
    command = trial(replace(TRANSCODE, **change), features(binary))
    child = ChildProcess(lambda pipes: command)

    written = child.read(20)
    child.stop()

    assert written[:1] == b"\x47"
