"""Children are kept running, and end with their supervisor."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from restreamer.runner import supervisor as room
from restreamer.runner.child import LONGEST_PAUSE_S, Role, pause_s
from restreamer.runner.output import Output
from restreamer.runner.supervisor import Supervisor


class Clock:
    """Real time plus what a test adds."""

    def __init__(self):
        self.added = 0.0

    def __call__(self):
        return time.monotonic() + self.added


@pytest.fixture
def text():
    return io.StringIO()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def supervisor(text, clock):
    supervisor = Supervisor(Output(text), environment=os.environ, folder="/", clock=clock)
    with supervisor.signals():
        yield supervisor
        supervisor.stop()


def python(name, code, **options):
    return Role(name=name, command=(sys.executable, "-u", "-c", code), **options)


def saw(supervisor, text, phrase, timeout_s=10.0):
    return supervisor.run_until(lambda: phrase in text.getvalue(), timeout_s=timeout_s)


def test_each_line_says_who_speaks(supervisor, text):
    supervisor.start(python("one", "print('hello'); print('world'); import time; time.sleep(60)"))
    assert saw(supervisor, text, "[one] world")
    assert "[one] hello\n" in text.getvalue()


def test_what_ends_is_started_again_with_the_reason_said(supervisor, text):
    child = supervisor.start(python("one", "import sys; print('up'); sys.exit(3)", first_pause_s=0))
    assert saw(supervisor, text, "one ended with code 3")
    first = text.getvalue().count("[one] up")
    assert supervisor.run_until(lambda: text.getvalue().count("[one] up") > first, timeout_s=10)
    assert child.role.name == "one"


def test_a_program_that_is_not_there_is_tried_again(supervisor, text):
    supervisor.start(Role(name="none", command=("/no/such/program",)))
    assert "none cannot be started" in text.getvalue()


def test_pauses_grow_and_have_an_end():
    assert [pause_s(n, 0.0) for n in range(1, 9)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert pause_s(5000, 0.0) == LONGEST_PAUSE_S


def test_running_well_makes_the_next_failure_a_first_one(supervisor, text, clock):
    child = supervisor.start(python("one", "import time; time.sleep(60)", first_pause_s=0))
    for _ in range(4):
        psutil.Process(child.pid).kill()
        before = child.pid
        supervisor.run_until(lambda before=before: child.pid not in (before, None), timeout_s=0.2)
        clock.added += 20
        supervisor.run_until(lambda before=before: child.pid not in (before, None), timeout_s=5)
    said = len(text.getvalue())
    clock.added += 60
    psutil.Process(child.pid).kill()
    assert supervisor.run_until(lambda: "starting it again now" in text.getvalue()[said:], timeout_s=5)


def test_what_ignores_a_request_to_end_is_killed(supervisor, text, monkeypatch):
    monkeypatch.setattr(room, "STOP_TIMEOUT_S", 0.3)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    child = supervisor.start(python("deaf", code))
    assert saw(supervisor, text, "[deaf] deaf")
    process = psutil.Process(child.pid)
    supervisor.stop()
    assert not process.is_running()
    assert "deaf does not end by itself; killed" in text.getvalue()


def test_what_ended_just_before_the_stop_does_no_harm(supervisor, text):
    child = supervisor.start(python("one", "print('bye')"))
    process = psutil.Process(child.pid)
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    supervisor.stop()
    assert not child.running
    assert "[one] bye" in text.getvalue()


def test_a_second_request_to_stop_does_not_wait(supervisor, text):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    supervisor.start(python("deaf", code))
    assert saw(supervisor, text, "[deaf] deaf")
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    supervisor.stop_requests = 1
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 5


def test_the_foundation_ends_after_the_others(supervisor, text):
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n    {pause}\n    print('bye')\n    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nprint('here')\ntime.sleep(60)"
    )
    supervisor.start(python("ground", code.format(pause="pass"), foundation=True))
    supervisor.start(python("house", code.format(pause="time.sleep(0.2)")))
    assert supervisor.run_until(lambda: text.getvalue().count("here") == 2, timeout_s=10)
    supervisor.stop()
    assert text.getvalue().index("[house] bye") < text.getvalue().index("[ground] bye")


def test_what_a_dead_child_left_in_its_group_is_cleared_away(supervisor, text, tmp_path):
    code = f"""
import subprocess, sys, os, time
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({str(tmp_path / "pid")!r}, "w").write(str(left.pid))
print("left", flush=True)
os.kill(os.getpid(), 9)
"""
    supervisor.start(python("one", code, first_pause_s=30))
    assert saw(supervisor, text, "one was ended by SIGKILL")
    pid = int((tmp_path / "pid").read_text())
    assert supervisor.run_until(lambda: not _lives(pid), timeout_s=5)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
def test_what_ran_away_into_a_session_of_its_own_ends_with_us(supervisor, text, tmp_path):
    code = f"""
import subprocess, sys, time
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
open({str(tmp_path / "pid")!r}, "w").write(str(left.pid))
print("left", flush=True)
time.sleep(60)
"""
    supervisor.start(python("one", code))
    assert saw(supervisor, text, "[one] left")
    supervisor.stop()
    assert not _lives(int((tmp_path / "pid").read_text()))


def test_secrets_in_the_output_are_hidden(supervisor, text):
    code = "print('GET http://h/c?token=abcdef0123456789'); import time; time.sleep(60)"
    supervisor.start(python("one", code))
    assert saw(supervisor, text, "token=***")
    assert "abcdef" not in text.getvalue()


def _lives(pid):
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
