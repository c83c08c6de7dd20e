"""Many channels of a few viewers each: what reading and analysing upstreams adds.

python -m bench.channels [--channels 20 100] [--each 5] [--seconds 15] [--chunked]

Measured when the rings are full (after 35 s): while they grow, the kernel hands out memory for the first time.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import measure
from bench.fanout import HEADER, line, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--warm", type=float, default=35)
    parser.add_argument("--chunked", action="store_true", help="upstreams the loop cannot read itself")
    given = parser.parse_args()
    print(HEADER)
    for channels in given.channels:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            origin = stack.enter_context(measure.origin())
            url = origin.url + "/KEY" + ("?chunked" if given.chunked else "")
            process, path = stack.enter_context(measure.relay(folder, url))
            result = run(
                channels * given.each,
                given.seconds,
                process.pid,
                "--socket",
                str(path),
                keys=channels,
                warm_s=given.warm,
            )
            print(line(f"{channels} channels", channels * given.each, result), flush=True)


if __name__ == "__main__":
    main()
