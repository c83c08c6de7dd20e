"""Where a playlist comes from: fetched once, held on disk, read as often as needed."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from django.conf import settings

from portals import errors
from portals.models import Portal
from portals.providers import reach
from portals.providers.m3u.kept import KeptList, Reader
from portals.providers.m3u.sentences import Say, quoting
from restreamer.lib import http
from restreamer.lib.decompress import UnpackError
from restreamer.lib.http import MIB, Bounds, HttpDoor, OpenAnswer
from restreamer.lib.m3u import NotAPlaylist, PlaylistReader

MAX_LIST_BYTES = 512 * MIB

#: Who reads the same list besides.
_OTHER: dict[Reader, Reader] = {"live": "vod", "vod": "live"}

#: Panels make a large list while we wait for its first byte.
_WHOLE = Bounds(connect_s=10, silence_s=120, total_s=1800, max_bytes=MAX_LIST_BYTES)
_GLANCE = Bounds(connect_s=6, silence_s=30, total_s=60, max_bytes=MAX_LIST_BYTES)
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """One download and what to send along next time, so that an unchanged list costs nothing."""

    etag: str
    last_modified: str
    #: Of the bytes as they came, packed or not; "" when the provider said "not modified".
    sha256: str
    #: By the provider's word or because the bytes are the same; then there is nothing to read.
    not_modified: bool
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Opened:
    """A list whose bytes are still to come; none when it is not modified."""

    pieces: Iterator[bytes]
    url: str
    etag: str = ""
    last_modified: str = ""
    not_modified: bool = False
    #: The transport itself tells a whole list from one that was cut off.
    framed: bool = True
    #: 0 when nobody says.
    size_bytes: int = 0


class ListSource:
    """The list of one portal. Holds at most one download; `close` gives it up."""

    def __init__(self, portal: Portal, *, door: HttpDoor | None = None, clock: Callable[[], float] = time.time) -> None:
        self._portal = portal
        self._door = door or reach.door_of(portal)
        self._clock = clock
        self._held: IO[bytes] | None = None
        #: What relative addresses in the list are relative to.
        self.base_url = ""
        #: False when a list that was cut off on its way would look like a whole one.
        self.framed = True

    def fetch(
        self,
        *,
        etag: str = "",
        last_modified: str = "",
        sha256: str = "",
        reader: Reader | None = None,
        progress: Callable[[int, int], None] = lambda done_kib, total_kib: None,
    ) -> Fetched:
        """Download the list, unless it is what these values of the last download say.

        With `reader`, what another kind of refresh has just fetched is taken, and what is fetched is kept for it.
        Raises CatalogueIncomplete when it ends early, other PortalError when there is none.
        """
        self.close()
        if reader is None or local_path(self._portal.address) or not self._portal.with_vod:
            return self._downloaded(etag, last_modified, sha256, None, progress)
        kept = KeptList(self._portal, self._clock)
        with kept.turn(lambda: progress(0, 0)):
            found = kept.take(reader)
            if found is None:
                return self._downloaded(etag, last_modified, sha256, (kept, _OTHER[reader]), progress)
        self._held, facts = found
        self.base_url, self.framed = facts["url"], facts["framed"]
        return Fetched(facts["etag"], facts["last_modified"], facts["sha256"], facts["sha256"] == sha256)

    def _downloaded(
        self,
        etag: str,
        last_modified: str,
        sha256: str,
        keep: tuple[KeptList, Reader] | None,
        progress: Callable[[int, int], None],
    ) -> Fetched:
        with self._opened(_WHOLE, etag, last_modified) as opened:
            if opened.not_modified:
                return Fetched(opened.etag or etag, opened.last_modified or last_modified, sha256, not_modified=True)
            # Read again and again until `close`; one that may be kept has a name until then.
            held: IO[bytes] = (
                tempfile.NamedTemporaryFile(dir=keep[0].place(), delete=False) if keep else tempfile.TemporaryFile()  # noqa: SIM115
            )
            try:
                digest = hashlib.sha256()
                for piece in opened.pieces:
                    held.write(piece)
                    digest.update(piece)
                    progress(held.tell() // 1024, opened.size_bytes // 1024)
                held.flush()
            except BaseException:  # wide on purpose: whatever ends a download, a person too, leaves no file behind
                _removed(held, keep)
                raise
        # Only a download that came whole is ever read.
        self._held, self.base_url, self.framed = held, opened.url, opened.framed
        found = digest.hexdigest()
        told = Fetched(opened.etag, opened.last_modified, found, not_modified=found == sha256, size_bytes=held.tell())
        if keep is not None:
            facts = {"etag": told.etag, "last_modified": told.last_modified, "sha256": found}
            keep[0].keep(keep[1], held, {**facts, "url": opened.url, "framed": opened.framed})
        return told

    def reader(self) -> PlaylistReader:
        """A fresh reader over the held download; downloads when there is none. One at a time."""
        if self._held is None:
            self.fetch()
        held = self._held
        if held is None:  # "not modified" although nobody asked whether it was
            raise errors.AnswerUnreadable(Say.EMPTY.of())
        held.seek(0)
        return PlaylistReader(pieces_of(held), base_url=self.base_url, max_bytes=MAX_LIST_BYTES)

    @contextlib.contextmanager
    def glance(self) -> Iterator[PlaylistReader]:
        """A reader over the list as it arrives, for a look at its beginning; nothing is held."""
        with self._opened(_GLANCE, "", "") as opened:
            yield PlaylistReader(opened.pieces, base_url=opened.url, max_bytes=MAX_LIST_BYTES)

    def close(self) -> None:
        """Give the held download up. Safe to call twice."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextlib.contextmanager
    def _opened(self, bounds: Bounds, etag: str, last_modified: str) -> Iterator[_Opened]:
        path = local_path(self._portal.address)
        opened = _file(path, etag) if path else self._web(bounds, etag, last_modified)
        with opened as it:
            yield it

    @contextlib.contextmanager
    def _web(self, bounds: Bounds, etag: str, last_modified: str) -> Iterator[_Opened]:
        url = self._portal.address
        headers = reach.headers_of(self._portal)
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        try:
            answer = self._door.open(url, headers=headers, bounds=bounds)
        except http.HttpError as err:
            raise reach.worded(err, url) from err
        with answer:
            if answer.status == 304:
                yield _Opened(iter(()), answer.url, etag, last_modified, not_modified=True)
                return
            if answer.status != 200:
                raise self._refused(answer)
            given = answer.headers
            framed = "Content-Length" in given or "Transfer-Encoding" in given
            etag, last_modified = given.get("ETag", ""), given.get("Last-Modified", "")
            size = given.get("Content-Length", "")
            size_bytes = int(size) if size.isdigit() else 0
            yield _Opened(_body(answer), answer.url, etag, last_modified, framed=framed, size_bytes=size_bytes)

    def _refused(self, answer: OpenAnswer) -> errors.PortalError:
        words = _own_words(answer)
        if answer.status in (401, 403):
            say = Say.REFUSED.of(host=reach.host_of(answer.url), status=answer.status)
            return errors.SubscriptionUnknown(quoting(say, words))
        if answer.status in (404, 410):
            return errors.NotAPortal(quoting(Say.NOT_FOUND.of(status=answer.status), words))
        retry_after = answer.headers.get("Retry-After", "")
        return reach.refused_status(answer.status, answer.url, retry_after, now=self._clock())


def _removed(held: IO[bytes], keep: object) -> None:
    held.close()
    if keep is not None:
        Path(held.name).unlink(missing_ok=True)


def local_path(address: str) -> Path | None:
    """The file an address means (`file:///…` or an absolute path); None for an address on the web."""
    if address.startswith("/"):
        return Path(address)
    parts = urlsplit(address)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def allowed_folders() -> list[Path]:
    """Folders playlists may be read from: the data folder's own, and those the owner named in the settings."""
    return [settings.RESTREAMER_DATA / "playlists", *(Path(folder) for folder in settings.PLAYLIST_FOLDERS)]


def is_allowed(path: Path) -> bool:
    """May this file be read where it lies? Links are followed."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder.resolve()) for folder in allowed_folders())


@contextlib.contextmanager
def _file(path: Path, etag: str) -> Iterator[_Opened]:
    resolved = _allowed(path)
    try:
        file = resolved.open("rb")
    except OSError as err:
        raise errors.NotAPortal(Say.FILE_UNREADABLE.of(path=path, why=err.strerror)) from err
    with file:
        state = Path(resolved).stat()
        mark = f"{state.st_mtime_ns:x}-{state.st_size:x}"
        if mark == etag:
            yield _Opened(iter(()), "", mark, not_modified=True)
            return
        yield _Opened(pieces_of(file), "", mark)


def _allowed(path: Path) -> Path:
    """The file itself, links followed. Raises NotAPortal when it is not where playlists may be."""
    try:
        resolved = path.resolve()
        inside = is_allowed(path)
        missing = inside and not resolved.is_file()
    except (OSError, RuntimeError, ValueError) as err:  # too long, a ring of links, a NUL in it
        raise errors.NotAPortal(Say.NO_FILE.of(path=path)) from err
    if not inside:
        names = ", ".join(str(folder) for folder in allowed_folders())
        raise errors.NotAPortal(Say.FILE_NOT_ALLOWED.of(path=path, folders=names))
    if missing:
        raise errors.NotAPortal(Say.NO_FILE.of(path=path))
    return resolved


def _body(answer: OpenAnswer) -> Iterator[bytes]:
    """The body; whatever ends it early is an incomplete list, never a shorter one."""
    pieces = answer.chunks()
    while True:
        try:
            piece = next(pieces, b"")
        except http.TooLarge as err:
            raise errors.CatalogueIncomplete(Say.TOO_LARGE.of(limit=MAX_LIST_BYTES // MIB)) from err
        except http.HttpError as err:
            raise errors.CatalogueIncomplete(Say.CUT.of()) from err
        if not piece:
            return
        yield piece


def _own_words(answer: OpenAnswer) -> str:
    """What a refusing page says in its title or first line."""
    try:
        list(PlaylistReader(_first(answer.chunks())))
    except NotAPlaylist as err:
        return err.quote
    except (http.HttpError, UnpackError):
        return ""
    return ""


def _first(pieces: Iterator[bytes], enough: int = 16 * 1024) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        enough -= len(piece)
        if enough < 0:
            return


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """The rest of a file, as a download would bring it."""
    while piece := file.read(_PIECE_BYTES):
        yield piece
