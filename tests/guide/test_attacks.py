"""What else can happen to an import: its process is killed, others read and write meanwhile, feeds fill memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, close_old_connections, connection, connections

from guide import importer
from guide.errors import GuideError
from guide.importer import import_guide
from guide.models import EpgSource, GuideChannel, Programme
from guide.reader import XmltvReader
from guide.records import GuideRecord
from portals.models import PublicIdCounter
from tests.guide.feeds import NOW, programme

pytestmark = pytest.mark.django_db(transaction=True)


def source() -> EpgSource:
    return EpgSource.objects.create(name="G", address="http://g/", days_back=60, days_ahead=60)


def whole(title: str, count: int = 300) -> Iterator[GuideRecord]:
    for n in range(count):
        yield GuideRecord(f"c{n % 10}", NOW + timedelta(minutes=n), None, title)


def test_an_import_killed_half_way_leaves_the_old_guide_and_its_rest_is_removed():
    row = source()
    import_guide(row, whole("old"), now=NOW)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.guide.killed_settings"}
    environment["KILLED_DATABASE"] = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.guide.killed_import", str(row.pk), NOW.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half-way\n"
        process.kill()
    row.refresh_from_db()
    assert row.live_generation == 1
    assert {p.title for p in Programme.objects.filter(channel__in=row.channels.live())} == {"old"}
    left = Programme.objects.exclude(channel__in=row.channels.live()).count()
    assert left >= 400
    import_guide(row, whole("new"), now=NOW)
    importer.remove_replaced(row, NOW + importer.GRACE)
    assert set(Programme.objects.values_list("title", flat=True)) == {"new"}
    assert GuideChannel.objects.count() == 10


def test_readers_and_writers_go_on_while_guides_are_replaced():
    """Every answer is one whole guide, and nobody hears of a locked database."""
    row = source()
    import_guide(row, whole("0"), now=NOW)
    stop = threading.Event()
    mixed: list[set[str]] = []
    failed: list[DatabaseError] = []

    def read() -> None:
        try:
            while not stop.is_set():
                refs = [f"c{n}" for n in range(10)]
                found = Programme.objects.window(refs, NOW, NOW + timedelta(hours=1))
                titles = {s.programme.title for showings in found.values() for s in showings}
                count = sum(len(showings) for showings in found.values())
                if len(titles) != 1 or count != 60:
                    mixed.append(titles | {str(count)})
        except DatabaseError as err:
            failed.append(err)
        finally:
            connections.close_all()

    def write() -> None:
        try:
            while not stop.wait(0.005):
                PublicIdCounter.take(1)
        except DatabaseError as err:
            failed.append(err)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=read), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    try:
        for n in range(1, 6):
            import_guide(row, whole(str(n)), now=NOW)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    close_old_connections()
    assert failed == []
    assert mixed == []


LONG_TEXT = f"<desc>{'x' * 15_000}</desc>"
MANY_NAMES = f"<display-name>{'n' * 400}{{}}</display-name>" * 40
BROKEN = '<programme start="20260601200000" channel="c"><title>&nope; & &#1; <x></title></programme>'
JUNK = '<junk a="b"><deep><deeper/></deep></junk>' * 300


@pytest.mark.slow
@pytest.mark.parametrize(
    "feed",
    [
        pytest.param(lambda n: programme(f"c{n}", "1 20:00", "1 21:00", "t", LONG_TEXT), id="all wait"),
        pytest.param(lambda n: f'<channel id="c{n}">{MANY_NAMES.format(*[n] * 40)}</channel>', id="names"),
        pytest.param(lambda n: BROKEN * 100, id="errors"),
        pytest.param(lambda n: JUNK + programme("a", "1 20:00"), id="junk"),
    ],
)
def test_a_feed_built_to_fill_memory_does_not(feed):
    """Each of these is 40 MB or more of text, several times that as objects."""
    seen_mib: list[float] = []

    def chunks() -> Iterator[bytes]:
        yield b"<tv>"
        for n in range(4000):
            if n % 100 == 0:
                seen_mib.append(resident_mib())
            yield feed(n).encode()
        yield b"</tv>"

    with contextlib.suppress(GuideError):
        import_guide(source(), XmltvReader(chunks()), now=NOW)
    # Batches that wait to be stored, and what a process that ran a thousand tests before grows by besides.
    assert max(seen_mib) - seen_mib[0] < 120


def resident_mib() -> float:
    """Memory of this process that is its own, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssAnon"))
