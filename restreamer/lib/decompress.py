"""Unpacks gzip, xz, bzip2 and zip while they arrive: told apart by their first bytes, bounded in memory and size."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from restreamer.lib.errors import RestreamerError

DEFAULT_MAX_BYTES = 512 * 1024 * 1024

#: Unpacked bytes asked for at once: what one bomb piece can cost in memory.
_PIECE_BYTES = 256 * 1024
#: An archive in an archive happens (a .gz file sent with Content-Encoding: gzip); a fourth layer is an attack.
_DEEPEST = 3
#: `xz -9` needs 65 MiB; what needs more was not made for a reader like us.
_XZ_MEMORY_BYTES = 128 * 1024 * 1024

_GZIP = b"\x1f\x8b\x08"
_XZ = b"\xfd7zXZ\x00"
_BZIP2 = b"BZh"
_ZIP = b"PK\x03\x04"
_LONGEST_MAGIC = 6

_ZIP_DESCRIPTOR = b"PK\x07\x08"
_ZIP_HEADER = struct.Struct("<4sHHHHHIIIHH")
_ZIP_LOCKED = 0x1
_ZIP_SIZE_FOLLOWS = 0x8
_ZIP_STORED = 0
_ZIP_DEFLATED = 8
#: Stands for a size that is told elsewhere.
_ZIP64 = 0xFFFFFFFF


class UnpackError(RestreamerError):
    """The bytes cannot be unpacked; the message says why."""

    status = 502


class TooLarge(UnpackError):
    """More bytes than allowed, packed or unpacked."""

    permanent = True


class ArchiveDamaged(UnpackError):
    """The archive is broken, locked, or of a kind we do not read."""


class ArchiveCut(ArchiveDamaged):
    """The archive ends before its end."""


class _Engine(Protocol):
    """What the lzma and bz2 objects of the standard library have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Deflate:
    """zlib in the shape of its two siblings."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not (self._full or self._inner.unconsumed_tail)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        # A full answer may have more behind it although all input is consumed.
        self._full = len(out) == max_length
        return out


def unpacked(pieces: Iterable[bytes], *, max_bytes: int = DEFAULT_MAX_BYTES) -> Iterator[bytes]:
    """The pieces as they are, or what is packed in them; of a zip its first file.

    Raises TooLarge beyond `max_bytes` of output, ArchiveCut when the input ends early, ArchiveDamaged.
    """
    stream = iter(pieces)
    for _ in range(_DEEPEST):
        head, stream = _peeked(stream)
        opener = _opener(head)
        if opener is None:
            return _capped(stream, max_bytes)
        stream = _capped(opener(stream), max_bytes)
    head, stream = _peeked(stream)
    if _opener(head) is not None:
        raise ArchiveDamaged("The file is an archive in an archive in an archive; pack it once.")
    return stream


def _opener(head: bytes) -> Callable[[Iterator[bytes]], Iterator[bytes]] | None:
    if head.startswith(_GZIP):
        return lambda stream: _members(stream, lambda: _Deflate(31), _GZIP)
    if head.startswith(_XZ):
        return lambda stream: _members(stream, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY_BYTES), _XZ)
    if head.startswith(_BZIP2):
        return lambda stream: _members(stream, bz2.BZ2Decompressor, _BZIP2)
    if head.startswith(_ZIP):
        return _first_zip_member
    return None


def _peeked(stream: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and the stream with them still in it."""
    head = b""
    for piece in stream:
        head += piece
        if len(head) >= _LONGEST_MAGIC:
            break
    return head, _chained(head, stream)


def _chained(head: bytes, stream: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from stream


def _capped(stream: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    total = 0
    for piece in stream:
        total += len(piece)
        if total > max_bytes:
            raise TooLarge(f"The file is larger than {max_bytes // (1024 * 1024)} MB when unpacked.")
        yield piece


def _members(stream: Iterator[bytes], fresh: Callable[[], _Engine], magic: bytes) -> Iterator[bytes]:
    """The content of all members, one after the other (`cat a.gz b.gz` is one valid file)."""
    engine = fresh()
    data = b""
    for piece in stream:
        data += piece
        while data:
            if engine.eof:
                if len(data) < len(magic):
                    break
                if not data.startswith(magic):
                    return  # padding, or a signature somebody appended
                engine = fresh()
            yield from _drained(engine, data)
            data = engine.unused_data
    if not engine.eof:
        raise ArchiveCut("The packed file ends too early: the download was cut off.")


def _drained(engine: _Engine, data: bytes) -> Iterator[bytes]:
    """All that the engine makes of the data, a bounded piece at a time."""
    while True:
        try:
            out = engine.decompress(data, _PIECE_BYTES)
        except (zlib.error, lzma.LZMAError, OSError, ValueError) as err:
            raise ArchiveDamaged(f"The packed file is damaged ({err}).") from err
        if out:
            yield out
        if engine.eof or engine.needs_input:
            return
        data = b""


class _Exact:
    """Reads counted bytes off a stream of pieces."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream = stream
        self._held = b""

    def read(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises ArchiveCut."""
        while len(self._held) < count:
            self._held += self._piece()
        out, self._held = self._held[:count], self._held[count:]
        return out

    def pass_on(self, count: int) -> Iterator[bytes]:
        """`count` bytes in pieces as they come. Raises ArchiveCut."""
        while count:
            piece = self._held or self._piece()
            self._held = piece[count:]
            yield piece[:count]
            count -= min(count, len(piece))

    def some(self) -> bytes:
        """What is at hand, at least one byte. Raises ArchiveCut."""
        piece, self._held = self._held or self._piece(), b""
        return piece

    def put_back(self, data: bytes) -> None:
        """Gives bytes back that belong to what follows."""
        self._held = data + self._held

    def _piece(self) -> bytes:
        for piece in self._stream:
            if piece:
                return piece
        raise ArchiveCut("The zip file ends too early: the download was cut off.")


def _first_zip_member(stream: Iterator[bytes]) -> Iterator[bytes]:
    """The first file of a zip, folders passed over. Source: PKWARE APPNOTE 6.3.10, section 4.3."""
    zipped = _Exact(stream)
    while True:
        signature, _, flags, method, _, _, crc, packed_bytes, _, name_bytes, extra_bytes = _ZIP_HEADER.unpack(
            zipped.read(_ZIP_HEADER.size)
        )
        if signature != _ZIP:
            raise ArchiveDamaged("The zip file holds no file.")
        name = zipped.read(name_bytes)
        zipped.read(extra_bytes)
        if not name.endswith(b"/"):
            break
        for _ in zipped.pass_on(packed_bytes):
            pass
    if flags & _ZIP_LOCKED:
        raise ArchiveDamaged("The zip file is locked with a password.")
    if method == _ZIP_DEFLATED:
        yield from _deflated(zipped, None if flags & _ZIP_SIZE_FOLLOWS else crc)
    elif method == _ZIP_STORED and not flags & _ZIP_SIZE_FOLLOWS and packed_bytes != _ZIP64:
        yield from zipped.pass_on(packed_bytes)
    else:
        raise ArchiveDamaged("The zip file is packed in a way that cannot be read as a stream; use gzip instead.")


def _deflated(zipped: _Exact, crc: int | None) -> Iterator[bytes]:
    """The member's content; its checksum stands in the header (`crc`) or, for None, behind the data."""
    engine = _Deflate(-15)
    found = 0
    while not engine.eof:
        for out in _drained(engine, zipped.some()):
            found = zlib.crc32(out, found)
            yield out
    zipped.put_back(engine.unused_data)
    if crc is None:
        # The descriptor's own signature is optional.
        first = zipped.read(4)
        (crc,) = struct.unpack("<I", zipped.read(4) if first == _ZIP_DESCRIPTOR else first)
    if crc != found:
        raise ArchiveDamaged("The zip file is damaged (its checksum differs).")
