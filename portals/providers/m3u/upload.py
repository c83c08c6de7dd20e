"""Keeps an uploaded playlist where the M3U provider may read it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.text import slugify

from portals import errors
from portals.providers.m3u.entries import entries_of
from portals.providers.m3u.sentences import Say
from portals.providers.m3u.source import MAX_LIST_BYTES, pieces_of
from restreamer.lib.data_folder import make_private
from restreamer.lib.http import MIB
from restreamer.lib.m3u import PlaylistReader


def keep_upload(pieces: Iterable[bytes], name: str) -> str:
    """The portal address of the list, kept in the data folder under a name made from `name`.

    Uploading the same name again replaces the list at once; a portal that reads it keeps its channels.
    Raises PortalError when the bytes are no playlist; then an older one stays.
    """
    folder = make_private(settings.RESTREAMER_DATA / "playlists")
    path = folder / f"{slugify(Path(name).name.partition('.')[0])[:80] or 'playlist'}.m3u"
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".upload-")
    try:
        with os.fdopen(handle, "w+b") as file:
            _write(file, pieces)
            file.seek(0)
            for _ in entries_of(PlaylistReader(pieces_of(file), max_bytes=MAX_LIST_BYTES)):
                pass
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
    return str(path)


def _write(file: IO[bytes], pieces: Iterable[bytes]) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_LIST_BYTES:
            raise errors.CatalogueIncomplete(Say.TOO_LARGE.of(limit=MAX_LIST_BYTES // MIB))
        file.write(piece)
