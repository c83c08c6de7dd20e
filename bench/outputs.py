"""Lists of a large catalogue, as players get them: seconds the first time, unchanged (304) and again from the file.

    python -m bench.outputs [--channels 100000] [--programmes 500000]

Runs the real views on SQLite and an embedded Valkey in a temporary folder; with DATABASE_URL set, on that database (an
empty one). Budgets: a list of 100,000 channels 1.5 s the first time and 30 ms unchanged; XMLTV of 500,000 broadcasts
10 s, first byte after 0.5 s, 150 MiB. CPU seconds beside wall seconds: on a busy machine only the former compare.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def fill(folder: Path, channels: int, programmes: int) -> None:
    """Put channels, streams and a guide into the database. In a process of its own: its memory is not counted."""
    import django

    django.setup()
    from django.core.management import call_command

    from accounts.models import Viewer
    from bench.import_xmltv import NOW, chunks, write_guide
    from channels.models import Channel, ChannelStream, Group, Stream
    from guide.importer import import_guide
    from guide.models import EpgSource
    from guide.reader import XmltvReader
    from portals.models import Portal, PublicIdCounter

    call_command("migrate", verbosity=0)
    Viewer.objects.create(name="bench", token="bench-token")
    portal = Portal.objects.create(name="Bench", slug="bench", address="http://portal.example/c/")
    groups = [Group.objects.create(name=f"Group {n}", position=n) for n in range(200)]
    ids = PublicIdCounter.take(channels)
    for start in range(0, channels, 5000):
        part = range(start, min(start + 5000, channels))
        Channel.objects.bulk_create(
            Channel(
                id=ids[n], name=f"Channel {n} HD", number=n + 1, group=groups[n % 200], enabled=True,
                logo=f"http://pictures.example/logos/{n}.png", guide_id=f"channel{n}.example",
            )
            for n in part
        )  # fmt: skip
        streams = Stream.objects.bulk_create(
            Stream(portal=portal, provider_id=str(n), name=f"Channel {n} HD", cmd=f"http://m.example/{n}") for n in part
        )
        ChannelStream.objects.bulk_create(
            ChannelStream(channel_id=ids[n], stream=stream) for n, stream in zip(part, streams, strict=True)
        )
    path = folder / "guide.xml"
    write_guide(path, round(programmes * 860 / 1024**2) + 1, "channel")
    source = EpgSource.objects.create(name="bench", address="http://bench.example/")
    import_guide(source, XmltvReader(chunks(path)), now=NOW)


class Taken:
    """CPU, wall, first byte, bytes and broadcasts of one answer."""

    def __init__(self, client: object, path: str, **headers: str) -> None:
        cpu, wall = time.process_time(), time.monotonic()
        self.answer = client.get(path, headers=headers)  # type: ignore[attr-defined]
        self.size = self.broadcasts = 0
        self.first_s = time.monotonic() - wall
        pieces = self.answer.streaming_content if self.answer.streaming else [self.answer.content]
        for at, piece in enumerate(pieces):
            if at == 0:
                self.first_s = time.monotonic() - wall
            self.size += len(piece)
            self.broadcasts += piece.count(b"<programme ")
        self.cpu_s, self.wall_s = time.process_time() - cpu, time.monotonic() - wall

    def __str__(self) -> str:
        return f"{self.cpu_s:.3f} CPU s, {self.wall_s:.3f} s, first byte {self.first_s:.3f} s, {self.size / 1e6:.1f} MB"


def measure() -> None:
    import django

    django.setup()
    from django.db import connection
    from django.test import Client

    from bench.import_xmltv import NOW
    from restreamer.lib import versions
    from streaming import guides

    guides.today = lambda: NOW
    versions.listen()
    connection.ensure_connection()
    client = Client()
    client.get("/playlist", {"token": "bench-token", "group": "none"})
    print(connection.vendor)
    api = "/player_api.php?username=bench&password=bench-token&action=get_live_streams"
    for name, path in (("/playlist", "/playlist?token=bench-token"), ("get_live_streams", api)):
        for coding in ("", "gzip"):
            first = Taken(client, path, **{"Accept-Encoding": coding})
            same = Taken(client, path, **{"Accept-Encoding": coding, "If-None-Match": first.answer["ETag"]})
            again = Taken(client, path, **{"Accept-Encoding": coding})
            assert (first.answer.status_code, same.answer.status_code) == (200, 304)
            print(f"{name} {coding or 'plain'}: first {first} | unchanged {same.wall_s * 1000:.1f} ms | again {again}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    guide = Taken(client, "/epg.xml?token=bench-token&back=30&days=30")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    same = Taken(client, "/epg.xml?token=bench-token&back=30&days=30", **{"If-None-Match": guide.answer["ETag"]})
    print(f"/epg.xml, {guide.broadcasts} broadcasts: first {guide} | unchanged {same.wall_s * 1000:.1f} ms")
    print(f"peak of the process {peak / 1024:.0f} MiB ({before / 1024:.0f} before the guide)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, default=100_000)
    parser.add_argument("--programmes", type=int, default=500_000)
    parser.add_argument("--data", type=Path, help="a folder to keep the catalogue in; filled when it is empty")
    parser.add_argument("--only-fill", action="store_true", help="fill --data and end")
    parser.add_argument("--fill", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(options.fill, options.channels, options.programmes)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["RESTREAMER_DATA"] = str(folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = "restreamer.settings"
        from restreamer import embedded_redis

        socket = Path(temporary) / "bench.sock"
        os.environ["REDIS_URL"] = f"unix://{socket}?db=0"
        redis = subprocess.Popen(embedded_redis.command(Path(temporary) / "redis", socket), stdout=subprocess.DEVNULL)
        try:
            embedded_redis.wait_until_ready(socket, alive=lambda: redis.poll() is None)
            if not (folder / "filled").exists():
                words = ["--channels", str(options.channels), "--programmes", str(options.programmes)]
                subprocess.run([sys.executable, "-m", "bench.outputs", "--fill", str(folder), *words], check=True)
                (folder / "filled").touch()
            if not options.only_fill:
                shutil.rmtree(folder / "cache", ignore_errors=True)
                measure()
        finally:
            redis.terminate()
            redis.wait(10)


if __name__ == "__main__":
    main()
