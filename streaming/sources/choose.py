"""Which source reads an address: what its look promises is tried first, what the answer turns out to be decides."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings

from portals.providers.records import PlayUrl
from restreamer import binaries
from restreamer.lib.errors import ConfigurationError
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.profiles import REMUX, Kind, Profile
from streaming.hls.fetch import TelevisionAnswer
from streaming.sources.base import Source, framing_of
from streaming.sources.ffmpeg import FfmpegSource
from streaming.sources.firstbytes import PlaylistAnswer
from streaming.sources.framing import Framing
from streaming.sources.hls import HlsSource
from streaming.sources.http import HttpSource

#: Live segments come ten seconds at a time. Handed on no further ahead of the clock than this, the ring moves evenly:
#: a viewer who joins between two segments does not run dry.
SMOOTH_LEAD_S = 8.0


def source_for(play_url: PlayUrl) -> Source:
    """The source that reads this address: our own for HTTP, ffmpeg for whatever else it knows."""
    if _is_http(play_url):
        return AddressSource(play_url)
    return through_ffmpeg(play_url, REMUX, source_for)


def through_ffmpeg(play: PlayUrl, profile: Profile, source_for: Callable[[PlayUrl], Source]) -> Source:
    """The source that hands the stream through ffmpeg on its way.

    HTTP is read by ourselves and ffmpeg fed: one connection, our headers, proxies and faults. A custom command opens
    the address itself, because it says so. Raises UpstreamError when there is no ffmpeg.
    """
    try:
        binary = binaries.ffmpeg()
    except ConfigurationError as err:
        raise UpstreamError(Fault.ENDED, err.message) from err
    fed = _is_http(play) and profile.kind is not Kind.CUSTOM
    return FfmpegSource(
        profile,
        play,
        binary=binary,
        feed=source_for(play) if fed else None,
        start_timeout_s=settings.RELAY_START_TIMEOUT_S,
        answer_timeout_s=settings.FFMPEG_TIMEOUT_S,
    )


def _is_http(play: PlayUrl) -> bool:
    return play.url[:8].lower().startswith(("http://", "https://"))


class AddressSource:
    """Television or a playlist: opened as what it looks like, once more as the other when the answer says so.

    Providers serve playlists at addresses that end in .ts and the reverse.
    """

    def __init__(self, play: PlayUrl) -> None:
        self.head = b""
        self._play = play
        self._lock = threading.Lock()
        self._closed = False
        self._source: Source = self._playlist() if looks_like_playlist(play) else HttpSource(play)

    @property
    def quiet_s(self) -> float:
        """How long it may rightly have nothing to say; 0 = the relay's own rule."""
        return self._source.quiet_s if isinstance(self._source, HlsSource) else 0.0

    @property
    def framing(self) -> Framing | None:
        """What decodes the bytes of the direct socket."""
        return framing_of(self._source)

    def open(self) -> None:
        """Open it; a source of the wrong kind has closed its connection before the other begins."""
        if self._closed:
            raise UpstreamError(Fault.ENDED, "The stream was closed.")
        try:
            self._source.open()
        except PlaylistAnswer as answer:
            self._change(self._playlist(answer.final_url))
        except TelevisionAnswer:
            self._change(HttpSource(self._play))
        self.head = self._source.head

    def direct_socket(self) -> socket.socket | None:
        """Of the source that fits."""
        return self._source.direct_socket()

    def read(self) -> bytes:
        """The next piece."""
        return self._source.read()

    def close(self) -> None:
        """Close the source in use, and none is opened any more."""
        with self._lock:
            self._closed = True
            source = self._source
        source.close()

    def _playlist(self, start_url: str = "") -> HlsSource:
        return HlsSource(self._play, binary=binaries.ffmpeg, live_lead_s=SMOOTH_LEAD_S, start_url=start_url)

    def _change(self, source: Source) -> None:
        self._source.close()
        with self._lock:
            if self._closed:
                raise UpstreamError(Fault.ENDED, "The stream was closed.")
            self._source = source
        source.open()


def looks_like_playlist(play: PlayUrl) -> bool:
    """The address promises a playlist."""
    if play.form:
        return play.form == "hls"
    try:
        return urlsplit(play.url).path.lower().endswith((".m3u8", ".m3u"))
    except ValueError:
        return False
