"""One channel, many viewers: CPU seconds per GB, largest gap, memory per viewer; beside a plain Django generator.

python -m bench.fanout [--viewers 50 200 600 1500] [--seconds 15] [--no-django]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import measure


def run(viewers: int, seconds: float, pid: int, *where: str, keys: int = 1, warm_s: float = 8.0) -> dict[str, float]:
    """Let viewers watch and measure the tree of `pid` meanwhile."""
    command = [sys.executable, "-m", "bench.viewers", "--viewers", str(viewers), "--keys", str(keys), *where]
    command += ["--warm", str(warm_s)]
    client = subprocess.Popen(command, cwd=measure.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdin is not None
    assert client.stdout is not None
    if client.stdout.readline().strip() != "ready":
        raise RuntimeError("the viewers did not get ready")
    before = measure.cpu_s(pid)
    client.stdin.write(f"{seconds}\n")
    client.stdin.flush()
    time.sleep(seconds)
    used = measure.cpu_s(pid) - before
    memory = measure.memory_bytes(pid)
    files = sum(measure.memory_file_bytes(one) for one in measure.tree(pid))
    result: dict[str, float] = json.loads(client.stdout.readline())
    client.wait(30)
    result |= {"cpu_s": used, "memory": memory, "rings": files}
    return result


def line(label: str, viewers: int, result: dict[str, float]) -> str:
    """One row of the table."""
    gigabytes = result["bytes"] / 1e9
    return (
        f"{label:<22} {viewers:>7} {result['cpu_s'] / gigabytes:>10.3f} {result['cpu_s'] / result['seconds']:>9.2f} "
        f"{result['bytes'] / result['seconds'] / 1e6:>9.0f} {result['slowest_bytes_per_s'] / 1e6:>9.2f} "
        f"{result['gap_s']:>8.3f} {(result['memory'] - result['rings']) / 2**20:>8.1f} {result['rings'] / 2**20:>8.1f} "
        f"{result['lost']:>5.0f}"
    )


HEADER = (
    f"{'':<22} {'viewers':>7} {'CPU s/GB':>10} {'cores':>9} {'MB/s':>9} {'slowest':>9} {'gap s':>8} "
    f"{'MiB':>8} {'ring MiB':>8} {'lost':>5}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, nargs="+", default=[50, 200, 600, 1500])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--no-django", action="store_true")
    parser.add_argument("--django-most", type=int, default=600, help="more viewers than this are the relay's alone")
    given = parser.parse_args()
    print(HEADER)
    least: tuple[int, float] | None = None
    for viewers in given.viewers:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            origin = stack.enter_context(measure.origin())
            process, path = stack.enter_context(measure.relay(folder, origin.url + "/KEY"))
            result = run(viewers, given.seconds, process.pid, "--socket", str(path))
            print(line("relay", viewers, result), flush=True)
            own = result["memory"] - result["rings"]
            least = least or (viewers, own)
            if viewers > least[0]:
                print(f"{'':<22} {(own - least[1]) / (viewers - least[0]) / 1024:>18.1f} KiB per further viewer")
        if not given.no_django and viewers <= given.django_most:
            print(line("Django generator", viewers, plain_django(viewers, given.seconds)), flush=True)


def plain_django(viewers: int, seconds: float) -> dict[str, float]:
    """The same origin and viewers through StreamingHttpResponse under gunicorn's threads."""
    with ExitStack() as stack:
        origin = stack.enter_context(measure.origin())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / "web.sock"
        command = ["-m", "gunicorn", "bench.plain_django:application", "--worker-class", "gthread", "--workers", "1"]
        command += ["--threads", str(viewers + 8), "--worker-connections", str(viewers + 100), "--no-control-socket"]
        command += ["--bind", "127.0.0.1:0", "--bind", f"unix:{path}", "--log-level", "error", "--timeout", "120"]
        command += ["--graceful-timeout", "1"]
        process = stack.enter_context(measure.started(*command, BENCH_ORIGIN=origin.url + "/key0"))
        measure.wait_for_socket(path)
        port = next(port for port in listening_ports(process.pid))
        return run(viewers, seconds, process.pid, "--url", f"http://127.0.0.1:{port}/")


def listening_ports(pid: int) -> list[int]:
    """TCP ports the process listens on."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes]


if __name__ == "__main__":
    main()
