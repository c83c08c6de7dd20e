"""Segments and their list as files that any process may serve: complete when they appear, gone when nobody may ask."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from streaming.hls.cutter import CutSegment
from streaming.hls.window import Window

PLAYLIST_NAME = "index.m3u8"
_SEGMENT = re.compile(r"^\d+\.ts$")
_COUNTED = ("MEDIA-SEQUENCE", "DISCONTINUITY-SEQUENCE")


class Numbers(NamedTuple):
    """Where a list goes on counting: its next segment, and the discontinuities before that."""

    sequence: int = 0
    discontinuities: int = 0


def left_behind(folder: Path) -> Numbers:
    """How far a list had come whose process died; zeros when there is none that can be read."""
    try:
        text = (folder / PLAYLIST_NAME).read_text()
    except (OSError, ValueError):
        return Numbers()
    first = {name: re.search(rf"^#EXT-X-{name}:(\d{{1,15}})$", text, re.M) for name in _COUNTED}
    sequence, discontinuities = (int(found[1]) if found else 0 for found in first.values())
    listed = [line for line in text.split("\n") if _SEGMENT.match(line)]
    return Numbers(sequence + len(listed), discontinuities + text.count("#EXT-X-DISCONTINUITY\n"))


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

    @property
    def numbers(self) -> Numbers:
        """Where a list that follows this one must go on counting."""
        listed = self.window.listed
        tagged = sum(segment.discontinuity for segment in listed)
        after = listed[-1].sequence + 1 if listed else 0
        return Numbers(after, self.window.discontinuity_sequence + tagged)

    def touch(self) -> None:
        """Show that somebody still works here. Raises OSError."""
        os.utime(self.folder)

    def clear(self) -> None:
        """Remove everything. Raises OSError."""
        empty(self.folder)

    def _write(self, name: str, data: bytes) -> None:
        """A reader sees the old file or the new one, never half of it."""
        part = self.folder / f".{name}.part"
        part.write_bytes(data)
        part.replace(self.folder / name)


def empty(folder: Path) -> None:
    """Remove a folder of segments. Raises OSError."""
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    folder.rmdir()
