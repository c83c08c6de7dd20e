"""Pictures by their first bytes, and the short word that stands for a picture's address in addresses of ours."""

from __future__ import annotations

import hashlib
import struct

#: So begins the word that stands for an uploaded picture where else its address would.
UPLOADED = "upload:"

#: No kind tells itself later than here.
HEAD_BYTES = 16


def digest(address: str) -> str:
    """Changes with the address, and only with it."""
    return hashlib.blake2b(address.encode("utf-8", "replace"), digest_size=6).hexdigest()


def is_uploaded(stored: str) -> bool:
    """Is it the word for a picture that was uploaded here?"""
    return stored.startswith(UPLOADED)


def is_web_address(address: str) -> bool:
    """Is it something a server could be asked for?"""
    return address[:8].lower().startswith(("http://", "https://"))


def media_type(head: bytes) -> str:
    """What a picture is, whatever its sender says; "" for everything that is no PNG, JPEG, GIF or WebP.

    SVG is none of ours: it is a page that may run scripts.
    """
    for start, told in _STARTS:
        if head.startswith(start):
            return told
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else ""


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, as a PNG, JPEG, GIF or WebP says them; None for what does not."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            return struct.unpack(">II", data[16:24])
        if data[:6] in (b"GIF87a", b"GIF89a"):
            return struct.unpack("<HH", data[6:10])
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg_size(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp_size(data)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Of the frame header, behind any number of other segments (ITU T.81, annex B)."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Of the first chunk: lossy, lossless or extended (RFC 9649)."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    return None


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
