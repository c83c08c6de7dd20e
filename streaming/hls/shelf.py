"""Segments and their list as files that any process may serve: complete when they appear, gone when nobody may ask."""

from __future__ import annotations

import re
from pathlib import Path

from streaming.hls.cutter import CutSegment
from streaming.hls.window import Window

PLAYLIST_NAME = "index.m3u8"
_SEGMENT = re.compile(r"^\d+\.ts$")


class Shelf:
    """The files of one channel's list, in a folder of its own."""

    def __init__(self, folder: Path, discontinuity_sequence: int) -> None:
        self.folder = folder
        self.window = Window(discontinuity_sequence)
        folder.mkdir(parents=True, exist_ok=True)
        #: What a process that died left here; still fetchable until the new list has as many.
        self._strangers = sorted(path for path in folder.iterdir() if _SEGMENT.match(path.name))

    def put(self, segment: CutSegment) -> None:
        """Publish a segment: its file first, the list last. Raises OSError when the disk does not take it."""
        self._write(f"{segment.sequence}.ts", segment.data)
        gone = self.window.add(segment)
        self._write(PLAYLIST_NAME, self.window.text().encode())
        for sequence in gone:
            (self.folder / f"{sequence}.ts").unlink(missing_ok=True)
        if gone:
            for path in self._strangers:
                path.unlink(missing_ok=True)
            self._strangers = []

    def end(self) -> None:
        """Nothing will be added: players stop when they have played what is listed."""
        self.window.ended = True
        self._write(PLAYLIST_NAME, self.window.text().encode())

    def clear(self) -> None:
        """Remove everything."""
        for path in self.folder.iterdir():
            path.unlink(missing_ok=True)
        self.folder.rmdir()

    def _write(self, name: str, data: bytes) -> None:
        """A reader sees the old file or the new one, never half of it."""
        part = self.folder / f".{name}.part"
        part.write_bytes(data)
        part.replace(self.folder / name)
