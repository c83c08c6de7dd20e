"""What goes wrong with backups."""

from __future__ import annotations

from restreamer.lib.errors import RestreamerError


class BackupFailed(RestreamerError):
    """A backup could not be made; nothing is left of it."""


class NotRestorable(RestreamerError):
    """A file is no backup, or none that can be restored here; nothing was changed."""

    permanent = True
    status = 400
