"""Puts a backup in the place of what is here: all of it, or nothing.

Everything is read and stored beside what is there first, at the state of the database the backup was made at, and
brought up to date; only when that has worked do database and files change places, which takes a moment.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from guide.models import EpgSource
from portals.models import Portal
from portals.runs import Progress
from restreamer.backup import archive, rows, swapping
from restreamer.backup.archive import Reader
from restreamer.backup.errors import NotRestorable
from restreamer.lib import data_folder, redact

#: Rows take a multiple of their JSON with their indexes.
_ROOM = 4


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it."""

    rows: int
    files: int
    #: Sentences about what the owner has to do still.
    left: list[str]


def check(path: Path, progress: Progress) -> archive.Manifest:
    """Read the whole backup without changing anything. Raises NotRestorable."""
    with Reader(path) as reader:
        _must_be_known(reader)
        progress.step("reading the database")
        done = 0
        for table in reader.tables():
            for _ in reader.lines(table):
                done += 1
                progress(done, reader.manifest.rows)
        progress.step("reading the files")
        for file in reader.files():
            for _ in reader.pieces(file):
                pass
        return reader.manifest


def restore(path: Path, progress: Progress) -> Restored:
    """Replace database and files by the backup's; the caller sees to it that nothing runs. Raises NotRestorable."""
    data = data_folder.make_private(settings.RESTREAMER_DATA)
    with Reader(path) as reader, _scratch(data) as scratch:
        _must_be_known(reader)
        needed = sum(one.bytes for one in reader.manifest.members.values())
        archive.must_fit(path.name, _ROOM * needed, data)
        progress.step("reading the files")
        _unpack(reader, scratch)
        try:
            with swapping.staging() as staging:
                _fill(reader, staging.alias, progress)
                progress.step("changing places")
                with _files_changed(scratch, data):
                    staging.take_over()
        except DatabaseError as err:
            raise NotRestorable(f"{path.name} could not be stored; nothing was changed: {redact.text(err)}") from err
        except OSError as err:
            raise NotRestorable(f"{path.name} could not be restored; nothing was changed: {err}.") from err
        return Restored(reader.manifest.rows, len(reader.files()), _left(reader))


def _must_be_known(reader: Reader) -> None:
    """Its state of the database is one of ours."""
    known = MigrationLoader(None, ignore_no_migrations=True)
    unknown = [
        f"{app} {name}"
        for app, names in reader.manifest.migrations.items()
        for name in names
        if (app, name) not in known.disk_migrations
    ]
    if unknown:
        raise NotRestorable(
            f"{reader.path.name} was made by Restreamer {reader.manifest.version[:20]}, which knows what this one "
            f"({settings.VERSION}) does not: {unknown[0][:100]}. Update first."
        )
    if not reader.tables() or not reader.manifest.migrations:
        raise NotRestorable(f"{reader.path.name} holds no database.")


def _fill(reader: Reader, alias: str, progress: Progress) -> None:
    """The backup's tables, as they were when it was made; then as this version wants them."""
    progress.step("preparing a database")
    state = _at_the_time(reader, alias)
    tables = rows.tables(state)
    if set(tables) != set(reader.tables()):
        raise NotRestorable(f"{reader.path.name} holds other tables than its version had.")
    with connections[alias].cursor() as cursor:
        # What migrations bring along of their own; those that others point at come last.
        for name in reversed(tables):
            cursor.execute(f"DELETE FROM {connections[alias].ops.quote_name(name)}")
    progress.step("storing the database")
    done = 0

    def counted(more: int) -> None:
        nonlocal done
        done += more
        progress(done, reader.manifest.rows)

    try:
        with swapping.bulk(alias):
            for name, model in tables.items():
                _store(reader, name, model, alias, counted)
            rows.after_reading(list(tables.values()), alias)
    except IntegrityError as err:
        raise NotRestorable(f"{reader.path.name} contradicts itself: {redact.text(err)}") from err
    progress.step("bringing it up to date")
    call_command("migrate", database=alias, interactive=False, verbosity=0)
    _move_addresses(alias, reader.manifest.data_folder)


def _store(reader: Reader, name: str, model: type[Model], alias: str, counted: rows.Counted) -> None:
    try:
        rows.read(model, reader.lines(name), alias, counted)
    except (ValueError, TypeError, ValidationError) as err:
        raise NotRestorable(f"{reader.path.name} is damaged: rows of {name} make no sense ({err}).") from err


def _at_the_time(reader: Reader, alias: str) -> Any:
    """Make the tables as they were; returns the models of that time."""
    wanted = {(app, name) for app, names in reader.manifest.migrations.items() for name in names}
    executor = MigrationExecutor(connections[alias])
    nodes = executor.loader.graph.node_map
    last = [one for one in wanted if one in nodes and not any(child.key in wanted for child in nodes[one].children)]
    # Before anything is made: these, with all they stand on, are what the backup says.
    if {(step.app_label, step.name) for step, _ in executor.migration_plan(last)} != wanted:
        raise NotRestorable(f"{reader.path.name} names a state of the database that never was.")
    return executor.migrate(last).apps


def _move_addresses(alias: str, before: str) -> None:
    """Lists that are files of the data folder are where the folder is now."""
    now = str(settings.RESTREAMER_DATA)
    if before == now or not before.startswith("/"):
        return
    for model in (Portal, EpgSource):
        for row in model._base_manager.using(alias).filter(address__contains=f"{before}/"):
            start, _, rest = row.address.partition(f"{before}/")
            if start in ("", "file://"):
                model._base_manager.using(alias).filter(pk=row.pk).update(address=f"{start}{now}/{rest}")


@contextlib.contextmanager
def _scratch(data: Path) -> Iterator[Path]:
    """A folder beside what is there, so that changing places is a renaming; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".restoring-", dir=data))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(reader: Reader, scratch: Path) -> None:
    for path in reader.files():
        target = scratch / "new" / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for piece in reader.pieces(path):
                    file.write(piece)
        except OSError as err:
            raise NotRestorable(f"{reader.path.name}: {path} cannot be written: {err.strerror or err}.") from err


@contextlib.contextmanager
def _files_changed(scratch: Path, data: Path) -> Iterator[None]:
    """The backup's files are in the place of ours; when the body fails, ours are back."""
    old = scratch / "old"
    old.mkdir()
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, target: Path) -> None:
        source.rename(target)
        moved.append((source, target))

    try:
        for name in (*archive.FOLDERS, archive.SECRET_KEY):
            fresh = scratch / "new" / name
            # A key that is given by the environment was not in the backup: what is here stays.
            if (data / name).exists() and (fresh.exists() or name != archive.SECRET_KEY):
                move(data / name, old / name)
            if fresh.exists():
                move(fresh, data / name)
        yield
    except BaseException:
        # Whatever ended it, Ctrl-C too: the files are put back as they were.
        for source, target in reversed(moved):
            target.rename(source)
        raise


def _left(reader: Reader) -> list[str]:
    key = settings.SECRET_KEY_GIVEN or data_folder.secret_key(settings.RESTREAMER_DATA)
    if archive.key_print(key) == reader.manifest.key_print:
        return []
    return [
        "The secret key is another one than then: second factors do not work until RESTREAMER_SECRET_KEY is what it "
        "was, or they are taken away with `user no-factor NAME`."
    ]
