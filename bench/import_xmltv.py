"""Imports a large XMLTV file: CPU seconds, peak memory, SQL statements, and how long others waited for the database.

    python bench/import_xmltv.py [--mb 200] [--wanted 100] [--sorted channel|time] [--postgres]

Runs on SQLite in a temporary folder; with --postgres on a PostgreSQL started for it, with DATABASE_URL set on that
database (an empty one). The budget of design.md:
200 MB in 60 s and 200 MiB.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.postgres import run_on_postgres

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAYS = 8
SLOT = timedelta(minutes=40)
TEXT = (
    "evening report river the last house north winter story of a family that moved to the coast where nothing is as it "
    "seems and an old secret changes everything for the new teacher & her friends before morning comes"
)
WORDS = TEXT.split()


def write_guide(path: Path, megabytes: int, order: str) -> tuple[int, int]:
    """A guide of about that size, with everything real ones hold. Returns channels and broadcasts."""
    slots = int(timedelta(days=DAYS) / SLOT)
    channels = max(1, megabytes * 1024**2 // (slots * 860))
    with path.open("w", encoding="utf-8") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tv SYSTEM "xmltv.dtd">\n<tv>\n')
        for number in range(channels):
            out.write(
                f'<channel id="channel{number}.example"><display-name lang="en">Channel {number} HD</display-name>'
                f'<display-name>{number}</display-name><icon src="http://logos.example/{number}.png"/></channel>\n'
            )
        pairs = (
            ((number, slot) for number in range(channels) for slot in range(slots))
            if order == "channel"
            else ((number, slot) for slot in range(slots) for number in range(channels))
        )
        for number, slot in pairs:
            out.write(programme(number, slot))
        out.write("</tv>\n")
    return channels, channels * slots


def programme(number: int, slot: int) -> str:
    start = NOW - timedelta(days=1) + SLOT * slot
    stop = start + SLOT
    at = (number * 7 + slot * 13) % len(WORDS)
    text = " ".join(WORDS[(at + i * 3) % len(WORDS)] for i in range(42)).replace("&", "&amp;")
    return (
        f'<programme start="{start:%Y%m%d%H%M%S} +0000" stop="{stop:%Y%m%d%H%M%S} +0000" '
        f'channel="channel{number}.example">'
        f'<title lang="en">The {WORDS[at]} {slot}</title><sub-title lang="en">Part {slot % 20}</sub-title>'
        f'<desc lang="en">{text}</desc><credits><director>Ann Example</director><actor role="Tom">Bob Example</actor>'
        f"<actor>Carla Example</actor></credits><date>2024</date><category>Series</category><category>Drama</category>"
        f'<icon src="http://pictures.example/{number}/{slot}.jpg"/>'
        f'<episode-num system="xmltv_ns">{slot % 9}.{slot % 20}.</episode-num><episode-num system="onscreen">S'
        f"{slot % 9 + 1:02}E{slot % 20 + 1:02}</episode-num>"
        '<rating system="FSK"><value>12</value></rating></programme>\n'
    )


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(256 * 1024):
            yield chunk


class Neighbour(threading.Thread):
    """Somebody else who writes a row now and then while the import runs; keeps the longest wait."""

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


class Statements:
    """Counts what is sent to the database."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        self.count += 1
        return execute(sql, params, many, context)


def measure(path: Path, wanted: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from guide import importer
    from guide.models import EpgSource, Programme
    from guide.reader import XmltvReader
    from guide.wanted import EVERYTHING, Wanted
    from portals.models import PublicIdCounter

    call_command("migrate", verbosity=0)
    source = EpgSource.objects.create(name=f"bench {time.time()}", address="http://bench.example/")
    total = path.stat().st_size
    wants = EVERYTHING if wanted >= 100 else Wanted.of(f"channel{n}.example" for n in range(100000) if n % 100 < wanted)
    PublicIdCounter.take(1)
    neighbour = Neighbour()
    neighbour.start()
    for title in ("first import", "again, replacing it"):
        statements = Statements()
        resident_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cpu, wall = time.process_time(), time.monotonic()
        with connection.execute_wrapper(statements):
            report = importer.import_guide(source, XmltvReader(chunks(path), wants=wants), now=NOW, wants=wants)
        import_cpu, import_wall = time.process_time() - cpu, time.monotonic() - wall
        cpu, wall = time.process_time(), time.monotonic()
        removed = importer.remove_replaced(source, NOW + importer.GRACE)
        print(
            f"{connection.vendor}: {title}: {total / 1e6:.0f} MB, {report.read} broadcasts, "
            f"{report.counts['kept']} kept: "
            f"{import_cpu:.1f} CPU s, {import_wall:.1f} s, {statements.count} statements, "
            f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB "
            f"({resident_before / 1024:.0f} before); removed {removed} old in {time.process_time() - cpu:.1f} CPU s, "
            f"{time.monotonic() - wall:.1f} s; a neighbour's longest write {neighbour.longest_s:.2f} s",
            flush=True,
        )
    neighbour.stop.set()
    neighbour.join()
    assert Programme.objects.filter(channel__source=source).count() == report.counts["kept"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--wanted", type=int, default=100, help="per cent of the channels that are wanted")
    parser.add_argument("--sorted", choices=("channel", "time"), default="channel")
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL for it")
    options = parser.parse_args()
    if options.postgres:
        run_on_postgres([[__file__, *(word for word in sys.argv[1:] if word != "--postgres")]])
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESTREAMER_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "restreamer.settings"
        path = Path(folder) / "guide.xml"
        channels, broadcasts = write_guide(path, options.mb, options.sorted)
        print(f"{path.stat().st_size / 1e6:.0f} MB, {channels} channels, {broadcasts} broadcasts by {options.sorted}")
        measure(path, options.wanted)


if __name__ == "__main__":
    main()
