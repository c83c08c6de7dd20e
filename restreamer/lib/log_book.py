"""The last log lines of this machine's processes, kept in two bounded files: one writer, any number of readers.

A line of a file is `time <tab> level <tab> process <tab> text`, UTF-8, without control characters. The files are named
by rising numbers; when the newer one is full, a new one is begun and the older one removed.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
#: What a reader is told of a longer line.
LONGEST_TEXT = 4000
_BLOCK = 64 * 1024
_HEAD = re.compile(r"\[?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
# Redis writes `1234:M 28 Nov 2026 08:11:00.123 # text`; the sign is the level.
_REDIS = re.compile(r"\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ ([.\-*#]) ")
# gunicorn writes `[2026-11-28 08:11:00 +0000] [1234] [ERROR] text`.
_GUNICORN = re.compile(r"\[\d[^\]]*\] \[\d+\] \[(\w+)\] ")
_CONTROL = {code: " " if code == 9 else "\ufffd" for code in (*range(32), *range(127, 160))}


def folder_of(data: Path) -> Path:
    """Where the files are."""
    return data / "log"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `level` is one of LEVELS."""

    at: datetime
    level: str
    process: str
    text: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the files: everything before it was read."""

    file: int
    offset: int

    def __str__(self) -> str:
        return f"{self.file}:{self.offset}"

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """From its text; None for what is none."""
        found = re.fullmatch(r"(\d{1,15}):(\d{1,15})", text)
        return cls(int(found[1]), int(found[2])) if found else None


class LogWriter:
    """Keeps lines. Whatever goes wrong with the disk is nobody's concern but the next line's."""

    def __init__(
        self, folder: Path, most_bytes: int, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._folder = folder
        self._most = most_bytes // 2
        self._clock = clock
        self._handle = -1
        #: The level of each process's last line: what follows without one (a traceback) belongs to it.
        self._levels: dict[str, str] = {}

    def line(self, process: str, text: str, level: str = "") -> None:
        """Keep one line of a process; its level is read from it where none is told."""
        level = level or self._level(process, text)
        at = self._clock().isoformat(timespec="milliseconds")
        clean = text[:LONGEST_TEXT].translate(_CONTROL)
        with contextlib.suppress(OSError):
            self._write(f"{at}\t{level}\t{process}\t{clean}\n".encode("utf-8", "replace"))

    def _level(self, process: str, text: str) -> str:
        if found := _HEAD.match(text) or _GUNICORN.match(text):
            level = found[1] if found[1] in LEVELS else "INFO"
        elif found := _REDIS.match(text):
            level = "WARNING" if found[1] == "#" else "INFO"
        else:
            level = self._levels.get(process, "INFO")
        self._levels[process] = level
        return level

    def _write(self, data: bytes) -> None:
        # Asked of the file each time: a reader may have emptied it.
        if self._handle < 0 or os.fstat(self._handle).st_size + len(data) > self._most:
            self._turn_over()
        os.write(self._handle, data)

    def _turn_over(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = _numbers(self._folder)
        if self._handle < 0 and numbers:
            # Of an earlier run: its last lines are often what is looked for.
            number = numbers[-1]
        else:
            number = (numbers[-1] if numbers else 0) + 1
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._handle = os.open(
            _path(self._folder, number), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        for old in numbers:
            if old < number - 1:
                _path(self._folder, old).unlink(missing_ok=True)


def latest(folder: Path, wanted: Callable[[Line], bool], most: int) -> tuple[list[Line], Cursor]:
    """The last lines that are wanted, oldest first, at most so many; and the place after all that there is."""
    numbers = _numbers(folder)
    cursor = Cursor(numbers[-1], _size(folder, numbers[-1])) if numbers else Cursor(0, 0)
    found: list[Line] = []
    for number in reversed(numbers):
        end = cursor.offset if number == cursor.file else _size(folder, number)
        for raw in _backwards(_path(folder, number), end):
            line = _parsed(raw)
            if line is not None and wanted(line):
                found.append(line)
                if len(found) >= most:
                    return found[::-1], cursor
    return found[::-1], cursor


def since(folder: Path, cursor: Cursor, wanted: Callable[[Line], bool], most: int) -> tuple[list[Line], Cursor]:
    """The wanted lines after the place, oldest first, and where to go on; at most so many lines are looked at.

    A place that is there no more (the file was removed or emptied) goes on with the oldest there is.
    """
    found: list[Line] = []
    for number in _numbers(folder):
        if number < cursor.file:
            continue
        size = _size(folder, number)
        offset = cursor.offset if number == cursor.file and cursor.offset <= size else 0
        cursor = Cursor(number, offset)
        with contextlib.suppress(FileNotFoundError), _path(folder, number).open("rb") as file:
            file.seek(offset)
            for raw in file:
                if not raw.endswith(b"\n") or most <= 0:
                    return found, cursor
                most -= 1
                cursor = Cursor(number, cursor.offset + len(raw))
                line = _parsed(raw)
                if line is not None and wanted(line):
                    found.append(line)
    return found, cursor


def everything(folder: Path, wanted: Callable[[Line], bool]) -> Iterator[Line]:
    """All wanted lines, oldest first, one after the other."""
    for number in _numbers(folder):
        with contextlib.suppress(FileNotFoundError), _path(folder, number).open("rb") as file:
            for raw in file:
                line = _parsed(raw)
                if line is not None and wanted(line):
                    yield line


def empty(folder: Path) -> None:
    """Forget all lines; the writer goes on."""
    for number in _numbers(folder):
        with contextlib.suppress(FileNotFoundError):
            os.truncate(_path(folder, number), 0)


def _numbers(folder: Path) -> list[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name[4:-4]) for name in names if re.fullmatch(r"log-\d{1,15}\.txt", name))


def _path(folder: Path, number: int) -> Path:
    return folder / f"log-{number}.txt"


def _size(folder: Path, number: int) -> int:
    try:
        return _path(folder, number).stat().st_size
    except FileNotFoundError:
        return 0


def _backwards(path: Path, end: int) -> Iterator[bytes]:
    """The lines before the offset, last first, read a block at a time."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        rest = b""
        while end > 0:
            start = max(0, end - _BLOCK)
            file.seek(start)
            first, *whole = (file.read(end - start) + rest).split(b"\n")
            yield from reversed(whole)
            rest, end = first, start
        yield rest


def _parsed(raw: bytes) -> Line | None:
    """None for a line that is none: half written, or not ours."""
    parts = raw.decode("utf-8", "replace").rstrip("\n").split("\t", 3)
    if len(parts) != 4 or parts[1] not in LEVELS:
        return None
    try:
        return Line(datetime.fromisoformat(parts[0]), parts[1], parts[2], parts[3])
    except ValueError:
        return None
