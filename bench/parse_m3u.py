"""Measures the playlist reader alone: entries per CPU second and peak memory. `python -m bench.parse_m3u [entries]`."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from restreamer.lib.m3u import PlaylistReader, header, render_entry

SHAPES: dict[str, Callable[[str], str]] = {
    "tidy": lambda line: line,
    "unquoted": lambda line: line.replace('"', ""),
    "crlf": lambda line: line.replace("\n", "\r\n"),
}


def write_list(path: Path, entries: int, shape: str) -> None:
    """A list as panels make them: live channels, movies, episodes."""
    form = SHAPES[shape]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header(["http://panel.example/xmltv.php?username=u&password=p"]))
        for i in range(entries):
            kind, end = (("live", "ts"), ("movie", "mkv"), ("series", "mp4"))[i % 3]
            file.write(
                form(
                    render_entry(
                        f"UK: Channel Number {i} HD" if i % 3 == 0 else f"Some Title {i} S01E{i % 100:02}",
                        f"http://panel.example:8080/{kind}/user/pass/{i}.{end}",
                        {
                            "tvg-id": f"channel{i}.example",
                            "tvg-name": f"UK: Channel Number {i} HD",
                            "tvg-logo": f"http://logos.example/a/b/{i}.png",
                        },
                        groups=[f"Group {i % 100}"],
                    )
                )
            )


def pieces(path: Path) -> Iterator[bytes]:
    """The file as a download would bring it."""
    with path.open("rb") as file:
        while piece := file.read(64 * 1024):
            yield piece


def measure(path: Path) -> None:
    """Read the list in this fresh process and print what it took."""
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    count = sum(1 for _ in PlaylistReader(pieces(path)))
    cpu_s = time.process_time() - started
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{count:,} entries in {cpu_s:.2f} CPU s = {count / cpu_s:,.0f} entries per CPU second; "
        f"peak memory {peak_kib / 1024:.1f} MiB, {(peak_kib - before_kib) / 1024:.1f} MiB of it by the reader"
    )


def main() -> None:
    """Each shape in a process of its own, so that the peaks are honest."""
    if len(sys.argv) == 3 and sys.argv[1] == "--file":
        measure(Path(sys.argv[2]))
        return
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for shape in SHAPES:
            path = Path(folder) / f"{shape}.m3u"
            write_list(path, entries, shape)
            print(f"{shape} ({path.stat().st_size / 1e6:.0f} MB): ", end="", flush=True)
            subprocess.run([sys.executable, "-m", "bench.parse_m3u", "--file", str(path)], check=True)
            path.unlink()


if __name__ == "__main__":
    main()
