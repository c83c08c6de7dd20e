"""Starting a channel nobody watches: from the upstream's first keyframe to the viewer's first byte; and a radio.

python -m bench.cold_start [--starts 20] [--gop 2]

The upstream begins anywhere in a group of pictures and sends at the pace of television, nothing at once.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import measure
from bench.viewers import from_relay
from streaming.mpegts.entries import EntryScanner
from tests.fakes import material

STEP_S = 0.01
FIRST_BYTE_S = 0.3
RADIO_S = 2.0


class Upstream:
    """One stream after the other, each from a place of its own; knows when its first keyframe was sent."""

    def __init__(self, listener: socket.socket, endless: material.Endless) -> None:
        self._listener = listener
        self._endless = endless
        self.start = 0
        #: Offset from `start` of the end of the first entry's first packet.
        self.entry_bytes = 0
        self.entry_sent_at = float("nan")
        self.over = False
        threading.Thread(target=self._serve, daemon=True).start()

    def begin_at(self, position: int) -> None:
        """Where the next connection's stream begins."""
        packet = material.PACKET
        self.start = position // packet * packet
        ahead = self._endless.read(self.start, len(self._endless.data) * 2 // packet * packet)
        # The first keyframe behind a PAT and a PMT.
        self.entry_bytes = EntryScanner().scan(ahead, 0).entries[0].position + packet
        self.entry_sent_at = float("nan")

    def _serve(self) -> None:
        while not self.over:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._send, args=(client, self.start), daemon=True).start()

    def _send(self, client: socket.socket, start: int) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")
            began, sent = time.monotonic(), 0
            while not self.over:
                due = int((time.monotonic() - began + STEP_S) * self._endless.bytes_per_s) - sent
                client.sendall(self._endless.read(start + sent, due))
                if sent < self.entry_bytes <= sent + due and start == self.start:
                    self.entry_sent_at = time.monotonic()
                sent += due
                time.sleep(STEP_S)


@contextmanager
def upstream(endless: material.Endless) -> Iterator[tuple[Upstream, str]]:
    """A provider with one stream, and the address of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        provider = Upstream(listener, endless)
        try:
            yield provider, f"http://127.0.0.1:{listener.getsockname()[1]}/KEY"
        finally:
            provider.over = True
            listener.shutdown(socket.SHUT_RDWR)


def starts(endless: material.Endless, count: int) -> tuple[list[float], list[float]]:
    """Seconds from the viewer's request, and from the first keyframe, to his first byte; once per start, sorted."""
    asked, entered = [], []
    with ExitStack() as stack:
        provider, url = stack.enter_context(upstream(endless))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _, path = stack.enter_context(measure.relay(folder, url))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for number in range(count):
            provider.begin_at(random.randrange(len(endless.data)))
            began = time.monotonic()
            with from_relay(path, listener, f"key{number}", number + 1) as viewer:
                viewer.settimeout(20)
                if not viewer.recv(65536).startswith(b"HTTP/1.1 200"):
                    raise ConnectionError("the relay refused")
                now = time.monotonic()
            asked.append(now - began)
            entered.append(now - provider.entry_sent_at)
    return sorted(asked), sorted(entered)


def line(what: str, times: list[float], budget_s: float) -> None:
    """Median, 95th of a hundred, and most."""
    late = times[min(len(times) - 1, round(len(times) * 0.95))]
    verdict = "" if times[-1] <= budget_s else "  OVER"
    print(
        f"{what:<44} {len(times):>4} starts: {times[len(times) // 2]:.3f} s, p95 {late:.3f} s, most {times[-1]:.3f} s, "
        f"budget {budget_s:g} s{verdict}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--gop", type=float, default=2.0)
    given = parser.parse_args()
    _, entered = starts(material.Endless(material.ts(gop_s=given.gop)), given.starts)
    line("first keyframe to first byte", entered, FIRST_BYTE_S)
    asked, _ = starts(material.Endless(material.ts(video="", bitrate="64k")), given.starts)
    line("radio of 64 kbit/s, request to first byte", asked, RADIO_S)


if __name__ == "__main__":
    main()
