"""HLS as a source: segments that are transport stream are passed on as they are, all others go through ffmpeg."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from portals.providers.records import PlayUrl
from restreamer.lib.errors import RestreamerError
from streaming.faults import Fault, UpstreamError
from streaming.ffmpeg.features import features
from streaming.hls.fetch import Fetcher
from streaming.hls.follow import Follower
from streaming.hls.forms import Form, form_of
from streaming.hls.remux import Remuxer
from streaming.hls.segments import STALL_INTERVALS, STALL_LEAST_S, Piece, SegmentReader, Track
from streaming.hls.variants import Listing
from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.packets import PACKET_SIZE, Aligner

#: The tables of a transport stream stand at its very beginning; so much of it is searched for them.
_TABLE_SEARCH_BYTES = 400 * PACKET_SIZE


class HlsSource:
    """Plays one address of a playlist over one connection at a time.

    `binary` is the ffmpeg for what is no transport stream (fMP4, bare audio, sound listed apart). `live_lead_s`
    smooths live media: handed on no further ahead of the clock than that; None hands it on as it comes. `start_url` is
    where redirects from `play.url` are known to lead.
    """

    def __init__(
        self,
        play: PlayUrl,
        *,
        binary: Callable[[], str | Path],
        start_timeout_s: float = 20.0,
        live_lead_s: float | None = None,
        start_url: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.head = b""
        self._binary = binary
        self._start_timeout_s = start_timeout_s
        self._clock = clock
        self._closed = threading.Event()
        self._late = False
        self._fetcher = Fetcher(play, clock=clock)
        self._listing = Listing(self._fetcher, start_url or play.url)
        self._video = Track(self._listing, Follower())
        self._tracks = [self._video]
        self._reader = SegmentReader(self._fetcher, self._tracks, closed=self._closed, lead_s=live_lead_s, clock=clock)
        self._stream: Iterator[bytes] | None = None
        self._remuxer: Remuxer | None = None
        self._lock = threading.Lock()

    @property
    def quiet_s(self) -> float:
        """How long this source may rightly have nothing to say: until it gives up by itself, and a moment."""
        interval_s = self._video.follower.interval_s
        return max(STALL_INTERVALS * interval_s, STALL_LEAST_S) + interval_s

    @property
    def skipped_segments(self) -> int:
        """Segments that could not be had, or left the list before their turn."""
        return self._reader.skipped + sum(track.follower.missed for track in self._tracks)

    @property
    def connections(self) -> int:
        """How many connections were opened so far, one after the other."""
        return self._fetcher.connections

    def open(self) -> None:
        """Load the list, choose a variant, read the first segment's beginning; returns when MPEG-TS comes."""
        deadline = threading.Timer(self._start_timeout_s, self._expire)
        deadline.daemon = True
        deadline.start()
        try:
            self._begin()
            self.head = self.read()
        except UpstreamError as err:
            self.close()
            if self._late:
                raise UpstreamError(Fault.TIMED_OUT, "The provider's playlist did not start in time.") from err
            raise
        finally:
            deadline.cancel()

    def direct_socket(self) -> socket.socket | None:
        """None: segments are many answers, not one."""
        return None

    def read(self) -> bytes:
        """The next whole packets."""
        if self._stream is None:
            raise UpstreamError(Fault.ENDED, "The stream was closed.")
        data = next(self._stream, b"")
        if not data:
            raise UpstreamError(Fault.ENDED)
        return data

    def close(self) -> None:
        """Close the connection, then end what was fed by it."""
        with self._lock:
            self._closed.set()
            remuxer = self._remuxer
        self._fetcher.close()
        if remuxer is not None:
            remuxer.close()

    def _expire(self) -> None:
        self._late = True
        self.close()

    def _begin(self) -> None:
        self._video.load(self._clock())
        pieces = self._reader.pieces()
        first = next(pieces)
        is_ts = form_of(first.data) is Form.TS
        if self._listing.audio_url and not has_sound(first):
            self._add_audio(first.segment.sequence)
        if is_ts and len(self._tracks) == 1:
            self._stream = whole_packets(first, pieces)
        else:
            self._stream = self._remuxed(first, pieces)

    def _add_audio(self, sequence: int) -> None:
        """Play the sound that is listed apart along with the picture."""
        listing = Listing(self._fetcher, self._listing.audio_url, self._listing.imports)
        # Its list is loaded when its turn comes: the connection is busy with the first segment of the picture.
        self._tracks.append(Track(listing, Follower(start_sequence=sequence)))

    def _remuxed(self, first: Piece, pieces: Iterator[Piece]) -> Iterator[bytes]:
        try:
            able = features(self._binary())
        except RestreamerError as err:
            raise UpstreamError(Fault.NOT_TS, f"The stream needs ffmpeg to become television. {err.message}") from err
        with self._lock:
            if self._closed.is_set():
                raise UpstreamError(Fault.ENDED, "The stream was closed.")
            remuxer = self._remuxer = Remuxer(_with_first(first, pieces), len(self._tracks), able)
            remuxer.start()
        aligner = Aligner()
        return (packets for packets in map(aligner.feed, iter(remuxer.read, b"")) if packets)


def whole_packets(first: Piece, pieces: Iterator[Piece]) -> Iterator[bytes]:
    """The packets of segments that are transport stream; each segment is aligned for itself."""
    aligner = Aligner()
    for piece in _with_first(first, pieces):
        if piece.first:
            if form_of(piece.data) is not Form.TS:
                raise UpstreamError(Fault.NOT_TS, "The provider changed from transport stream to another form.")
            aligner.reset()
        packets = aligner.feed(piece.data)
        if packets:
            yield packets


def has_sound(first: Piece) -> bool:
    """The segment that begins like this carries sound of its own."""
    if first.initialisation:
        return b"soun" in first.initialisation
    if form_of(first.data) is not Form.TS:
        return True
    scanner = EntryScanner()
    scanner.scan(Aligner().feed(first.data[:_TABLE_SEARCH_BYTES]), 0)
    return scanner.programme is None or bool(scanner.programme.audio)


def _with_first(first: Piece, pieces: Iterator[Piece]) -> Iterator[Piece]:
    yield first
    yield from pieces
