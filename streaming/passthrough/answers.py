"""What a player is told about a file, and what is made of a provider's answer. Pure."""

from __future__ import annotations

import hashlib

from streaming.faults import Fault, UpstreamError
from streaming.passthrough import ranges
from streaming.passthrough.ranges import ByteRange, OutOfRange
from streaming.passthrough.seams import FileAnswer, FileFacts
from streaming.relay import heads

_TYPES = {
    "mp4": "video/mp4", "m4v": "video/mp4", "mov": "video/quicktime", "mkv": "video/x-matroska", "webm": "video/webm",
    "avi": "video/x-msvideo", "ts": "video/mp2t", "m2ts": "video/mp2t", "flv": "video/x-flv", "wmv": "video/x-ms-wmv",
    "mpg": "video/mpeg", "mpeg": "video/mpeg", "mp3": "audio/mpeg", "aac": "audio/aac", "m4a": "audio/mp4",
}  # fmt: skip
_LONGEST_HEADER = 200


def content_type_of(container: str, said: str = "") -> str:
    """What players are told: the provider's word when it names a picture or a sound, else by the file's form."""
    said = said.partition(";")[0].strip().lower()
    if said.startswith(("video/", "audio/")) and said.isascii() and len(said) < _LONGEST_HEADER:
        return said
    return _TYPES.get(container.lower(), "application/octet-stream")


def facts_of(answer: FileAnswer, container: str) -> tuple[FileFacts, int]:
    """What the answer tells of its file, and the place of the body's first byte in it.

    Raises UpstreamError when a 206 contradicts itself.
    """
    first, length = 0, answer.body_bytes
    if answer.status == 206:
        said = ranges.sent(answer.headers.get("Content-Range", ""))
        if said is None:
            raise UpstreamError(Fault.RESET, "The provider sent a piece of the file and did not say which.")
        if answer.body_bytes is not None and answer.body_bytes != said.last - said.first + 1:
            raise UpstreamError(Fault.RESET, "The provider sent a piece of another size than it said.")
        first, length = said.first, said.total
    provider_etag = answer.headers.get("ETag", "")
    if provider_etag.startswith("W/"):
        provider_etag = ""
    modified = _one_line(answer.headers.get("Last-Modified", ""))
    facts = FileFacts(
        length=length,
        content_type=content_type_of(container, answer.headers.get("Content-Type", "")),
        etag=_etag(length, provider_etag or modified),
        modified=modified,
        provider_etag=provider_etag,
        # Ranges are always asked for.
        ranges=length is not None and answer.status == 206,
    )
    return facts, first


def _etag(length: int | None, told: str) -> str:
    """A tag of our own: the provider's may hold anything."""
    if length is None:
        return ""
    return f'"{length:x}-{hashlib.blake2s(told.encode(errors="replace"), digest_size=8).hexdigest()}"'


def _one_line(text: str) -> str:
    return text if text.isascii() and text.isprintable() and len(text) < _LONGEST_HEADER else ""


def still_valid(if_range: str, facts: FileFacts) -> bool:
    """Does the player's `If-Range` name this very file?"""
    return not if_range or if_range.strip() in ({facts.etag, facts.modified} - {""})


def known(facts: FileFacts) -> list[tuple[str, str]]:
    """The headers every answer about the file has."""
    told = [("Content-Type", facts.content_type)]
    if facts.length is not None:
        told.append(("Accept-Ranges", "bytes" if facts.ranges else "none"))
    if facts.etag:
        told.append(("ETag", facts.etag))
    if facts.modified:
        told.append(("Last-Modified", facts.modified))
    return [
        *told,
        ("Cache-Control", "private, no-cache"),
        ("X-Accel-Buffering", "no"),
        ("X-Content-Type-Options", "nosniff"),
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "Accept-Ranges, Content-Length, Content-Range, ETag"),
    ]


def head(protocol: str, facts: FileFacts, wanted: ByteRange | None, first: int, last: int | None) -> bytes:
    """The head before bytes `first` to `last` of the file; a 206 when the player asked for a range."""
    told = known(facts)
    if last is None:
        return heads.whole(protocol, 200, told)
    told.append(("Content-Length", str(last - first + 1)))
    if wanted is None:
        return heads.whole(protocol, 200, told)
    total = "*" if facts.length is None else str(facts.length)
    return heads.whole(protocol, 206, [*told, ("Content-Range", f"bytes {first}-{last}/{total}")])


def out_of_range(protocol: str, error: OutOfRange) -> bytes:
    """The whole answer to a range behind the end."""
    extra = [] if error.length is None else [("Content-Range", f"bytes */{error.length}")]
    return heads.refusal(protocol, error, extra)
