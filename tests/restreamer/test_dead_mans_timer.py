"""A process that stands still is ended by the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the timer is Linux'")

BEGIN = """
import time
from restreamer.dead_mans_timer import DeadMansTimer
timer = DeadMansTimer()
"""


@contextmanager
def python(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs this and has printed its first line."""
    process = subprocess.Popen([sys.executable, "-c", BEGIN + program], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_a_frozen_process_is_killed() -> None:
    with python("timer.put_off(0.3); print('ready', flush=True); time.sleep(60)") as process:
        os.kill(process.pid, signal.SIGSTOP)
        assert process.wait(10) == -signal.SIGKILL


def test_one_that_puts_it_off_lives_on() -> None:
    program = "print('ready', flush=True)\nfor _ in range(12): timer.put_off(0.4); time.sleep(0.05)\ntimer.stop()"
    with python(program + "\ntime.sleep(0.5)") as process:
        assert process.wait(10) == 0


def test_when_it_is_too_late_already_it_goes_off_at_once() -> None:
    with python("print('ready', flush=True); timer.put_off(-1.0); time.sleep(60)") as process:
        assert process.wait(10) == -signal.SIGKILL
