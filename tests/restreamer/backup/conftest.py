"""A data folder of a test's own, with what an owner brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from portals import runs
from portals.models import RunKind
from restreamer.backup import making


@pytest.fixture
def data(tmp_path, settings) -> Path:
    """The data folder."""
    folder = tmp_path / "data"
    (folder / "playlists" / "uploaded").mkdir(parents=True)
    (folder / "playlists" / "uploaded" / "mine.m3u").write_text("#EXTM3U\n")
    (folder / "guide").mkdir()
    (folder / "guide" / "mine.xml").write_text("<tv/>")
    (folder / "guide" / "source-1.feed").write_text("fetched")
    (folder / "secret_key").write_text(settings.SECRET_KEY)
    settings.RESTREAMER_DATA = folder
    settings.BACKUP_FOLDER = folder / "backups"
    settings.BACKUP_FOLDER.mkdir()
    return folder


@pytest.fixture
def progress() -> runs.Progress:
    """Work that nobody watches."""
    return runs.Unrecorded(None, RunKind.BACKUP)


@pytest.fixture
def archive(db_rows, data, progress) -> Path:
    """A backup of `db_rows` and `data`."""
    path = data / "backups" / "mine.zip"
    making.make(path, progress)
    return path


@pytest.fixture
def db_rows() -> None:
    """Nothing, unless a module says what."""
