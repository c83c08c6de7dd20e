"""CPU seconds per GB of transport stream: scanning, passing a first source, rewriting a later one.

    python -m bench.mpegts [FILE.ts]

Without a file one of 8 Mbit/s (1280x720, AAC) is made with ffmpeg. Blocks are what one tick of 0.1 s brings.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import PACKET_SIZE
from streaming.mpegts.splice import Splicer

TICK_PACKETS = 532  # 0.1 s of 8 Mbit/s


def stream() -> bytes:
    """What is measured on."""
    if len(sys.argv) > 1:
        data = Path(sys.argv[1]).read_bytes()
    else:
        from tests.mpegts import material

        video = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "7500k", "-minrate", "7500k", "-maxrate", "7500k"]
        video += ["-bufsize", "7500k", "-x264-params", "nal-hrd=cbr", "-g", "50", "-keyint_min", "50"]
        data = material.make(*material.picture("1280x720", 10), *material.tone(10), *video, *material.AAC, *material.TS)
    return data[: len(data) // PACKET_SIZE * PACKET_SIZE]


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Position and bytes of each tick's block."""
    size = TICK_PACKETS * PACKET_SIZE
    for position in range(0, len(data), size):
        yield position, data[position : position + size]


def cut(data: bytes) -> None:
    """What making the blocks costs here."""
    for _ in blocks(data):
        pass


def scan(data: bytes) -> None:
    """What a relay does with every byte of an upstream."""
    scanner = EntryScanner()
    for position, block in blocks(data):
        scanner.scan(block, position, position / 1e6)


def splice_first(data: bytes) -> None:
    """A first source that passes as it is; scanning included."""
    splicer = Splicer()
    splicer.begin()
    for position, block in blocks(data):
        splicer.rewrite(block, position / 1e6)


def splice_second(data: bytes) -> None:
    """A source after a switch: every packet rewritten; scanning included."""
    splicer = Splicer()
    splicer.begin()
    # As much of a first source as it takes to have an output.
    splicer.rewrite(data[: 2000 * PACKET_SIZE])
    splicer.cut()
    splicer.begin()
    for position, block in blocks(data):
        splicer.rewrite(block, position / 1e6)


def measure(name: str, work: Callable[[bytes], None], data: bytes) -> None:
    """Print the best of five."""
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        work(data)
        best = min(best, time.process_time() - started)
    print(f"{name:<28} {best / len(data) * 1e9:6.2f} CPU s/GB   {best / len(data) * 1e10:6.1f} ms per 10 MB")


def main() -> None:
    """Measure all and print a line each."""
    data = stream()
    measure("cutting blocks (baseline)", cut, data)
    measure("scan", scan, data)
    measure("splice, first source", splice_first, data)
    measure("splice, second source", splice_second, data)


if __name__ == "__main__":
    main()
