"""Pictures by their first bytes, and the short word that stands for a picture's address in addresses of ours."""

from __future__ import annotations

import hashlib

#: No kind tells itself later than here.
HEAD_BYTES = 16


def digest(address: str) -> str:
    """Changes with the address, and only with it."""
    return hashlib.blake2b(address.encode("utf-8", "replace"), digest_size=6).hexdigest()


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


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
