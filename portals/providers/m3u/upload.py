"""Keeps an uploaded playlist where the M3U provider may read it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.text import slugify

from portals import errors
from portals.providers.m3u.entries import entries_of
from portals.providers.m3u.sentences import Say
from portals.providers.m3u.source import MAX_LIST_BYTES, local_path, pieces_of
from restreamer.lib.data_folder import make_private
from restreamer.lib.decompress import unpacked
from restreamer.lib.http import MIB
from restreamer.lib.m3u import PlaylistReader

#: A list of a million entries takes a tenth of this.
_LONGEST_S = 120.0


def folder() -> Path:
    """Where uploads lie, apart from the lists an owner puts into the data folder by hand."""
    return make_private(settings.RESTREAMER_DATA / "playlists" / "uploaded")


def judge(file: IO[bytes], *, clock: Callable[[], float] = time.monotonic) -> None:
    """Read the whole file, packed or not.

    Raises PortalError when it is no playlist, or takes too long to read.
    """
    file.seek(0)
    for _ in entries_of(PlaylistReader(_timely(file, clock), max_bytes=MAX_LIST_BYTES)):
        pass


def _timely(file: IO[bytes], clock: Callable[[], float]) -> Iterator[bytes]:
    """The file unpacked. Half a gigabyte of tiny lines, a few kilobytes when packed, must not keep a person waiting."""
    until = clock() + _LONGEST_S
    for piece in unpacked(pieces_of(file), max_bytes=MAX_LIST_BYTES):
        if clock() > until:
            raise errors.CatalogueIncomplete(Say.TOO_LONG.of())
        yield piece


def keep_upload(pieces: Iterable[bytes], name: str) -> str:
    """The portal address of the list, kept in the data folder under a name made from `name`, the portal's slug.

    Uploading the same name again replaces the list at once; a portal that reads it keeps its channels.
    Raises PortalError when the bytes are no playlist; then an older one stays.
    """
    path = folder() / f"{slugify(Path(name).name.partition('.')[0])[:100] or 'playlist'}.m3u"
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".upload-")
    try:
        with os.fdopen(handle, "w+b") as file:
            _write(file, pieces)
            judge(file)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
    return str(path)


def forget_upload(address: str) -> None:
    """Remove the file a portal was fed from, if it was an upload; nothing else is ever removed."""
    path = local_path(address)
    if path is not None and path.parent == folder():
        path.unlink(missing_ok=True)


def _write(file: IO[bytes], pieces: Iterable[bytes]) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_LIST_BYTES:
            raise errors.CatalogueIncomplete(Say.TOO_LARGE.of(limit=MAX_LIST_BYTES // MIB))
        file.write(piece)
