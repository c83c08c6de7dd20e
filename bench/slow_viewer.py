"""One viewer reads at half the bitrate, others at full: their gaps with and without him, memory, and what he got.

python -m bench.slow_viewer [--seconds 60] [--others 20] [--share 0.5] [--ring-s 10]
"""

from __future__ import annotations

import argparse
import re
import select
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench import measure
from bench.origin import heavy
from bench.viewers import Viewer, from_relay
from tests.fakes import material
from tests.mpegts.analyser import Limits, analyse

PACKET = 188
TICK_S = 0.05
LIMITS = Limits(video_gap_s=0.2, audio_gap_s=0.2)


class Gaps(NamedTuple):
    """Between two reads of one viewer, in seconds."""

    p99: float
    largest: float

    def __str__(self) -> str:
        return f"99 % within {self.p99 * 1e3:.0f} ms, largest {self.largest * 1e3:.0f} ms"


class SlowViewer:
    """Keeps what it reads, at so many bytes a second."""

    def __init__(self, sock: socket.socket, rate: float) -> None:
        self.sock = sock
        self.rate = rate
        self.data = bytearray()
        self.since = time.monotonic()
        self.ended_after_s: float | None = None

    def read(self, now: float) -> None:
        """What it allows itself by now."""
        due = int((now - self.since) * self.rate) - len(self.data)
        if self.ended_after_s is not None or due < 4096:
            return
        try:
            piece = self.sock.recv(due)
        except BlockingIOError:
            return
        self.data += piece
        if not piece:
            self.ended_after_s = now - self.since

    @property
    def body(self) -> bytes:
        """Without the HTTP head."""
        return bytes(self.data).partition(b"\r\n\r\n")[2]


def watch(others: list[Viewer], slow: SlowViewer | None, seconds: float) -> Gaps:
    """All read; returns the gaps of the others."""
    scratch = bytearray(1 << 20)
    poll = select.epoll()
    by_fd = {viewer.sock.fileno(): viewer for viewer in others}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    until = time.monotonic() + seconds
    for viewer in others:
        viewer.last = time.monotonic()
    gaps: list[float] = []
    while (now := time.monotonic()) < until:
        for fd, _ in poll.poll(TICK_S):
            viewer = by_fd[fd]
            if not viewer.sock.recv_into(scratch, len(scratch), socket.MSG_TRUNC):
                raise ConnectionError("another viewer was ended")
            now = time.monotonic()
            gaps.append(now - viewer.last)
            viewer.last = now
        if slow is not None:
            slow.read(now)
    poll.close()
    gaps.sort()
    return Gaps(gaps[len(gaps) * 99 // 100], gaps[-1])


def kinds(problems: list[str]) -> set[str]:
    """What is wrong, without where and how much."""
    return {re.sub(r"[\d.]+", "N", one) for one in problems}


def finish(slow: SlowViewer, patience_s: float) -> None:
    """He reads on at his pace until his answer ends."""
    until = time.monotonic() + patience_s
    while slow.ended_after_s is None and time.monotonic() < until:
        slow.read(time.monotonic())
        time.sleep(TICK_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--others", type=int, default=20)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--ring-s", type=float, default=10.0)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = stack.enter_context(measure.origin())
        process, path = stack.enter_context(measure.relay(folder, origin.url + "/KEY", ring_s=given.ring_s))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        others = [Viewer(from_relay(path, listener, "key0", number + 1)) for number in range(given.others)]
        time.sleep(given.ring_s / 2)
        watch(others, None, 2)
        without = watch(others, None, min(20.0, given.seconds / 3))
        slow = SlowViewer(from_relay(path, listener, "key0", 999), given.share * 1_000_000)
        slow.sock.setblocking(False)
        before = measure.memory_bytes(process.pid)
        beside = watch(others, slow, given.seconds)
        after = measure.memory_bytes(process.pid)
        finish(slow, patience_s=given.seconds)
        report(given, slow, without, beside, before, after)


def report(given: argparse.Namespace, slow: SlowViewer, without: Gaps, beside: Gaps, before: int, after: int) -> None:
    """In words."""
    end = "was not ended" if slow.ended_after_s is None else f"was ended after {slow.ended_after_s:.0f} s"
    body = slow.body
    found = analyse(body, LIMITS)
    ours = kinds(found.problems) - kinds(analyse(material.Endless(heavy()).read(0, 12_000_000), LIMITS).problems)
    print(f"others' gaps without him: {without}; beside him at {given.share:.0%}: {beside}")
    print(f"relay with its ring: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after {given.seconds:.0f} s")
    print(
        f"the slow one {end} with {len(body) / 1e6:.1f} MB, {len(body) % PACKET} bytes over, {found.frames} pictures, "
        f"{found.cc_errors} counter errors, problems the source has not: {sorted(ours) or 'none'}"
    )


if __name__ == "__main__":
    main()
