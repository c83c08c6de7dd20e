"""Makes a backup while everything runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from portals.runs import Progress
from restreamer.backup import archive, rows, shelf
from restreamer.backup.errors import BackupFailed
from restreamer.lib import redact

_PIECE_BYTES = 1024 * 1024


def make(path: Path, progress: Progress) -> None:
    """Write the backup to `path`, which appears when it is whole and not before. Raises BackupFailed."""
    if path.exists():
        raise BackupFailed(f"{path} is there already.")
    draft = shelf.draft_of(path)
    try:
        # Nobody else may read it: it holds every password and token there is.
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            _write(file, progress)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _to_disk(path.parent)
    except OSError as err:
        raise BackupFailed(f"The backup could not be written to {path.parent}: {err.strerror or err}.") from err
    except DatabaseError as err:
        raise BackupFailed(f"The database could not be read: {redact.text(err)}") from err
    finally:
        draft.unlink(missing_ok=True)


def _write(file: IO[bytes], progress: Progress) -> None:
    manifest = archive.Manifest(
        version=settings.VERSION,
        made_at=timezone.now().isoformat(timespec="seconds"),
        migrations={},
        data_folder=str(settings.RESTREAMER_DATA),
        key_print=archive.key_print(settings.SECRET_KEY),
    )
    with contextlib.closing(archive.Writer(file, manifest)) as writer:
        progress.step("writing the database")
        with rows.frozen() as alias:
            manifest.migrations.update(_applied(alias))
            tables = rows.tables()
            total = sum(model._base_manager.using(alias).count() for model in tables.values())
            done = 0

            def counted(more: int) -> None:
                nonlocal done
                done += more
                progress(done, total)

            for name, model in tables.items():
                writer.add(f"{archive.DATABASE}{name}.jsonl", rows.written(model, alias, counted), is_table=True)
        progress.step("writing the files")
        files = list(_files(settings.RESTREAMER_DATA))
        for position, path in enumerate(files):
            progress(position, len(files))
            writer.add(archive.FILES + path, _pieces(settings.RESTREAMER_DATA / path))
        writer.finish()
    progress.counts = {"rows": total, "files": len(files)}


def _applied(alias: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for app, name in MigrationRecorder(connections[alias]).applied_migrations():
        found.setdefault(app, []).append(name)
    return {app: sorted(names) for app, names in sorted(found.items())}


def _files(data: Path) -> Iterator[str]:
    """Paths below the data folder that go along."""
    if not settings.SECRET_KEY_GIVEN and (data / archive.SECRET_KEY).is_file():
        yield archive.SECRET_KEY
    for name in archive.FOLDERS:
        for path in sorted((data / name).rglob("*")):
            told = path.relative_to(data).as_posix()
            if path.is_file() and not path.is_symlink() and archive.is_kept(told):
                yield told


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
