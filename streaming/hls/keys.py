"""Encrypted segments: which key opens them, where it is kept, and AES-128-CBC undone while the bytes arrive."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from streaming.faults import Fault, UpstreamError
from streaming.hls.playlist import Segment
from streaming.hls.tags import Key

KEY_BYTES = 16
_KEPT = 64


def usable(keys: Sequence[Key]) -> Key | None:
    """The key to decrypt with; None when the segment is in the clear.

    Several keys may be in force for different player families; "identity" is the plain one. Some providers invent a
    KEYFORMAT for plain keys, so another AES-128 key with an HTTP address is tried too.
    Raises UpstreamError(SCRAMBLED) when only a licence system could open the segment.
    """
    if not keys:
        return None
    plain = [key for key in keys if key.method == "AES-128" and _is_http(key.uri)]
    if plain:
        return next((key for key in plain if key.keyformat == "identity"), plain[0])
    methods = ", ".join(sorted({key.method or "without a method" for key in keys}))
    raise UpstreamError(Fault.SCRAMBLED, f"The stream is encrypted ({methods[:60]}); only AES-128 can be opened here.")


def _is_http(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def vector(key: Key, segment: Segment) -> bytes:
    """The initialisation vector: as written, else the segment's number."""
    return key.iv if key.iv is not None else (segment.sequence % 2**128).to_bytes(16, "big")


class KeyRing:
    """Keys by address; each is fetched once. `fetch` returns the bytes at an address and raises UpstreamError."""

    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self._fetch = fetch
        self._keys: OrderedDict[str, bytes] = OrderedDict()

    def get(self, url: str) -> bytes:
        """The 16 bytes. Raises UpstreamError."""
        if url not in self._keys:
            key = self._fetch(url)
            if len(key) != KEY_BYTES:
                raise UpstreamError(
                    Fault.SCRAMBLED,
                    f"The provider sent a key of {len(key)} bytes; a key of the stream has {KEY_BYTES}.",
                )
            self._keys[url] = key
            if len(self._keys) > _KEPT:
                self._keys.popitem(last=False)
        return self._keys[url]


class Decryptor:
    """One segment's cipher: feed what arrives, take what is clear."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be read by now; the last block stays inside until `finish`, it may be padding."""
        clear = self._held + self._cipher.update(data)
        keep = max(len(clear) - KEY_BYTES, 0)
        self._held = clear[keep:]
        return clear[:keep]

    def finish(self) -> bytes:
        """The last block without its padding (PKCS #7), whole when the provider did not pad.

        A body that ends inside a block loses that block: at most one packet.
        """
        padding = self._held[-1] if self._held else 0
        if 1 <= padding <= KEY_BYTES and self._held.endswith(bytes([padding]) * padding):
            return self._held[:-padding]
        return self._held
