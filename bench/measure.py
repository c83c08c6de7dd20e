"""What a process tree costs: CPU seconds and memory, and the processes that measurements start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def cpu_s(pid: int) -> float:
    """User and system time of the tree."""
    total = 0
    for one in tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """Proportional memory of the tree, and its memory files."""
    total = 0
    for one in tree(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            # Mapped memory files are counted with the files.
            if line.startswith(("Pss_Anon:", "Pss_File:")):
                total += int(line.split()[1]) * 1024
    return total + sum(memory_file_bytes(one) for one in tree(pid))


def resident_bytes(pid: int) -> int:
    """Resident memory of the tree, shared pages counted in each."""
    total = 0
    for one in tree(pid):
        for line in Path(f"/proc/{one}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def memory_file_bytes(pid: int) -> int:
    """What the memory files (rings) of a process hold."""
    held = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if "memfd:" in str(entry.readlink()):
                # One that is mapped too has two descriptors.
                found = entry.stat()
                held[found.st_ino] = found.st_blocks * 512
        except OSError:
            continue
    return sum(held.values())


@dataclass
class Server:
    """A started process with a listening socket."""

    process: subprocess.Popen[bytes]
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def started(*command: str, pass_fds: tuple[int, ...] = (), **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of ours, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, env={**os.environ, **environment}, pass_fds=pass_fds
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def origin(gop_s: float = 2.0, burst_s: float = 1.0, *, tls: bool = False, seamless: bool = False) -> Iterator[Server]:
    """The provider, in its own process."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        port = listener.getsockname()[1]
        arguments = ("-m", "bench.origin", "--fd", str(listener.fileno()), "--gop", str(gop_s), "--burst", str(burst_s))
        options = [option for option, given in (("--tls", tls), ("--seamless", seamless)) if given]
        with started(*arguments, *options, pass_fds=(listener.fileno(),)) as process:
            yield Server(process, port, "https" if tls else "http")


@contextmanager
def relay(
    folder: Path, url: str, behind_s: float | None = None, ring_s: float | None = None, height: int = 0
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The relay process; `KEY` in the address stands for the name of the stream, `height` > 0 transcodes."""
    path = folder / "relay.sock"
    behind = () if behind_s is None else ("--behind", str(behind_s))
    ring = () if ring_s is None else ("--ring-s", str(ring_s))
    size = ("--height", str(height)) if height else ()
    with started("-m", "bench.relay_process", "--socket", str(path), "--url", url, *behind, *ring, *size) as process:
        wait_for_socket(path)
        yield process, path


def wait_for_socket(path: Path) -> None:
    """Until somebody listens there."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                time.sleep(0.05)
                continue
            return
    raise TimeoutError(f"nobody listens on {path}")
