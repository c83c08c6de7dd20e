"""Joining a running channel: what comes before the first keyframe, and when ffmpeg has its first picture.

python -m bench.join [--gops 1 2 5 10] [--joins 200] [--behind 6] [--pictures 20]

Every join is looked at (PAT, PMT, then a keyframe as the first of the picture's packets) and its beginning decoded:
ffmpeg must have nothing to say.
"""

from __future__ import annotations

import argparse
import json
import random
import select
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import measure
from bench.origin import heavy
from streaming.mpegts.entries import EntryScanner
from streaming.relay.seams import Ticket
from streaming.relay.surroundings import RelayLimits

PACKET = 188
#: Of each join so much is decoded: three seconds.
DECODED_BYTES = 3_000_000
#: A first picture may take so long, by probing.
BUDGET_S = {"default": 0.5, "little": 0.3}
PROBING = {"default": (), "little": ("-probesize", "500000", "-analyzeduration", "200000")}


def hand_over(path: Path, server: socket.socket, number: int) -> None:
    """As a web worker does it."""
    ticket = Ticket(f"s{number}", "key0", number, "bench", "key0")
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(path))
        socket.send_fds(control, [ticket.to_json() + b"\n"], [server.fileno()])
        assert json.loads(control.recv(65536))["ok"]


@contextmanager
def door(path: Path) -> Iterator[str]:
    """A bare HTTP front: reads a request and hands the connection over. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            number = 1000
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    number += 1
                    client.recv(65536)
                    hand_over(path, client, number)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/live.ts"
        listener.shutdown(socket.SHUT_RDWR)


class Join:
    """What one viewer got in its first moments."""

    def __init__(self, path: Path, number: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        began = time.monotonic()
        with server:
            hand_over(path, server, number)
        self.body = b""
        self.first_byte_s = self.keyframe_s = float("nan")
        with self._client as client:
            self._read(client, began)
        self.burst_bytes = len(self.body)
        self.before_keyframe_bytes = keyframe_at(self.body)

    def _read(self, client: socket.socket, began: float) -> None:
        data = b""
        # The burst is over when nothing comes for longer than a tick would take at once.
        while select.select([client], [], [], 0.06 if data else 5)[0] and len(data) < 30_000_000:
            data += client.recv(1 << 20)
            _, _, body = data.partition(b"\r\n\r\n")
            if body and self.first_byte_s != self.first_byte_s:
                self.first_byte_s = time.monotonic() - began
            if len(body) > 600_000 and self.keyframe_s != self.keyframe_s:
                self.keyframe_s = time.monotonic() - began
        self.body = body[: len(body) - len(body) % PACKET]

    @property
    def clean(self) -> bool:
        """PAT, PMT, and the keyframe is the first video packet."""
        pids = [(self.body[at + 1] & 0x1F) << 8 | self.body[at + 2] for at in range(0, len(self.body), PACKET)]
        return pids[:2] == [0, 0x1000] and self.before_keyframe_bytes == pids.index(0x100) * PACKET

    def complaints(self) -> str:
        """What ffmpeg says when it decodes the beginning."""
        command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "mpegts", "-i", "pipe:0", "-f", "null", "-"]
        # A piece of a stream ends in the middle of a picture: that end is not the join's.
        pictures = [at for at in range(0, len(self.body), PACKET) if self.body[at + 1 : at + 3] == b"\x41\x00"]
        whole = max((at for at in pictures if at <= DECODED_BYTES), default=0)
        done = subprocess.run(command, input=self.body[:whole], capture_output=True, timeout=60, check=False)
        return done.stderr.decode()


def keyframe_at(body: bytes) -> int:
    """Bytes before the first packet of the first keyframe."""
    entries = EntryScanner().scan(body, 0).entries
    return entries[0].position if entries else len(body)


def first_picture_s(url: str, *options: str) -> float:
    """Wall time from starting ffmpeg to its end after one decoded picture."""
    command = ["ffmpeg", "-nostdin", "-v", "error", *options, "-i", url, "-an", "-frames:v", "1", "-f", "null", "-"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    took = time.monotonic() - began
    if done.stderr:
        print("ffmpeg said:", done.stderr.decode()[:200])
    return took


def offsets(path: Path, joins: int) -> str:
    """Joins at random moments."""
    first, bursts, clean, before, wrong = [], [], 0, 0, []
    for number in range(joins):
        time.sleep(random.random() * 0.5)
        join = Join(path, number)
        first.append(join.first_byte_s * 1e3)
        bursts.append(join.burst_bytes / 1e6)
        clean += join.clean
        before = max(before, join.before_keyframe_bytes)
        wrong += join.complaints().splitlines()
    verdict = "" if clean == joins and not wrong else f"  WRONG {wrong[:3]}"
    return (
        f"{clean}/{joins} clean, {len(wrong)} error lines, at most {before} bytes before the keyframe, "
        f"first byte {statistics.median(first):.1f} ms, at most {max(first):.0f} ms, "
        f"burst {statistics.median(bursts):.1f} MB{verdict}"
    )


def pictures(url: str, count: int, probing: str) -> str:
    """Median, 95th of a hundred, and worst time to the first picture."""
    times = []
    for _ in range(count):
        time.sleep(random.random() * 0.5)
        times.append(first_picture_s(url, *PROBING[probing]))
    times.sort()
    late = times[min(count - 1, round(count * 0.95))]
    verdict = "" if late <= BUDGET_S[probing] else "  OVER"
    return (
        f"first picture, {probing} probing: {statistics.median(times):.2f} s, p95 {late:.2f} s, "
        f"most {times[-1]:.2f} s, budget {BUDGET_S[probing]:g} s{verdict}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gops", type=float, nargs="+", default=[1.0, 2.0, 5.0, 10.0])
    parser.add_argument("--joins", type=int, default=200)
    parser.add_argument("--behind", type=float, nargs="+", default=[RelayLimits().join_behind_s])
    parser.add_argument("--pictures", type=int, default=20)
    given = parser.parse_args()
    print("ffmpeg's own start:", f"{local_s(given.gops[0]):.2f} s to a picture of a local file, probing 32 KiB")
    for gop_s in given.gops:
        for behind_s in given.behind:
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                origin = stack.enter_context(measure.origin(gop_s, seamless=True))
                _, path = stack.enter_context(measure.relay(folder, origin.url + "/KEY", behind_s))
                url = stack.enter_context(door(path))
                stack.enter_context(watching(path))
                # Until the ring holds more than any viewer is sent.
                time.sleep(behind_s + gop_s + 1)
                print(f"GOP {gop_s:g} s, {behind_s:g} s behind")
                for probing in PROBING:
                    print(" " * 8 + pictures(url, given.pictures, probing), flush=True)
                print(" " * 8 + offsets(path, given.joins), flush=True)


def local_s(gop_s: float) -> float:
    """What ffmpeg itself takes."""
    with tempfile.NamedTemporaryFile(suffix=".ts") as file:
        file.write(heavy(gop_s))
        file.flush()
        return min(first_picture_s(file.name, "-probesize", "32768", "-analyzeduration", "0") for _ in range(3))


@contextmanager
def watching(path: Path) -> Iterator[None]:
    """Somebody who keeps the channel running."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with server:
        hand_over(path, server, 1)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set() and client.recv(1 << 20):
            pass

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        client.shutdown(socket.SHUT_RDWR)
        thread.join(2)
        client.close()


if __name__ == "__main__":
    main()
