"""The life of a child: drained, fed, stopped with all it started, and gone when we are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.process import ChildProcess


def child(script: str, **kwargs) -> ChildProcess:
    """A Python child: starts faster than ffmpeg and does as it is told. `PIPES` holds the names it was given."""
    code = textwrap.dedent(script)
    return ChildProcess(
        lambda pipes: [sys.executable, "-S", "-c", f"PIPES = {(*pipes.inputs, pipes.progress)!r}\n{code}"], **kwargs
    )


@pytest.fixture(autouse=True)
def _nothing_stays_behind():
    threads, files = threading.active_count(), open_files()
    yield
    until(lambda: threading.active_count() <= threads + 1 and open_files() <= files)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def whole(process: ChildProcess) -> bytes:
    data = b""
    while piece := process.read(10):
        data += piece
    return data


def test_output_is_read_to_its_end_and_the_end_has_its_reason():
    process = child("print('hello')")

    assert whole(process) == b"hello\n"
    assert process.reason().fault is Fault.ENDED


def test_what_it_says_never_blocks_it_and_only_the_last_lines_are_kept():
    process = child("""
        import sys
        for n in range(100_000):
            sys.stderr.write(f"line {n} http://u:p@h/ token=secret\\n")
        print("done")
    """)

    assert whole(process) == b"done\n"
    process.reason()

    assert process.last_lines[-1] == "line 99999 http://***@h/ token=***"
    assert len(process.last_lines) <= 100


def test_a_line_that_never_ends_is_cut():
    process = child("import sys; sys.stderr.write('x' * 1_000_000); print()")
    whole(process)
    process.reason()

    assert max(map(len, process.last_lines)) <= 2000


def test_a_quiet_child_is_told_from_an_ended_one():
    process = child("import time; time.sleep(60)")
    with pytest.raises(TimeoutError):
        process.read(0.01)
    process.stop()

    assert process.read(1) == b""


def test_input_reaches_it_and_its_end_too():
    process = child("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", inputs=1)
    process.write(b"abc")
    process.write(b"def")
    process.end_input()

    assert whole(process) == b"fedcba"
    process.stop()


def test_two_inputs_are_filled_in_whatever_order_it_reads_them():
    process = child(
        """
        import os, sys
        second = os.fdopen(int(PIPES[1].partition(":")[2]), "rb").read()
        sys.stdout.buffer.write(second + sys.stdin.buffer.read())
        """,
        inputs=2,
    )
    process.write(b"1" * 5_000_000, 0)
    process.write(b"2" * 5_000_000, 1)
    process.end_input(0)
    process.end_input(1)

    assert whole(process) == b"2" * 5_000_000 + b"1" * 5_000_000
    process.stop()


def test_a_writer_waits_while_the_child_has_enough(monkeypatch):
    monkeypatch.setattr("streaming.ffmpeg.pipes._WAITING_BYTES", 1000)
    process = child("import time; time.sleep(60)", inputs=1)
    written = []

    def write():
        while process.write(bytes(500_000)):
            written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    until(lambda: len(written) >= 3)
    time.sleep(0.05)
    stuck_at = len(written)
    process.stop()
    writer.join(5)

    assert stuck_at < 10
    assert not writer.is_alive()


def test_a_child_that_is_gone_takes_no_more():
    process = child("import sys; sys.stdin.close()", inputs=1)
    whole(process)

    until(lambda: not process.write(bytes(100_000)))
    process.stop()


def test_progress_has_a_pipe_of_its_own():
    process = child(
        """
        import os
        with os.fdopen(int(PIPES[-1].partition(":")[2]), "w") as report:
            report.write("frame=5\\nspeed=1.5x\\nprogress=continue\\n")
        """,
        progress=True,
    )
    whole(process)
    process.reason()

    assert (process.progress.frames, process.progress.speed) == (5, 1.5)


def test_stop_wakes_a_reader():
    process = child("import time; time.sleep(60)")
    got = []
    reader = threading.Thread(target=lambda: got.append(process.read(60)))
    reader.start()
    time.sleep(0.05)

    process.stop()
    reader.join(5)

    assert got == [b""]
    assert not is_alive(process.pid)


def test_stop_ends_a_child_that_ignores_being_asked_and_all_it_started():
    process = child("""
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pid = os.fork()
        if pid:
            print(pid, flush=True)
        time.sleep(60)
    """)
    grandchild = int(process.read(10))
    began = time.monotonic()

    process.stop()

    assert not is_alive(process.pid)
    until(lambda: not is_alive(grandchild))
    assert time.monotonic() - began < 3


def test_stop_ends_a_child_that_writes_without_pause():
    process = child("""
        import sys
        while True:
            sys.stdout.buffer.write(bytes(100_000))
    """)
    process.read(10)
    began = time.monotonic()

    process.stop()
    process.stop()

    assert time.monotonic() - began < 1
    assert not is_alive(process.pid)


def test_stop_from_many_threads_is_one_stop():
    process = child("import time; time.sleep(60)")
    threads = [threading.Thread(target=process.stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert not is_alive(process.pid)


def test_a_killed_child_is_a_broken_connection_and_no_zombie():
    process = child("import time; time.sleep(60)")

    os.kill(process.pid, signal.SIGKILL)

    assert process.read(10) == b""
    assert process.reason().fault is Fault.RESET
    assert not Path(f"/proc/{process.pid}").exists()


def test_a_child_that_closed_its_output_but_runs_on_is_ended():
    process = child("import os, time; os.close(1); time.sleep(60)")

    assert process.read(10) == b""
    process.reason()

    assert not is_alive(process.pid)


@pytest.mark.parametrize("command", [["/no/such/program"], ["true", "zero\x00byte"]])
def test_a_program_that_cannot_be_started_is_said_so(command):
    with pytest.raises(UpstreamError, match="cannot be started"):
        ChildProcess(lambda pipes: command, inputs=2, progress=True)


def test_a_child_survives_the_thread_that_started_it():
    started = []
    starter = threading.Thread(target=lambda: started.append(child("import time; time.sleep(60)")))
    starter.start()
    starter.join()
    time.sleep(0.2)

    assert is_alive(started[0].pid)
    started[0].stop()


def test_a_child_dies_with_us_however_we_die():
    script = """
        import os, signal, sys, time
        from streaming.ffmpeg.process import ChildProcess
        process = ChildProcess(lambda pipes: [sys.executable, "-S", "-c", "import time; time.sleep(60)"])
        print(process.pid, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    until(lambda: is_alive(pid))

    parent.kill()
    parent.wait()
    parent.stdout.close()

    until(lambda: not is_alive(pid), 5)
