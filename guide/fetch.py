"""Gets the bytes of an XMLTV source: from the web, from an upload, from a file of this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from guide import keeping
from guide.errors import GuideRefused, GuideTooLarge, GuideUnreachable, NotAGuide
from guide.models import EpgSource, SourceKind
from guide.page import what_it_is
from guide.reader import MAX_BYTES
from portals.providers import reach
from restreamer.lib import http
from restreamer.lib.decompress import ArchiveCut, ArchiveDamaged, TooLarge, unpacked
from restreamer.lib.fence import around, networks_of
from restreamer.lib.http import MIB, Bounds, HttpDoor, OpenAnswer

#: Packed or not, as it travels.
MAX_DOWNLOAD_BYTES = 768 * MIB
#: Panels write a large guide while we wait for its first byte.
_BOUNDS = Bounds(connect_s=10, silence_s=120, total_s=3600, max_bytes=MAX_DOWNLOAD_BYTES)
_PIECE_BYTES = 256 * 1024
_AGENT = "Restreamer"

_REASONS = {
    "dns": "There is no host named {host}. Check the address for typing errors.",
    "refused": "{host} refuses the connection. Check the port in the address; if it is right, try again later.",
    "tls": "The TLS certificate of {host} is not valid. If you know why, switch off “verify tls” for this source.",
    "proxy": "The proxy of this source does not connect to {host}. Check the proxy address, or empty it.",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of a guide on disk, and what to ask with next time."""

    path: Path
    sha256: str
    etag: str = ""
    last_modified: str = ""
    #: By the server's word: the file on disk is the one from before.
    not_modified: bool = False


def fetch(source: EpgSource, address: str = "", *, door: HttpDoor | None = None) -> Fetched:
    """The source's guide as a file. `address` overrides the source's own.

    Raises GuideUnreachable, GuideTooLarge, GuideRefused, NotAGuide.
    """
    if source.kind == SourceKind.UPLOAD:
        if not source.upload:
            raise GuideUnreachable("Nothing was uploaded to this source yet.")
        return _on_disk(Path(source.upload.path))
    if source.kind == SourceKind.FILE:
        return _on_disk(_allowed(Path(source.address)))
    address = address or source.address
    own_door = door or _door_of(source)
    try:
        with own_door.open(address, headers=_headers(source), bounds=_BOUNDS) as answer:
            return _taken(source, answer)
    except http.HttpError as err:
        raise _worded(err, address) from err
    finally:
        if door is None:
            own_door.close()


def pieces_of(path: Path) -> Iterator[bytes]:
    """The guide in a file, unpacked. An archive that is cut off simply ends; the reader sees that the guide does too.

    Raises GuideUnreachable, GuideTooLarge, NotAGuide.
    """
    try:
        with path.open("rb") as file:
            yield from unpacked(iter(lambda: file.read(_PIECE_BYTES), b""), max_bytes=MAX_BYTES)
    except ArchiveCut:
        return
    except TooLarge as err:
        raise GuideTooLarge(err.message) from err
    except ArchiveDamaged as err:
        raise NotAGuide(err.message) from err
    except OSError as err:
        raise GuideUnreachable(f"The file {path} cannot be read: {err.strerror}.") from err


def allowed_folders() -> list[Path]:
    """Folders guides may be read from by path: the data folder's own, and those the owner named in the settings."""
    return [settings.RESTREAMER_DATA / "guide", *(Path(folder) for folder in settings.PLAYLIST_FOLDERS)]


def _door_of(source: EpgSource) -> HttpDoor:
    if source.portal is not None:
        return reach.door_of(source.portal)
    fence = around(source.address, networks_of(settings.PROVIDER_NETWORKS))
    return HttpDoor(proxy_url=source.proxy_url, verify_tls=source.verify_tls, fence=fence)


def _headers(source: EpgSource) -> dict[str, str]:
    headers = reach.headers_of(source.portal) if source.portal is not None else {"User-Agent": _AGENT, "Accept": "*/*"}
    if source.user_agent:
        headers["User-Agent"] = source.user_agent
    # Only while we still have what they speak of.
    if source.content_sha256 and keeping.kept_path(source.pk).exists():
        if source.etag:
            headers["If-None-Match"] = source.etag
        if source.last_modified:
            headers["If-Modified-Since"] = source.last_modified
    return headers


def _taken(source: EpgSource, answer: OpenAnswer) -> Fetched:
    if answer.status == 304:
        path = keeping.kept_path(source.pk)
        return Fetched(path, source.content_sha256, source.etag, source.last_modified, not_modified=True)
    if answer.status != 200:
        raise _refused(answer)
    digest = hashlib.sha256()
    path = keeping.keep(source.pk, _counted(answer, digest))
    return Fetched(
        path, digest.hexdigest(), answer.headers.get("ETag", "")[:300], answer.headers.get("Last-Modified", "")[:100]
    )


def _counted(answer: OpenAnswer, digest: hashlib._Hash) -> Iterator[bytes]:
    """The body. One that breaks off is kept as far as it came: the reader sees that the guide has no end."""
    pieces = answer.chunks()
    begun = False
    while True:
        try:
            piece = next(pieces, b"")
        except (http.BrokenAnswer, http.TimedOut):
            if not begun:
                raise
            return
        if not piece:
            return
        begun = True
        digest.update(piece)
        yield piece


def _refused(answer: OpenAnswer) -> GuideUnreachable:
    head = b""
    try:
        for piece in answer.chunks():
            head += piece
            if len(head) > 16 * 1024:
                break
    except http.HttpError:
        head = b""
    said = f" {what_it_is(head.decode('utf-8', 'replace'))}" if head.strip() else ""
    host = _host(answer.url)
    if answer.status in (401, 403):
        return GuideUnreachable(f"{host} refuses us the guide (status {answer.status}).{said}")
    if answer.status in (404, 410):
        return GuideUnreachable(f"{host} has no guide at this address (status {answer.status}).{said}")
    return GuideUnreachable(f"{host} answered with status {answer.status} in place of a guide.{said}")


def _worded(err: http.HttpError, address: str) -> GuideUnreachable | GuideTooLarge:
    host = _host(address)
    if isinstance(err, http.TooLarge):
        return GuideTooLarge(f"{host} sends more than {MAX_DOWNLOAD_BYTES // MIB} MB; reading was stopped.")
    if isinstance(err, http.Unreachable):
        sentence = _REASONS.get(err.reason, "{host} cannot be reached from here. Check address and port.")
        return GuideUnreachable(sentence.format(host=host))
    if isinstance(err, http.TimedOut):
        return GuideUnreachable(f"{host} did not send the guide in time. Try again later.")
    return GuideUnreachable(err.message)


def _host(address: str) -> str:
    return urlsplit(address).netloc.rpartition("@")[2] or "The address"


def _on_disk(path: Path) -> Fetched:
    """A file is read where it lies."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
    except OSError as err:
        raise GuideUnreachable(f"The file {path} cannot be read: {err.strerror}.") from err
    return Fetched(path, digest.hexdigest())


def _allowed(path: Path) -> Path:
    """The file itself, links followed."""
    resolved = path.resolve()
    if not any(resolved.is_relative_to(folder.resolve()) for folder in allowed_folders()):
        names = ", ".join(str(folder) for folder in allowed_folders())
        raise GuideRefused(
            f"The file {path} lies where guides may not be read from. Move it to one of {names}, or name its folder "
            "in RESTREAMER_PLAYLIST_FOLDERS."
        )
    if not resolved.is_file():
        raise GuideUnreachable(f"There is no file {path}.")
    return resolved
