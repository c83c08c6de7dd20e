"""Long answers made once: kept as files under the version of what they are made from, told by strong ETags.

A list of a hundred thousand channels takes a second to make and nothing to send again. What it depends on is named by
the caller (parts of the catalogue, who asks, what was asked); equal names are an equal answer, so a player that
already has it gets 304, another the file. Made whole before the first byte is sent, no slow reader holds the database;
`eager` answers, whose first byte must come soon, are written while they are sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from restreamer.lib import versions

#: All files together; the ones longest unread go first.
CACHE_BYTES = 512 * 1024 * 1024
#: What nobody read for a day is of a version that is gone.
CACHE_AGE_S = 24 * 3600.0
_TIDY_EVERY_S = 60.0
#: More than this is sent as one piece of a response.
_PIECE_BYTES = 256 * 1024
#: The least work that still shrinks lists to a tenth.
_GZIP_LEVEL = 3

_tidied_at = 0.0
_making: dict[str, threading.Lock] = {}
_making_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Rendering:
    """One answer: what it is made from, and how."""

    #: Parts of the catalogue (restreamer.lib.versions).
    parts: Sequence[str]
    #: Whatever else decides over its content: the viewer's id, the address, the form.
    names: Sequence[object]
    produce: Callable[[], Iterable[str | bytes]]
    headers: dict[str, str]
    #: The first byte must not wait for the last.
    eager: bool = False
    #: May be sent gzipped to who takes that.
    packable: bool = True


def answer(request: HttpRequest, rendering: Rendering) -> HttpResponseBase:
    """304, the kept file, or a new one. Raises RedisUnavailable."""
    zipped = rendering.packable and "gzip" in request.headers.get("Accept-Encoding", "")
    tag = _tag(rendering, zipped)
    response = _response(request, rendering, tag, zipped)
    response.headers["ETag"] = f'"{tag}"'
    response.headers.setdefault("Cache-Control", "private, no-cache")
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _response(request: HttpRequest, rendering: Rendering, tag: str, zipped: bool) -> HttpResponseBase:
    if _known(request, tag):
        return HttpResponse(status=304)
    headers = {**rendering.headers, **({"Content-Encoding": "gzip"} if zipped else {})}
    folder = _folder()
    path = folder / tag
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    kept = _open(path)
    if kept is None and rendering.eager:
        return StreamingHttpResponse(_pieces(_tee(rendering.produce(), path, zipped)), headers=headers)
    if kept is None:
        kept = _make(rendering, path, zipped)
    response = FileResponse(kept)
    # It guesses type and name from the file's name, which says nothing.
    del response.headers["Content-Disposition"]
    for name, value in headers.items():
        response.headers[name] = value
    response.headers["Content-Length"] = str(os.fstat(kept.fileno()).st_size)
    return response


def _known(request: HttpRequest, tag: str) -> bool:
    asked = request.headers.get("If-None-Match", "")
    return asked.strip() == "*" or any(one.strip().removeprefix("W/") == f'"{tag}"' for one in asked.split(","))


def _tag(rendering: Rendering, zipped: bool) -> str:
    said = "\0".join([settings.VERSION, versions.current(rendering.parts), *(str(name) for name in rendering.names)])
    digest = hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return digest + ("-gz" if zipped else "")


def _make(rendering: Rendering, path: Path, zipped: bool) -> BufferedReader:
    """The finished file, open. Whoever asks for the same meanwhile waits for it instead of making it too."""
    with _making_lock:
        lock = _making.setdefault(path.name, threading.Lock())
    try:
        with lock:
            kept = _open(path)
            if kept is None:
                for _ in _tee(rendering.produce(), path, zipped):
                    pass
                kept = path.open("rb")
            return kept
    finally:
        with _making_lock:
            _making.pop(path.name, None)


def _tee(texts: Iterable[str | bytes], path: Path, zipped: bool) -> Iterator[bytes]:
    """The bytes as they are made, kept under their name when all of them were."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with fresh.open("wb") as file:
            for piece in _zipped(texts) if zipped else _encoded(texts):
                file.write(piece)
                yield piece
        fresh.rename(path)
    finally:
        # Somebody who leaves in the middle leaves half a file.
        fresh.unlink(missing_ok=True)
    _tidy(path.parent)


def _encoded(texts: Iterable[str | bytes]) -> Iterator[bytes]:
    for text in texts:
        yield text.encode("utf-8", "replace") if isinstance(text, str) else text


def _zipped(texts: Iterable[str | bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
    first = True
    for piece in _encoded(texts):
        packed = packer.compress(piece)
        if first:
            # Readers with short patience see at once that something comes.
            packed += packer.flush(zlib.Z_SYNC_FLUSH)
            first = False
        if packed:
            yield packed
    yield packer.flush()


def _pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The first piece at once, then larger ones: each costs a turn through the server."""
    with contextlib.closing(pieces) as source:  # type: ignore[type-var]
        waiting: list[bytes] = []
        size = 0
        limit = 0
        for piece in source:
            waiting.append(piece)
            size += len(piece)
            if size >= limit:
                yield b"".join(waiting)
                waiting, size, limit = [], 0, _PIECE_BYTES
        yield b"".join(waiting)


def _folder() -> Path:
    folder = Path(settings.RESTREAMER_DATA) / "cache" / "answers"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _open(path: Path) -> BufferedReader | None:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    # What was read lately stays.
    os.utime(path)
    return file


def _tidy(folder: Path) -> None:
    """Away with what is old, and with the longest unread when all of it is too much."""
    global _tidied_at
    now = time.time()
    if now - _tidied_at < _TIDY_EVERY_S:
        return
    _tidied_at = now
    found = [(path.stat(), path) for path in folder.iterdir() if path.is_file()]
    total = 0
    for facts, path in sorted(found, key=lambda one: one[0].st_mtime, reverse=True):
        total += facts.st_size
        if total > CACHE_BYTES or now - facts.st_mtime > CACHE_AGE_S:
            path.unlink(missing_ok=True)
