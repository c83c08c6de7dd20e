"""One channel transcoded for a long time, watched over a relay: prints each stall and what was left behind.

python -m bench.transcode_soak [--minutes 15] [--height 360]

The provider sends 8 Mbit/s at 1280x720; ffmpeg makes H.264 of so many lines with preset ultrafast. Exit code 1 when
anything stalled, jumped or stayed behind.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import measure
from bench.viewers import from_relay
from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import PCR_HZ, Aligner, pcr_difference

#: Longer without a byte, and a player with a second of buffer shows it.
STALL_S = 1.0
REPORT_S = 60.0


@dataclass
class Watch:
    """What the viewer has seen so far."""

    received: int = 0
    largest_gap_s: float = 0.0
    stalls: int = 0
    ended: bool = False


def watch(client: socket.socket, minutes: float, ffmpeg_pid: int) -> tuple[Watch, EntryScanner, float]:
    """Receive for so long; returns what was seen, the stream's statistics, and its clock's way less the wall's."""
    seen, aligner, scanner = Watch(), Aligner(), EntryScanner()
    client.settimeout(STALL_S / 10)
    began = last = reported = time.monotonic()
    first_pcr, pcr_at, drift_s, position, head_over = None, began, 0.0, 0, False
    cpu_s = measure.cpu_s(ffmpeg_pid)
    while not seen.ended and time.monotonic() - began < minutes * 60:
        try:
            data = client.recv(262_144)
            seen.ended = not data
        except TimeoutError:
            data = b""
        now = time.monotonic()
        if data:
            if now - last > STALL_S:
                seen.stalls += 1
                print(f"{now - began:7.1f} s  stalled for {now - last:.2f} s", flush=True)
            seen.largest_gap_s, last = max(seen.largest_gap_s, now - last), now
            seen.received += len(data)
            if not head_over:
                data, head_over = data.partition(b"\r\n\r\n")[2], True
            packets = aligner.feed(data)
            scanner.scan(packets, position, now)
            position += len(packets)
            pcr = scanner.statistics.pcr
            if pcr is not None and first_pcr is None and now - began > 10:
                first_pcr, pcr_at = pcr, now
            elif pcr is not None and first_pcr is not None:
                drift_s = pcr_difference(pcr, first_pcr) / PCR_HZ - (now - pcr_at)
        if now - reported >= REPORT_S:
            share = (measure.cpu_s(ffmpeg_pid) - cpu_s) / (now - began)
            print(
                f"{now - began:7.1f} s  {seen.received / 1e6:.1f} MB, largest gap {seen.largest_gap_s:.2f} s, "
                f"clock {drift_s:+.2f} s, ffmpeg {share:.2f} cores",
                flush=True,
            )
            reported = now
    return seen, scanner, drift_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--height", type=int, default=360)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = stack.enter_context(measure.origin())
        process, path = stack.enter_context(measure.relay(folder, origin.url + "/KEY", height=given.height))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(from_relay(path, listener, "key0", 1))
        client.recv(1, socket.MSG_PEEK)
        children = [pid for pid in measure.tree(process.pid) if pid != process.pid]
        seen, scanner, drift_s = watch(client, given.minutes, children[0])
        client.close()
        until = time.monotonic() + 20
        while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < until:
            time.sleep(0.2)
        left = [pid for pid in children if Path(f"/proc/{pid}").exists()]
    found = scanner.statistics
    print(
        f"{given.minutes:g} minutes: {seen.received / 1e6:.1f} MB, {seen.stalls} stalls over {STALL_S:g} s, largest "
        f"gap {seen.largest_gap_s:.2f} s, clock {drift_s:+.2f} s against the wall, {found.cc_errors} continuity "
        f"errors, {found.pcr_jumps} jumps, {'ended early, ' if seen.ended else ''}{len(left)} ffmpeg left"
    )
    sys.exit(bool(seen.stalls or seen.ended or found.cc_errors or found.pcr_jumps or left))


if __name__ == "__main__":
    main()
