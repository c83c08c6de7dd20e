"""Two relay processes of one machine, channels dealt to them as views do it: gaps, rates and CPU of both together.

python -m bench.two_relays [--viewers 2000] [--channels 4] [--seconds 15] [--relays 2]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=2000)
    parser.add_argument("--channels", type=int, default=4, help="the same number at each relay")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--relays", type=int, default=2)
    given = parser.parse_args()
    if given.channels % given.relays or given.viewers % given.channels:
        parser.error("viewers must be a multiple of channels, channels one of relays")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        origin = stack.enter_context(measure.origin())
        relays = []
        for number in range(given.relays):
            (folder / str(number)).mkdir()
            relays.append(stack.enter_context(measure.relay(folder / str(number), origin.url + "/KEY")))
        clients = [_viewers(path, given) for _, path in relays]
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline().strip() == "ready"
        busy = _busy_s()
        before = [measure.cpu_s(process.pid) for process, _ in relays]
        for client in clients:
            assert client.stdin is not None
            client.stdin.write(f"{given.seconds}\n")
            client.stdin.flush()
        time.sleep(given.seconds)
        used = [measure.cpu_s(process.pid) - was for (process, _), was in zip(relays, before, strict=True)]
        machine = (_busy_s() - busy) / given.seconds
        results = [_result(client) for client in clients]
    _print(given, results, used, machine)


def _viewers(path: Path, given: argparse.Namespace) -> subprocess.Popen[str]:
    """The share of one relay."""
    command = [sys.executable, "-m", "bench.viewers", "--viewers", str(given.viewers // given.relays)]
    command += ["--keys", str(given.channels // given.relays), "--socket", str(path), "--warm", "12"]
    return subprocess.Popen(command, cwd=measure.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _result(client: subprocess.Popen[str]) -> dict[str, Any]:
    assert client.stdout is not None
    result: dict[str, Any] = json.loads(client.stdout.readline())
    client.wait(30)
    return result


def _busy_s() -> float:
    """What all cores have worked, whoever for."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, *_ = (int(word) for word in words)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _print(given: argparse.Namespace, results: list[dict[str, Any]], used: list[float], machine: float) -> None:
    total = sum(one["bytes"] for one in results)
    print(f"{given.viewers} viewers of {given.channels} channels at {given.relays} relays, {given.seconds:.0f} s")
    print(f"  {total * 8 / given.seconds / 1e9:.1f} Gbit/s, {sum(used) / (total / 1e9):.3f} CPU s per GB of the relays")
    print(f"  slowest viewer {min(one['slowest_bytes_per_s'] for one in results) * 8 / 1e6:.2f} Mbit/s")
    print(f"  largest gap {max(one['gap_s'] for one in results):.3f} s, lost {sum(one['lost'] for one in results)}")
    shares = ", ".join(f"{one / given.seconds:.2f}" for one in used)
    print(f"  cores: relays {shares}; the whole machine, viewers and others too, {machine:.2f} of {os.cpu_count()}")


if __name__ == "__main__":
    main()
