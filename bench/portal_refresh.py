"""Refreshes a large portal: CPU seconds, peak memory and SQL statements, first, unchanged and with 1 % changed.

    python bench/portal_refresh.py [--channels 20000] [--movies 40000] [--series 10000] [--postgres]

The portal is a fake Xtream panel in a process of its own. Runs on SQLite in a temporary folder; with --postgres on a
PostgreSQL started for it, with DATABASE_URL set on that database (an empty one). Statements are those our code sends,
an `executemany` counted once.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PLOT = "A family moves to the coast, where nothing is as it seems and an old secret changes everything. " * 3


def serve(channels: int, movies: int, series: int, changed: bool) -> None:
    """The panel; prints its address and runs until its standard input ends. `changed`: every 100th item is renamed."""
    from tests.fakes import xtream_catalogue as catalogue
    from tests.fakes.xtream_panel import Line, XtreamPanel

    def name(kind: str, number: int) -> str:
        return f"{kind} {number}" + (" HD" if changed and number % 100 == 0 else "")

    offer = catalogue.large_offer(0)
    offer.vod_categories = [catalogue.category(i, f"Movies {i}") for i in range(1, 51)]
    offer.series_categories = [catalogue.category(i, f"Series {i}") for i in range(1, 21)]
    offer.channels = [catalogue.channel(1001 + i, name("Channel", i), i % 50 + 1) for i in range(channels)]
    offer.movies = [
        catalogue.movie(1_000_000 + i, name("Movie", i), i % 50 + 1, year=str(1960 + i % 60), tmdb=str(i + 1))
        for i in range(movies)
    ]
    offer.series = [
        catalogue.series(2_000_000 + i, name("Series", i), i % 20 + 1, plot=PLOT, tmdb=str(i + 1))
        for i in range(series)
    ]
    with XtreamPanel(Line("user", "secret"), offer=offer) as panel:
        print(panel.url, flush=True)
        sys.stdin.read()


@contextmanager
def panel(options: argparse.Namespace, *, changed: bool) -> Iterator[str]:
    sizes = [f"--{name}={getattr(options, name)}" for name in ("channels", "movies", "series")]
    command = [sys.executable, __file__, "--serve", *sizes, *(["--changed"] if changed else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


class Statements:
    """Counts what is sent to the database."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.count += 1
        return execute(sql, params, many, context)


class Neighbour(threading.Thread):
    """Somebody else who writes a row now and then while the refresh runs; keeps the longest wait."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest_s = 0.0
        self.stop = threading.Event()

    def run(self) -> None:
        from portals.models import PublicIdCounter

        while not self.stop.wait(0.1):
            begun = time.monotonic()
            PublicIdCounter.take(1)
            self.longest_s = max(self.longest_s, time.monotonic() - begun)


def measure(options: argparse.Namespace) -> None:
    from django.core.management import call_command
    from django.db import connection

    from portals import refreshing, runs
    from portals.models import Portal, PortalKind, PublicIdCounter, RunKind, Subscription
    from vod import listing
    from vod.models import Movie

    call_command("migrate", verbosity=0)
    portal = Portal.objects.create(name="bench", slug="bench", kind=PortalKind.XTREAM, address="http://x")
    Subscription.objects.create(portal=portal, login="user", password="secret")
    PublicIdCounter.take(1)
    neighbour = Neighbour()
    neighbour.start()
    for title, changed in (("first", False), ("unchanged", False), ("1 % changed", True)):
        with panel(options, changed=changed) as url:
            Portal.objects.filter(pk=portal.pk).update(address=url, endpoint="")
            for kind in (RunKind.LIVE, RunKind.VOD):
                portal.refresh_from_db()
                statements, cpu, wall = Statements(), time.process_time(), time.monotonic()
                with connection.execute_wrapper(statements):
                    run = refreshing.perform(runs.begin(portal, kind, "bench"))
                counts = ", ".join(f"{value:,} {word}" for word, value in run.counts.items() if value)
                print(
                    f"{connection.vendor}: {kind}, {title}: {time.process_time() - cpu:.1f} CPU s, "
                    f"{time.monotonic() - wall:.1f} s, {statements.count} statements, peak "
                    f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB; {counts}",
                    flush=True,
                )
    neighbour.stop.set()
    neighbour.join()
    print(f"{connection.vendor}: a neighbour's longest write {neighbour.longest_s:.2f} s")
    Movie.objects.all().switch(enabled=True)
    for what, chosen in (
        ("listing all movies", Movie.objects.visible()),
        ("a search", Movie.objects.search("movie 39")),
    ):
        statements, cpu = Statements(), time.process_time()
        with connection.execute_wrapper(statements):
            count = sum(1 for _ in listing.movies(chosen))
        spent = time.process_time() - cpu
        print(f"{connection.vendor}: {what}: {count:,} rows, {spent:.2f} CPU s, {statements.count} statement")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=20_000)
    parser.add_argument("--movies", type=int, default=40_000)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL for it")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--changed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.channels, options.movies, options.series, options.changed)
        return
    with ExitStack() as stack:
        if options.postgres:
            stack.enter_context(_postgres())
        else:
            os.environ["RESTREAMER_DATA"] = stack.enter_context(tempfile.TemporaryDirectory())
            os.environ["DJANGO_SETTINGS_MODULE"] = "restreamer.settings"
        import django

        django.setup()
        from restreamer import embedded_redis

        with _redis(embedded_redis):
            measure(options)


@contextmanager
def _postgres() -> Iterator[None]:
    os.environ["TEST_PG"] = "1"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import psycopg

    from tests import postgres
    from tests.settings import POSTGRES_SOCKET_FOLDER

    with postgres.running():
        with psycopg.connect(
            host=str(POSTGRES_SOCKET_FOLDER), user="postgres", dbname="postgres", autocommit=True
        ) as client:
            client.execute("CREATE DATABASE restreamer")
        yield


@contextmanager
def _redis(embedded_redis: Any) -> Iterator[None]:
    from django.conf import settings

    socket = Path(settings.REDIS_URL.removeprefix("unix://").split("?")[0])
    socket.parent.mkdir(parents=True, exist_ok=True)
    data = socket.parent / "bench-redis"
    command = [*embedded_redis.command(data, socket), "--appendonly", "no"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        embedded_redis.wait_until_ready(socket, alive=lambda: process.poll() is None)
        try:
            yield
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
