"""`manage.py backup make|list|check|delete|restore`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import DatabaseError, connection
from django.template.defaultfilters import filesizeformat

from portals import refreshing, runs
from portals.models import Run, RunKind
from restreamer.backup import jobs, restoring, shelf
from restreamer.backup.alone import alone
from restreamer.backup.errors import BackupFailed, NotRestorable
from restreamer.cli import RestreamerCommand
from restreamer.lib.errors import RestreamerError
from restreamer.progress_bar import ProgressBar

T = TypeVar("T")


class Command(RestreamerCommand):
    help = "Backups: one file with the database, your playlists and guides, and the secret key."
    needs_redis = False

    def add_verbs(self, verbs: Any) -> None:
        make = verbs.add_parser("make", help="make one now, also while Restreamer runs")
        make.set_defaults(action=self.make)
        verbs.add_parser("list", help="what is there, newest first").set_defaults(action=self.listed)
        check = verbs.add_parser("check", help="read one whole and say whether it could be restored")
        check.add_argument("backup", help="a name from the list, or a path")
        check.set_defaults(action=self.look_through)
        delete = verbs.add_parser("delete", help="delete one")
        delete.add_argument("name")
        delete.set_defaults(action=self.delete)
        restore = verbs.add_parser("restore", help="put one in the place of everything here; stop Restreamer first")
        restore.add_argument("backup", help="a name from the list, or a path")
        restore.add_argument("--yes", action="store_true", help="do not ask")
        restore.add_argument("--no-backup", action="store_true", help="make none of what is here before")
        restore.set_defaults(action=self.restore)

    def make(self, options: dict[str, Any]) -> None:
        """Now, in this process."""
        made = self._made("command line")
        self.result({"name": made.name, "bytes": made.bytes, "path": made.path}, [f"{made.path} ({_size(made)})"])

    def listed(self, options: dict[str, Any]) -> None:
        """As they stand in the folder."""
        rows = [
            {"name": one.name, "size": _size(one), "bytes": one.bytes, "made": one.made_at, "why": one.why}
            for one in shelf.all_backups()
        ]
        for row in rows if not self.as_json else ():
            row["made"] = f"{row['made']:%Y-%m-%d %H:%M} UTC"
        self.table(rows, ["name", "made", "size", "why"], f"There are no backups in {settings.BACKUP_FOLDER} yet.")

    def look_through(self, options: dict[str, Any]) -> None:
        """Without changing anything."""
        path = _path(options["backup"])
        found = self._watched(path.name, lambda progress: restoring.check(path, progress))
        facts = {"name": path.name, "version": found.version, "made_at": found.made_at, "rows": found.rows}
        self.result(facts, [f"{path.name} is whole: {found.rows:,} rows of {found.made_at}, {found.version}."])

    def delete(self, options: dict[str, Any]) -> None:
        """One."""
        found = shelf.named(options["name"])
        found.path.unlink(missing_ok=True)
        self.result({"deleted": found.name}, [f"{found.name} is deleted."])

    def restore(self, options: dict[str, Any]) -> None:
        """In the place of everything."""
        path = _path(options["backup"])
        with alone() as forget:
            checked = self._watched(path.name, lambda progress: restoring.check(path, progress))
            if not options["yes"] and not self._agreed(path, checked.made_at):
                raise NotRestorable("Nothing was changed.")
            before = "" if options["no_backup"] or not _has_database() else self._made(jobs.BEFORE_RESTORE).name
            done = self._watched(path.name, lambda progress: restoring.restore(path, progress))
            runs.bury_dead(no_worker_lives=True)
            forget()
        lines = [f"{path.name} is restored: {done.rows:,} rows, {done.files} file(s)."]
        if before:
            lines.append(f"What was here before is in {before}.")
        self.result(
            {"restored": path.name, "rows": done.rows, "files": done.files, "before": before, "left": done.left},
            [*lines, *done.left],
        )

    def _made(self, asked_by: str) -> shelf.Backup:
        run = jobs.begin(asked_by)
        bar = self._bar()
        try:
            refreshing.perform(run, bar.show if bar else None)
        except RestreamerError as err:
            raise BackupFailed(err.message) from err
        finally:
            if bar:
                bar.close()
        run.refresh_from_db()
        return shelf.named(run.subject)

    def _watched(self, subject: str, work: Callable[[runs.Progress], T]) -> T:
        bar = self._bar()
        try:
            return work(runs.Unrecorded(None, RunKind.BACKUP, bar.show if bar else None, subject))
        finally:
            if bar:
                bar.close()

    def _bar(self) -> ProgressBar | None:
        def draw(text: str) -> None:
            self.stdout.write(text, ending="")
            self.stdout.flush()

        return None if self.as_json else ProgressBar(draw, redraws=self.stdout.isatty())

    def _agreed(self, path: Path, made_at: str) -> bool:
        if self.as_json:
            raise NotRestorable("With --json, say --yes too.")
        self.stdout.write(f"Everything in {settings.RESTREAMER_DATA} becomes what it was at {made_at}.")
        return input("Type yes to go on: ").strip().lower() == "yes"


def _path(told: str) -> Path:
    """A name from the list, or a path."""
    path = Path(told)
    return path if "/" in told or path.exists() else shelf.named(told).path


def _size(backup: shelf.Backup) -> str:
    return filesizeformat(backup.bytes).replace("\xa0", " ")


def _has_database() -> bool:
    """Is there anything that a backup could hold?"""
    try:
        return Run._meta.db_table in connection.introspection.table_names()
    except DatabaseError as err:
        raise BackupFailed(
            "What is here cannot be read, so no backup of it can be made; with --no-backup it is replaced all the same."
        ) from err
