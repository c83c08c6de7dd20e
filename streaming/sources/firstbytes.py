"""What a provider's answer is, judged by its first bytes: television, a playlist, or something that names itself."""

from __future__ import annotations

from streaming.faults import Fault, UpstreamError
from streaming.mpegts.packets import find_sync

#: No packet boundary within this many bytes: not a transport stream.
SEARCH_BYTES = 65536

#: Beginnings long enough that no transport stream opens with them by chance.
_CERTAIN = ((b"#extm3u", "playlist"), (b"<!doctype", "page"), (b"<html", "page"), (b"<?xml", "page"))

#: Shorter ones, asked only when nothing else fits.
_LIKELY = (
    (b"<", "page"),
    (b"{", "json"),
    (b"[", "json"),
    (b"\x89png", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"gif8", "image"),
    (b"riff", "image"),
    (b"\x1f\x8b", "gzip"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
    (b"flv", "flv"),
)

_SENTENCES = {
    "page": "The provider sent a web page instead of television.",
    "json": "The provider sent JSON instead of television.",
    "image": "The provider sent a picture file instead of television.",
    "gzip": "The provider sent a compressed file instead of television.",
    "matroska": "The provider sent a Matroska file instead of a transport stream.",
    "flv": "The provider sent a Flash video instead of a transport stream.",
    "mp4": "The provider sent an MP4 file instead of a transport stream.",
}


class PlaylistAnswer(UpstreamError):
    """The address is an HLS playlist: the same address wants the HLS source.

    `final_url` is where redirects led; never logged, it may hold a token.
    """

    def __init__(self, final_url: str = "") -> None:
        super().__init__(Fault.NOT_TS, "The provider sent an HLS playlist instead of a transport stream.")
        self.final_url = final_url


def is_television(head: bytes, *, complete: bool = False) -> bool:
    """True: these bytes are MPEG-TS. False: too few to tell, read on.

    `complete` says that nothing will follow; then the answer is True or an exception.

    Raises PlaylistAnswer or UpstreamError(NOT_TS, ENDED) with a sentence that says what came instead.
    """
    if find_sync(head) is not None:
        return True
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for beginning, kind in _CERTAIN:
        if text.startswith(beginning):
            raise _refusal(kind)
    if not complete and len(head) < SEARCH_BYTES:
        return False
    if not head:
        raise UpstreamError(Fault.ENDED, "The provider closed the connection without sending anything.")
    for beginning, kind in _LIKELY:
        if text.startswith(beginning):
            raise _refusal(kind)
    if head[4:8] == b"ftyp":
        raise _refusal("mp4")
    raise UpstreamError(Fault.NOT_TS, "The provider sent something that is no transport stream.")


def _refusal(kind: str) -> UpstreamError:
    if kind == "playlist":
        return PlaylistAnswer()
    return UpstreamError(Fault.NOT_TS, _SENTENCES[kind])
