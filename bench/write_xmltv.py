"""Writes the XMLTV output of half a million broadcasts: seconds, time to the first byte, peak memory, SQL statements.

    python bench/write_xmltv.py [--programmes 500000]

Runs on SQLite in a temporary folder; with DATABASE_URL set, on that database (an empty one). The budget: 500,000 in
10 s, first byte after at most 0.5 s, 150 MiB.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.import_xmltv import NOW, SLOT, Statements, chunks, write_guide

PER_CHANNEL = int(timedelta(days=8) / SLOT)


def fill(folder: Path, programmes: int) -> None:
    """Put the guide into the database. A process of its own, so that its memory is not counted."""
    import django

    django.setup()
    from django.core.management import call_command

    from guide.importer import import_guide
    from guide.models import EpgSource
    from guide.reader import XmltvReader

    call_command("migrate", verbosity=0)
    path = folder / "guide.xml"
    write_guide(path, round(programmes * 860 / 1024**2) + 1, "channel")
    source = EpgSource.objects.create(name=f"bench {time.time()}", address="http://bench.example/")
    import_guide(source, XmltvReader(chunks(path)), now=NOW)


def measure(programmes: int) -> None:
    import django

    django.setup()
    from django.db import connection

    from guide.records import GuideRef
    from streaming.outputs.xmltv import XmltvChannel, xmltv

    ids = [f"channel{number}.example" for number in range(-(-programmes // PER_CHANNEL))]
    channels = [XmltvChannel(tvg_id, (f"Channel {tvg_id}",), "7", "", GuideRef(tvg_id)) for tvg_id in ids]
    connection.ensure_connection()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    statements = Statements()
    written = found = 0
    first_s = 0.0
    cpu, wall = time.process_time(), time.monotonic()
    with connection.execute_wrapper(statements):
        for piece in xmltv(channels, NOW - timedelta(days=3), NOW + timedelta(days=10)):
            first_s = first_s or time.monotonic() - wall
            written += len(piece)
            found += piece.count(b"<programme ")
    print(
        f"{connection.vendor}: {found} broadcasts of {len(channels)} channels, {written / 1e6:.0f} MB: "
        f"{time.process_time() - cpu:.1f} CPU s, {time.monotonic() - wall:.1f} s, first byte after {first_s:.2f} s, "
        f"{statements.count} statements, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB ({before / 1024:.0f} before), "
        f"of which {mapped_mib():.0f} are pages of files, SQLite's among them"
    )


def mapped_mib() -> float:
    """Resident pages of mapped files, in MiB: they are the kernel's to take back."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssFile")), 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programmes", type=int, default=500_000)
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(options.fill, options.programmes)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RESTREAMER_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "restreamer.settings"
        command = [sys.executable, __file__, "--fill", folder, "--programmes", str(options.programmes)]
        subprocess.run(command, check=True)
        measure(options.programmes)


if __name__ == "__main__":
    main()
