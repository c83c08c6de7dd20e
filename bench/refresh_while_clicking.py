"""A large playlist is imported on SQLite while players fetch playlists, the owner clicks about and somebody writes.

    python bench/refresh_while_clicking.py [entries [movies]]            (100000 and 0 unless said)

Prints how long pages and playlists took, how long another writer waited, and whether anybody heard of a locked
database. The budget: 0.5 s. Starts a house of its own; needs nothing running.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.import_m3u import write_list
from bench.refresh_while_watching import Owner
from tests.house import House

PAGES = (
    "/admin/", "/admin/channels/channel/", "/admin/channels/stream/", "/admin/portals/portal/", "/admin/portals/run/",
    "/admin/vod/movie/", "/admin/vod/categorymap/", "/admin/channels/channel/?q=channel+77",
)  # fmt: skip


class Asker(threading.Thread):
    """Asks for one thing again and again, and keeps the times and the troubles."""

    def __init__(self, name: str, ask: Callable[[], object], stop: threading.Event) -> None:
        super().__init__(daemon=True, name=name)
        self.ask, self.stop = ask, stop
        self.took: list[float] = []
        self.troubles: list[str] = []

    def run(self) -> None:
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                self.ask()
            except (OSError, AssertionError, subprocess.SubprocessError) as err:
                self.troubles.append(str(err)[:200])
            self.took.append(time.monotonic() - began)
            self.stop.wait(0.1)

    def report(self) -> str:
        took = sorted(self.took)
        return (
            f"{self.name}: {len(took)} times, median {took[len(took) // 2]:.3f} s, "
            f"p95 {took[int(len(took) * 0.95)]:.3f} s, worst {took[-1]:.3f} s, troubles {self.troubles[:3] or 'none'}"
        )


def main(entries: int, movies: int) -> None:
    with House(Path(tempfile.mkdtemp()) / "data") as house:
        playlists = house.data / "playlists"
        playlists.mkdir(exist_ok=True)
        write_list(playlists / "small.m3u", 500)
        write_list(playlists / "large.m3u", entries, movies=movies)
        for name in ("small", "large"):
            house.manage("portal", "add", name, str(playlists / f"{name}.m3u"), "--kind", "m3u")
        house.manage("portal", "refresh", "small", "--wait")
        house.manage("channel", "enable", "--all")
        viewer = house.manage("viewer", "add", "bench", "--connections", "0")
        owner = Owner(house)
        for page in PAGES:
            owner.get(page)

        def playlist() -> None:
            with urllib.request.urlopen(viewer["playlist"], timeout=60) as answer:
                assert answer.read().count(b"#EXTINF") == 500

        def pages() -> None:
            for page in PAGES:
                began = time.monotonic()
                owner.get(page)
                each[page].append(time.monotonic() - began)

        def write() -> None:
            with sqlite3.connect(house.data / "restreamer.sqlite3", timeout=30, isolation_level="IMMEDIATE") as client:
                client.execute("UPDATE accounts_viewer SET name = name")
            client.close()

        each: dict[str, list[float]] = {page: [] for page in PAGES}
        stop = threading.Event()
        askers = [
            Asker("playlist of 500", playlist, stop),
            Asker(f"{len(PAGES)} admin pages", pages, stop),
            Asker("a write", write, stop),
        ]
        for asker in askers:
            asker.start()
        done = house.manage("portal", "refresh", "large", "--wait")
        stop.set()
        for asker in askers:
            asker.join(60)
        for run in done:
            counts = ", ".join(f"{value:,} {word}" for word, value in run["counts"].items() if value)
            print(f"refresh: {run['seconds']:.1f} s, {run['state']}, {counts} {run['error']}")
        for asker in askers:
            print(asker.report())
        for page, took in each.items():
            print(f"{page}: median {sorted(took)[len(took) // 2]:.3f} s, worst {max(took):.3f} s")
        print(f"the house said “locked”: {any('locked' in line for line in house.lines)}")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [100_000, 0][len(given) :]))
