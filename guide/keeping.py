"""The last download of each source, kept as it came: a guide is read again without asking its provider again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from restreamer.lib.data_folder import make_private


def kept_path(source_id: int) -> Path:
    """Where the download of a source lies, if there is one."""
    return Path(settings.RESTREAMER_DATA) / "guide" / f"source-{source_id}.feed"


def keep(source_id: int, pieces: Iterable[bytes]) -> Path:
    """Write the pieces to the source's place. They replace what is there only when all of them have come."""
    path = kept_path(source_id)
    folder = make_private(path.parent)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
    return path


def forget(source_id: int) -> None:
    """Remove the download of a source that is gone."""
    with suppress(FileNotFoundError):
        kept_path(source_id).unlink()
