"""The folder backups stand in."""

from __future__ import annotations

import contextlib
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from restreamer.backup.errors import BackupFailed
from restreamer.lib import data_folder
from restreamer.lib.errors import InvalidInput

#: Who had it made: the clock (these are cleared away), a restore, or a person.
BY_CLOCK = "clock"
BEFORE_RESTORE = "before-restore"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}\.zip", re.ASCII)
_PART = ".part"


@dataclass(frozen=True, slots=True)
class Backup:
    """One that is there."""

    name: str
    bytes: int
    made_at: datetime
    path: Path

    @property
    def by_clock(self) -> bool:
        """Is it cleared away when newer ones are there?"""
        return self.name.endswith(f"-{BY_CLOCK}.zip")

    @property
    def why(self) -> str:
        """In words."""
        if self.by_clock:
            return "by the clock"
        return "before a restore" if self.name.endswith(f"-{BEFORE_RESTORE}.zip") else "by hand"


def folder() -> Path:
    """Where they are, readable by its owner only. Raises ConfigurationError."""
    return data_folder.make_private(settings.BACKUP_FOLDER)


def all_backups() -> list[Backup]:
    """What is there, newest first. Raises BackupFailed when the folder cannot be read: a share that is away."""
    found = []
    try:
        for path in settings.BACKUP_FOLDER.iterdir():
            # Somebody may delete one at this moment.
            with contextlib.suppress(FileNotFoundError):
                facts = path.lstat()
                if _NAME.fullmatch(path.name) and stat.S_ISREG(facts.st_mode):
                    found.append(Backup(path.name, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC), path))
    except FileNotFoundError:
        return []
    except OSError as err:
        raise BackupFailed(f"The folder {settings.BACKUP_FOLDER} cannot be read: {err.strerror or err}.") from err
    return sorted(found, key=lambda one: (one.made_at, one.name), reverse=True)


def named(name: str) -> Backup:
    """The backup of that name. Raises InvalidInput."""
    for one in all_backups():
        if one.name == name:
            return one
    raise InvalidInput(f"There is no backup called {name[:100]!r}.", public="There is no such backup.")


def free_path(now: datetime, why: str = "") -> Path:
    """Where the next one goes."""
    stem = f"restreamer-{now:%Y%m%d-%H%M%S}"
    return folder() / (f"{stem}-{why}.zip" if why else f"{stem}.zip")


def draft_of(path: Path) -> Path:
    """Where it is written until it is whole."""
    return path.with_name(path.name + _PART)


def clear_away(keep: int) -> list[str]:
    """Delete all but the newest `keep` of those the clock made; returns their names."""
    old = [one for one in all_backups() if one.by_clock][keep:]
    for one in old:
        one.path.unlink(missing_ok=True)
    return [one.name for one in old]


def clear_drafts() -> None:
    """Delete what backups that never ended left. Called by whoever makes one: there is one at a time."""
    for path in folder().glob(f"*.zip{_PART}"):
        path.unlink(missing_ok=True)
