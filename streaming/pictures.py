"""Logos and posters fetched once and kept as files: whose picture is wanted a viewer says, never from which address.

A picture that cannot be had is remembered for an hour; one that is old is asked for anew and stays when that fails.
Whoever wants the same picture meanwhile waits for the one fetch, and few fetches run at once, so that a provider's slow
pictures never take the threads that answer everything else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from channels.logos import blob_of
from restreamer.lib.fence import Fence
from restreamer.lib.http import MIB, Bounds, HttpDoor, HttpError
from restreamer.lib.pictures import HEAD_BYTES, is_uploaded, is_web_address, media_type
from streaming.errors import PictureBusy, PictureMissing

BOUNDS = Bounds(connect_s=4, silence_s=6, total_s=10, max_bytes=5 * MIB, redirects=3)
#: Picture hosts turn unknown agents away.
_HEADERS = {"Accept": "image/webp,image/png,image/jpeg,image/gif", "User-Agent": "Mozilla/5.0 (Restreamer)"}
#: A picture that is older is asked for again; one that was not to be had is left alone for so long.
FRESH_S, MISSING_S = 7 * 24 * 3600.0, 3600.0
#: Fetches at once, in one process; and how long others wait for their turn.
AT_ONCE, PATIENCE_S = 6, 5.0
_TIDY_EVERY_S = 120.0
_NONE = ".none"

_turns = threading.BoundedSemaphore(AT_ONCE)
_fetching: dict[str, threading.Lock] = {}
_fetching_lock = threading.Lock()
_tidied_at = 0.0


@dataclass(frozen=True, slots=True)
class Way:
    """How a provider's pictures are reached."""

    fence: Fence | None
    proxy_url: str = ""
    verify_tls: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A kept picture. `tag` changes with its content."""

    path: Path
    media_type: str
    tag: str


def picture(address: str, way: Way) -> Picture:
    """The picture of this address, kept or fetched now.

    Raises PictureMissing, PictureBusy.
    """
    if not is_uploaded(address) and not is_web_address(address):
        raise PictureMissing("There is no picture, or none on the web.")
    name = hashlib.blake2b(address.encode("utf-8", "replace"), digest_size=16).hexdigest()
    path = _folder() / name
    if (known := _known(path)) is not None:
        return known
    with _alone(name):
        # Somebody else may have fetched it while we waited.
        return _known(path) or _renewed(address, way, path)


def _known(path: Path) -> Picture | None:
    """The picture, while it is fresh. Raises PictureMissing when lately there was none."""
    kept = _kept(path)
    if kept is not None:
        return kept if _age(path) < FRESH_S else None
    if _age(path.with_name(path.name + _NONE)) < MISSING_S:
        raise PictureMissing("The picture could not be had a while ago.")
    return None


def _renewed(address: str, way: Way, path: Path) -> Picture:
    kept = _kept(path)
    if not _turns.acquire(timeout=PATIENCE_S):
        if kept is not None:
            return kept
        raise PictureBusy("Too many pictures are being fetched.")
    try:
        body = _fetched(address, way)
    except HttpError as err:
        if kept is not None:
            os.utime(path)
            return kept
        path.with_name(path.name + _NONE).touch()
        raise PictureMissing(f"No picture: {err.message}") from err
    finally:
        _turns.release()
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    fresh.write_bytes(body)
    fresh.rename(path)
    path.with_name(path.name + _NONE).unlink(missing_ok=True)
    _tidy(path.parent)
    found = _kept(path)
    if found is None:
        raise PictureMissing("The picture was tidied away at once.")
    return found


def _fetched(address: str, way: Way) -> bytes:
    """Raises HttpError, also for what is no picture. An uploaded one is in the database."""
    if is_uploaded(address):
        uploaded = blob_of(address)
        if uploaded is None:
            raise HttpError("the uploaded picture was removed.")
        return uploaded
    with HttpDoor(proxy_url=way.proxy_url, verify_tls=way.verify_tls, fence=way.fence) as door:
        answer = door.get(address, headers=_HEADERS, bounds=BOUNDS)
    if answer.status != 200 or not media_type(answer.body[:HEAD_BYTES]):
        raise HttpError(f"what came (status {answer.status}, {len(answer.body)} bytes) is no PNG, JPEG, GIF or WebP.")
    return answer.body


def _kept(path: Path) -> Picture | None:
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            told = media_type(file.read(HEAD_BYTES))
    except FileNotFoundError:
        return None
    # Read lately: it stays. The time it was fetched at stays as well.
    with contextlib.suppress(FileNotFoundError):
        os.utime(path, ns=(time.time_ns(), facts.st_mtime_ns))
    return Picture(path, told, f"{path.name[:16]}-{facts.st_mtime_ns:x}") if told else None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    with _fetching_lock:
        lock = _fetching.setdefault(name, threading.Lock())
    try:
        with lock:
            yield
    finally:
        with _fetching_lock:
            _fetching.pop(name, None)


def _folder() -> Path:
    folder = Path(settings.RESTREAMER_DATA) / "cache" / "pictures"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _tidy(folder: Path) -> None:
    """Away with the longest unread when all of them are too much; a tenth more than needed, for a while's peace."""
    global _tidied_at
    if time.time() - _tidied_at < _TIDY_EVERY_S:
        return
    _tidied_at = time.time()
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            facts = path.stat()
            if path.suffix and time.time() - facts.st_mtime > MISSING_S:
                # A fetch that was broken off, or a failure that is forgotten.
                path.unlink()
                continue
            found.append((facts, path))
    total = sum(facts.st_size for facts, _ in found)
    if total <= settings.PICTURE_CACHE_BYTES:
        return
    for facts, path in sorted(found, key=lambda one: one[0].st_atime):
        path.unlink(missing_ok=True)
        total -= facts.st_size
        if total <= settings.PICTURE_CACHE_BYTES * 0.9:
            return
