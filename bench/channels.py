"""Many channels of a few viewers each: what reading and analysing upstreams adds; an idle relay; memory per viewer.

python -m bench.channels [--channels 20 100] [--variants plain chunked tls] [--each 5] [--seconds 15] [--no-memory]

Measured when the rings are full (after 35 s): while they grow, the kernel hands out memory for the first time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import measure
from bench.fanout import run

#: How the provider sends, and what a gigabyte delivered may cost then.
VARIANTS = {"plain": 0.45, "chunked": 0.9, "tls": 0.9}
CAP_MIB = 2048.0
IDLE_MIB = 90.0
VIEWER_KIB = 20.0
#: Memory per viewer is that of the second crowd over the first.
CROWDS = (100, 500)


def row(what: str, unit: str, found: float, budget: float, more: str = "") -> None:
    """A line of the table."""
    verdict = "" if found <= budget else "  OVER"
    print(f"{what:<28} {found:>9.2f} {budget:>9.2f} {found / budget:>7.2f}  {unit:<12} {more}{verdict}", flush=True)


def channels(count: int, variant: str, given: argparse.Namespace) -> None:
    """So many channels whose upstreams come in one way."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = stack.enter_context(measure.origin(tls=variant == "tls"))
        url = origin.url + "/KEY" + ("?chunked" if variant == "chunked" else "")
        process, path = stack.enter_context(measure.relay(folder, url, ring_s=given.ring_s))
        where = ("--socket", str(path))
        result = run(count * given.each, given.seconds, process.pid, *where, keys=count, warm_s=given.warm)
    what = f"{count} x {given.each}, {variant}"
    slowest = result["slowest_bytes_per_s"] / 1e6
    more = f"gap {result['gap_s']:.2f} s, {result['lost']:.0f} lost, slowest {slowest:.2f} MB/s"
    row(what, "CPU s/GB", result["cpu_s"] / result["bytes"] * 1e9, VARIANTS[variant], more)
    own = (result["memory"] - result["rings"]) / 2**20
    row(f"{what}: rings", "MiB", result["rings"] / 2**20, CAP_MIB, f"{own:.0f} MiB beside them")


def idle() -> None:
    """A relay process that nobody has asked for anything."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process, _ = stack.enter_context(measure.relay(folder, "http://127.0.0.1:9/KEY"))
        time.sleep(1)
        row("idle relay", "MiB RSS", measure.resident_bytes(process.pid) / 2**20, IDLE_MIB)


def per_viewer() -> None:
    """What one more viewer of a running channel takes."""
    found = []
    for viewers in CROWDS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            origin = stack.enter_context(measure.origin())
            process, path = stack.enter_context(measure.relay(folder, origin.url + "/KEY"))
            result = run(viewers, 5, process.pid, "--socket", str(path))
            found.append(result["memory"] - result["rings"])
    row("per further viewer", "KiB", (found[1] - found[0]) / (CROWDS[1] - CROWDS[0]) / 1024, VIEWER_KIB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--warm", type=float, default=35)
    parser.add_argument("--ring-s", type=float, default=30)
    parser.add_argument("--no-memory", action="store_true", help="leave out the idle relay and memory per viewer")
    given = parser.parse_args()
    print(f"{'':<28} {'measured':>9} {'budget':>9} {'ratio':>7}")
    if not given.no_memory:
        idle()
        per_viewer()
    for count in given.channels:
        for variant in given.variants:
            channels(count, variant, given)


if __name__ == "__main__":
    main()
