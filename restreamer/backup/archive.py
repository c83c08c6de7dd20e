"""The file of a backup: a zip of tables, files and, written last, a manifest that names each with size and digest.

    manifest.json              what this is, which version wrote it, at which state of the database
    database/<table>.jsonl     rows, see restreamer.backup.rows
    files/<path>               of the data folder: secret_key, playlists/…, guide/…, media/…

Nothing in such a file is believed: a stranger may have made it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any

from restreamer.backup.errors import NotRestorable

FORMAT = "restreamer-backup"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
DATABASE = "database/"
FILES = "files/"
#: What of the data folder goes along; the rest is made anew.
FOLDERS = ("playlists", "guide", "media")
SECRET_KEY = "secret_key"

_TABLE = re.compile(r"database/[a-z][a-z0-9_]{0,62}\.jsonl", re.ASCII)
_MOST_MEMBERS = 100_000
_MANIFEST_BYTES = 32 * 1024 * 1024
#: The largest rows hold pieces of lists that wait for a person.
_LINE_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
#: Rows shrink to a tenth, a playlist to a thirtieth.
_MOST_SHRUNK = 100
_ALWAYS_ALLOWED_BYTES = 256 * 1024 * 1024
#: A disk is not filled to the last byte.
_LEFT_FREE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of the archive but for the manifest."""

    bytes: int
    sha256: str
    #: Of tables.
    rows: int = 0


@dataclass(slots=True)
class Manifest:
    """What the archive says of itself."""

    version: str
    made_at: str
    #: By app, in the order they were applied.
    migrations: dict[str, list[str]]
    #: Where the data folder was: rows may name files in it.
    data_folder: str
    #: Tells whether the same secret key is in use, and not what it is.
    key_print: str
    members: dict[str, Member] = field(default_factory=dict)
    format: str = FORMAT
    format_version: int = FORMAT_VERSION

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(member.rows for member in self.members.values())


def key_print(secret_key: str) -> str:
    """Something that only the same key gives."""
    return hashlib.sha256(b"restreamer backup: " + secret_key.encode()).hexdigest()[:16]


class Writer:
    """Writes an archive member by member; `finish` makes it whole."""

    def __init__(self, file: IO[bytes], manifest: Manifest) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._manifest = manifest

    def add(self, name: str, pieces: Iterable[bytes], *, is_table: bool = False) -> None:
        """One member, piece by piece."""
        digest, size, lines = hashlib.sha256(), 0, 0
        with self._zip.open(name, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
                lines += piece.count(b"\n") if is_table else 0
        # The first line of a table are its columns.
        self._manifest.members[name] = Member(size, digest.hexdigest(), max(0, lines - 1))

    def finish(self) -> None:
        """The manifest, and the end."""
        self._zip.writestr(MANIFEST, json.dumps(asdict(self._manifest), indent=1))
        self.close()

    def close(self) -> None:
        """No more is written; the file stays the caller's."""
        self._zip.close()


class Reader:
    """An archive that was looked through: its names are harmless, its sizes are what it says.

    Raises NotRestorable. Reading a member to its end compares it with its digest.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as err:
            raise NotRestorable(f"{path} cannot be read: {err.strerror or err}.") from err
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as err:
            raise NotRestorable(f"{path} is no backup, or its end is missing: it is no whole zip file.") from err
        try:
            self.manifest = self._manifest()
            self._look_through()
        except BaseException:
            # Whatever ended it: nobody holds a reader that could close it.
            self._zip.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def tables(self) -> list[str]:
        """Names of the tables in it."""
        return [name[len(DATABASE) : -len(".jsonl")] for name in self.manifest.members if name.startswith(DATABASE)]

    def files(self) -> list[str]:
        """Paths of the files in it, below the data folder."""
        return [name[len(FILES) :] for name in self.manifest.members if name.startswith(FILES)]

    def lines(self, table: str) -> Iterator[list[Any]]:
        """The lines of a table. Raises NotRestorable."""
        name = f"{DATABASE}{table}.jsonl"
        digest, size = hashlib.sha256(), 0
        with self._open(name) as file:
            while line := _read_of(name, lambda: file.readline(_LINE_BYTES)):
                if not line.endswith(b"\n"):
                    raise NotRestorable(f"{self.path.name}: a line of {name} is far too long or cut off.")
                digest.update(line)
                size += len(line)
                yield _row(name, line)
        self._compare(name, size, digest.hexdigest())

    def pieces(self, path: str) -> Iterator[bytes]:
        """The content of a file. Raises NotRestorable."""
        name = FILES + path
        digest, size = hashlib.sha256(), 0
        with self._open(name) as file:
            while piece := _read_of(name, lambda: file.read(_PIECE_BYTES)):
                digest.update(piece)
                size += len(piece)
                yield piece
        self._compare(name, size, digest.hexdigest())

    def _open(self, name: str) -> Any:
        try:
            return self._zip.open(name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError, OSError) as err:
            raise NotRestorable(f"{self.path.name} is damaged at {name}.") from err

    def _compare(self, name: str, size: int, sha256: str) -> None:
        wanted = self.manifest.members[name]
        if (size, sha256) != (wanted.bytes, wanted.sha256):
            raise NotRestorable(f"{self.path.name} is damaged: {name} is not what was written.")

    def _manifest(self) -> Manifest:
        try:
            told = self._zip.getinfo(MANIFEST)
            if told.file_size > _MANIFEST_BYTES or told.compress_type not in _METHODS:
                raise ValueError("too large")
            with self._zip.open(told) as file:
                document = json.loads(file.read(_MANIFEST_BYTES))
            if document["format"] != FORMAT:
                raise ValueError("another format")
            version = int(document["format_version"])
        except (KeyError, ValueError, TypeError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as err:
            raise NotRestorable(f"{self.path.name} is no backup of Restreamer.") from err
        except (zlib.error, EOFError, RecursionError) as err:
            raise NotRestorable(f"{self.path.name} is damaged at {MANIFEST}.") from err
        if version > FORMAT_VERSION:
            raise NotRestorable(
                f"{self.path.name} was made by a newer Restreamer ({str(document.get('version'))[:20]}). Update first."
            )
        return _understood(self.path.name, document)

    def _look_through(self) -> None:
        entries = self._zip.infolist()
        if len(entries) > _MOST_MEMBERS:
            raise NotRestorable(f"{self.path.name} holds {len(entries):,} files; no backup does.")
        names = [entry.filename for entry in entries]
        members = self.manifest.members
        if len(set(names)) != len(names) or set(names) != {MANIFEST, *members}:
            raise NotRestorable(f"{self.path.name} holds other files than its manifest says.")
        end = 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            self._must_be_harmless(entry)
            # Several entries over one piece of data are how small files become endless ones.
            if entry.header_offset < end:
                raise NotRestorable(f"{self.path.name} is no honest zip file: its entries overlap.")
            end = entry.header_offset + entry.compress_size
            if entry.filename != MANIFEST and entry.file_size != members[entry.filename].bytes:
                raise NotRestorable(
                    f"{self.path.name} is damaged: {entry.filename!r} has another size than was written."
                )
        total = sum(entry.file_size for entry in entries)
        if total > max(_ALWAYS_ALLOWED_BYTES, _MOST_SHRUNK * self.path.stat().st_size):
            raise NotRestorable(f"{self.path.name} would unpack to {total:,} bytes; no backup of that size does.")

    def _must_be_harmless(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename
        if not (name == MANIFEST or _TABLE.fullmatch(name) or (name.startswith(FILES) and is_kept(name[len(FILES) :]))):
            raise NotRestorable(f"{self.path.name} holds {name[:100]!r}, which has no place in a backup.")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 0x1 or entry.compress_type not in _METHODS:
            raise NotRestorable(f"{self.path.name} holds {name[:100]!r} in a form no backup is written in.")


_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def is_kept(path: str) -> bool:
    """Does a path below the data folder belong into a backup? Tricks do not."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\\" in part or not part.isprintable() for part in parts):
        return False
    if path == SECRET_KEY:
        return True
    # Downloads of guides are fetched anew; drafts belong to somebody who is writing.
    is_download = parts[0] == "guide" and PurePosixPath(path).match("source-*.feed")
    return len(parts) > 1 and parts[0] in FOLDERS and not is_download and not parts[-1].startswith(".")


def must_fit(name: str, bytes_needed: int, folder: Path) -> None:
    """Raises NotRestorable when the disk of the folder has not so much room."""
    free = shutil.disk_usage(folder).free
    if bytes_needed + _LEFT_FREE_BYTES > free:
        raise NotRestorable(f"{name} needs {bytes_needed / 2**20:,.0f} MiB in {folder}; {free / 2**20:,.0f} are free.")


def _read_of(name: str, read: Any) -> bytes:
    try:
        return bytes(read())
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as err:
        raise NotRestorable(f"The backup is damaged at {name}.") from err


def _row(name: str, line: bytes) -> list[Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise NotRestorable(f"The backup is damaged: a line of {name} is no JSON.") from err
    if not isinstance(row, list):
        raise NotRestorable(f"The backup is damaged: a line of {name} is no row.")
    return row


def _understood(name: str, document: dict[str, Any]) -> Manifest:
    try:
        return Manifest(
            version=str(document["version"]),
            made_at=str(document["made_at"]),
            migrations={str(app): [str(one) for one in names] for app, names in document["migrations"].items()},
            data_folder=str(document["data_folder"]),
            key_print=str(document["key_print"]),
            members={
                str(path): Member(int(one["bytes"]), str(one["sha256"]), int(one["rows"]))
                for path, one in document["members"].items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise NotRestorable(f"The manifest of {name} lacks what a backup says of itself.") from err
