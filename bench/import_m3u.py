"""Imports a playlist through the whole refresh, from the download to the channels, and then once more.

    python bench/import_m3u.py [entries …] [--postgres]     (20000 100000 unless said; 1000000 takes some minutes)

Prints CPU seconds, those of PostgreSQL's process too, seconds, peak memory and SQL statements of the first import.
Each size runs in a process and a database of its own: SQLite in a temporary folder, with --postgres a PostgreSQL
started for it, with DATABASE_URL set that (empty) database. `--profile` prints where the time goes.
See also bench/refresh_unchanged.py.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.import_xmltv import Statements
from bench.postgres import run_on_postgres, server_cpu_s
from restreamer.lib.m3u import header, render_entry


def write_list(path: Path, entries: int, *, changed: int = 0, remark: str = "", movies: int = 0) -> None:
    """A list of live channels as panels make them, then movies; `changed` of the channels' names, spread over the list,
    differ."""
    every = entries // changed if changed else entries + 1
    with path.open("w", encoding="utf-8") as file:
        file.write(header(["http://panel.example/xmltv.php?username=u&password=p"]))
        if remark:
            file.write(f"# {remark}\n")
        for i in range(entries):
            name = f"UK: Renamed Channel {i} FHD" if i % every == every - 1 else f"UK: Channel Number {i} HD"
            file.write(
                render_entry(
                    name,
                    f"http://panel.example:8080/live/user/pass/{i}.ts",
                    {"tvg-id": f"channel{i}.example", "tvg-name": name, "tvg-logo": f"http://logos.example/a/{i}.png"},
                    groups=[f"Group {i % 200}"],
                )
            )
        for i in range(movies):
            address = f"http://panel.example:8080/movie/user/pass/{i}.mkv"
            logo = {"tvg-logo": f"http://posters.example/a/{i}.jpg"}
            file.write(render_entry(f"Movie {i} ({1960 + i % 60})", address, logo, groups=[f"Movies {i % 50}"]))


@contextmanager
def installation() -> Iterator[Path]:
    """An empty database and a playlist folder in this process; gives the folder."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESTREAMER_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "restreamer.settings"
        import django

        django.setup()
        from django.core.management import call_command

        from restreamer.embedded_redis import running_redis

        call_command("migrate", verbosity=0)
        playlists = Path(folder) / "playlists"
        playlists.mkdir()
        with running_redis():
            yield playlists


def add_portal(path: Path) -> Any:
    from portals.models import Portal, PortalKind

    return Portal.objects.create(
        name=f"bench {time.time()}", slug=f"bench-{time.time():.0f}", kind=PortalKind.M3U, address=str(path)
    )


def measured(title: str, portal: Any, *, profile: bool = False) -> dict[str, Any]:
    """One refresh; prints what it took and returns its counts."""
    from django.db import connection

    from portals import refreshing, runs
    from portals.models import RunKind

    run = runs.begin(portal, RunKind.LIVE, "bench")
    statements, profiler = Statements(), cProfile.Profile()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    server_cpu, cpu, wall = server_cpu_s(), time.process_time(), time.monotonic()
    with connection.execute_wrapper(statements):
        if profile:
            profiler.enable()
        refreshing.perform(run)
        profiler.disable()
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    server = f" and {server_cpu_s() - server_cpu:.2f} of the server's" if server_cpu else ""
    counts = {name: count for name, count in run.counts.items() if count}
    print(
        f"{connection.vendor}: {title}: {cpu:.2f} CPU s{server}, {wall:.1f} s, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB ({before_kib / 1024:.0f} before), "
        f"{statements.count} statements: {counts}",
        flush=True,
    )
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(30)
    return dict(run.counts)


def each_alone(script: str, sizes: list[int], *options: str, postgres: bool) -> None:
    """Each size in a process of its own, so that the peaks are honest."""
    commands = [[script, "--one", str(size), *options] for size in sizes]
    if postgres:
        run_on_postgres(commands)
        return
    for command in commands:
        subprocess.run([sys.executable, *command], check=True)


def main(script: str, measure: Callable[[int, bool], None], description: str) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("entries", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL for it")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one, options.profile)
    else:
        given = ["--profile"] if options.profile else []
        each_alone(script, options.entries, *given, postgres=options.postgres)


def first_import(entries: int, profile: bool) -> None:
    with installation() as folder:
        write_list(folder / "list.m3u", entries)
        counts = measured(f"{entries:,} first", add_portal(folder / "list.m3u"), profile=profile)
        assert counts["new"] == entries


if __name__ == "__main__":
    main(__file__, first_import, "Imports playlists for the first time.")
