"""The machine: Python, packages, ffmpeg, disk, clock, limits."""

from __future__ import annotations

import ctypes
import importlib.metadata
import platform
import resource
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from packaging.requirements import Requirement

from restreamer import binaries
from restreamer.doctor.findings import Finding, fail, ok, warn
from restreamer.lib.errors import ConfigurationError
from streaming.ffmpeg import hardware
from streaming.ffmpeg.features import features

_OLDEST_PYTHON = (3, 11)
_MEBIBYTE = 1024 * 1024
_DISK_FAIL_BYTES = 200 * _MEBIBYTE
_DISK_WARN_BYTES = 1024 * _MEBIBYTE
#: A viewer takes one open file in the relay, an upstream two.
_OPEN_FILES_WANTED = 4096
#: This code is not older; a clock before it makes every certificate look invalid.
_NEVER_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
#: adjtimex(2): "clock not synchronized".
_TIME_ERROR = 5


def python() -> Finding:
    """Young enough?"""
    text = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < _OLDEST_PYTHON:
        return fail("python", text, "apt install python3 (3.11 or newer), then ./run")
    return ok("python", text)


def packages() -> Finding:
    """What requirements.txt asks for, against what is installed."""
    wrong = []
    wanted = _requirements(settings.BASE_DIR / "requirements.txt")
    for requirement in wanted:
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, wanted {requirement.specifier}")
    if wrong:
        return fail("packages", "; ".join(wrong), f"{sys.executable} -m pip install -r requirements.txt")
    return ok("packages", f"{len(wanted)} as requirements.txt wants them")


def ffmpeg() -> Finding:
    """Which one, and does it run?"""
    try:
        path = binaries.ffmpeg()
    except ConfigurationError as err:
        return fail("ffmpeg", err.message, "apt install ffmpeg")
    try:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError) as err:
        return fail("ffmpeg", f"{path} does not run: {err}", "apt install ffmpeg, or name another with FFMPEG=/path")
    words = said.split()
    return ok("ffmpeg", f"{words[2] if len(words) > 2 else 'of unknown version'} at {path}")


def graphics() -> Finding:
    """What a trial shows of graphics cards; none is no fault."""
    try:
        found = hardware.detect(features(binaries.ffmpeg()))
    except ConfigurationError:
        return ok("graphics", "not tried: there is no ffmpeg")
    working = [f"{one.acceleration.value} on {one.device or 'its own card'}" for one in found if one.works]
    if working:
        return ok("graphics", f"encodes with {', '.join(working)}")
    return ok("graphics", "no card encodes here: transcodes take the processor")


def disk() -> Finding:
    """Room left where the data is."""
    folder = next(path for path in (settings.RESTREAMER_DATA, *settings.RESTREAMER_DATA.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < _DISK_FAIL_BYTES:
        return fail("disk", text, f"free some space: du -xh --max-depth=1 {folder} | sort -h")
    if free < _DISK_WARN_BYTES:
        return warn("disk", text, f"free some space soon: du -xh --max-depth=1 {folder} | sort -h")
    return ok("disk", text)


def clock() -> Finding:
    """Right, and kept right?"""
    now = datetime.now(UTC)
    text = f"{now.isoformat(timespec='seconds')}, shown in {settings.TIME_ZONE}"
    if now < _NEVER_BEFORE:
        return fail("clock", f"{text}: that is in the past", "timedatectl set-ntp true")
    if _unsynchronised():
        return warn("clock", f"{text}: nothing keeps it right", "timedatectl set-ntp true")
    return ok("clock", text)


def open_files() -> Finding:
    """How many sockets a process may have; `up` raises the soft limit to the hard one by itself."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    unlimited = hard == resource.RLIM_INFINITY
    text = "no limit" if unlimited else f"up to {hard} per process"
    if not unlimited and hard < _OPEN_FILES_WANTED:
        return warn("open files", f"{text}: about {hard // 2} viewers", f"ulimit -Hn {_OPEN_FILES_WANTED} (as root)")
    return ok("open files", text)


def _requirements(path: Path) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return [requirement for requirement in found if requirement.marker is None or requirement.marker.evaluate()]


def _unsynchronised() -> bool:
    """Does the kernel say that no time service keeps its clock? False where it cannot be asked."""
    if sys.platform != "linux":
        return False
    # struct timex with modes = 0 only reads; 512 bytes are more than it has on any machine.
    return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == _TIME_ERROR)
