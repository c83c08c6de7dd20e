"""Which graphics hardware can encode here: not what ffmpeg was built with, but what a short trial shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from streaming.faults import UpstreamError
from streaming.ffmpeg.command import trial
from streaming.ffmpeg.features import Features
from streaming.ffmpeg.process import ChildProcess
from streaming.ffmpeg.profiles import Acceleration, Kind, Profile

_TRIAL_S = 15.0
_ENCODERS = {
    Acceleration.VAAPI: "h264_vaapi",
    Acceleration.NVENC: "h264_nvenc",
    Acceleration.QSV: "h264_qsv",
}


@dataclass(frozen=True, slots=True)
class HardwareReport:
    """What a trial of one kind of hardware showed; `sentence` is for the owner."""

    acceleration: Acceleration
    works: bool
    sentence: str
    #: The card that works; "" for NVENC, which finds its own.
    device: str = ""


def detect(able: Features, devices: Iterable[str] | None = None) -> list[HardwareReport]:
    """Try each kind of hardware on each card by encoding a second of picture; some seconds on real hardware.

    `devices` are the cards' render nodes; by default those of this machine.
    """
    cards = sorted(str(path) for path in Path("/dev/dri").glob("renderD*")) if devices is None else list(devices)
    return [_report(able, acceleration, cards) for acceleration in _ENCODERS]


def _report(able: Features, acceleration: Acceleration, cards: list[str]) -> HardwareReport:
    encoder = _ENCODERS[acceleration]
    if encoder not in able.encoders:
        return HardwareReport(acceleration, False, f"This ffmpeg was built without {encoder}.")
    if acceleration is Acceleration.NVENC:
        return _trial(able, acceleration, "")
    if not cards:
        return HardwareReport(acceleration, False, "There is no graphics card: /dev/dri holds no render node.")
    trials = [_trial(able, acceleration, card) for card in cards]
    return next((trial for trial in trials if trial.works), trials[0])


def _trial(able: Features, acceleration: Acceleration, device: str) -> HardwareReport:
    profile = Profile("trial", Kind.TRANSCODE, acceleration=acceleration, video_bps=1_000_000)
    profile = replace(profile, device=device) if device else profile
    try:
        written, error = _run(trial(profile, able))
    except UpstreamError as err:
        return HardwareReport(acceleration, False, err.message, device)
    return HardwareReport(acceleration, written, "A trial picture was encoded." if written else error.message, device)


def _run(command: list[str]) -> tuple[bool, UpstreamError]:
    child = ChildProcess(lambda pipes: command)
    written = False
    try:
        with contextlib.suppress(TimeoutError):
            while child.read(_TRIAL_S):
                written = True
        return written, child.reason()
    finally:
        child.stop()
