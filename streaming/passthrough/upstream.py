"""The two sources of files: ranged HTTP, and playlists, which are read from their beginning."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from portals.providers.records import PlayUrl
from restreamer import binaries
from streaming.faults import Fault, UpstreamError
from streaming.passthrough import ranges
from streaming.passthrough.ranges import OutOfRange
from streaming.passthrough.seams import FileAnswer
from streaming.sources.base import Source
from streaming.sources.firstbytes import PlaylistAnswer
from streaming.sources.framing import Framing
from streaming.sources.hls import HlsSource
from streaming.sources.http import HttpSource, Patience
from streaming.sources.status import refusal

_PAGES = (b"<!doctype", b"<html", b"<?xml", b"{", b"[")
_PAGE_TYPES = ("text/html", "application/json", "text/plain", "application/xml", "text/xml")


class RangedSource(HttpSource):
    """One GET with a range."""

    def __init__(self, play: PlayUrl, byte_range: str, patience: Patience | None = None) -> None:
        super().__init__(replace(play, headers={**play.headers, "Range": byte_range}), patience)
        self.answer = FileAnswer(0)

    def abort(self) -> None:
        """End the connection now; whoever opens or reads wakes."""
        self._closed.set()
        self._abort()

    def _judge(self) -> None:
        response = self._response
        assert response is not None
        if response.status_code == 416:
            raise OutOfRange(ranges.unsatisfied(response.headers.get("Content-Range", "")))
        if response.status_code not in (200, 206):
            raise refusal(response.status_code, "the movie", response.headers.get("Retry-After", ""))
        self.answer = FileAnswer(response.status_code, response.headers, self._body_bytes(response.headers))
        if self.answer.body_bytes != 0:
            self.head = self._piece()
        self._must_be_a_file(response.headers.get("Content-Type", "").lower())
        self._set_timeout(self._patience.silence_s)

    def _body_bytes(self, headers: Mapping[str, str]) -> int | None:
        if headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
            raise UpstreamError(Fault.NOT_TS, "The provider compresses the movie, so that no place in it can be found.")
        length = headers.get("Content-Length", "")
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            return None
        return int(length) if length.isascii() and length.isdigit() else None

    def _must_be_a_file(self, content_type: str) -> None:
        """Raises PlaylistAnswer, UpstreamError."""
        text = self.head[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if "mpegurl" in content_type or text.startswith(b"#extm3u"):
            assert self._response is not None
            final_url = self._response.url
            self.close()
            raise PlaylistAnswer(final_url)
        first_of_file = self.answer.status == 200 or self.answer.headers.get("Content-Range", "").startswith("bytes 0-")
        is_page = content_type.partition(";")[0].strip() in _PAGE_TYPES
        if is_page and first_of_file and text.startswith(_PAGES):
            raise UpstreamError(Fault.NOT_TS, "The provider sent a web page instead of the movie.")


class WholeSource:
    """What has no bytes to count (HLS, other protocols): a transport stream from its beginning, of unknown length."""

    answer = FileAnswer(200, {"Content-Type": "video/mp2t"})

    def __init__(self, inner: Source) -> None:
        self._inner = inner
        self.head = b""

    @property
    def framing(self) -> Framing | None:
        """Nothing is to be decoded."""
        return None

    def open(self) -> None:
        """Open it; returns when the first bytes are here."""
        self._inner.open()
        self.head = self._inner.head

    def direct_socket(self) -> None:
        """None: the bytes come from many answers."""
        return

    def read(self) -> bytes:
        """The next piece."""
        return self._inner.read()

    def abort(self) -> None:
        """End it from any thread; what has to be waited for is waited for beside."""
        threading.Thread(target=self._inner.close, name="file-abort", daemon=True).start()

    def close(self) -> None:
        """End it; returns when the provider's connection is closed."""
        self._inner.close()


def playlist_source(play: PlayUrl, start_url: str = "") -> WholeSource:
    """A list of segments, read no further ahead than the player reads."""
    return WholeSource(HlsSource(play, binary=binaries.ffmpeg, start_url=start_url))
