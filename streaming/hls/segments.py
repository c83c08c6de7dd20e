"""Reads a stream's segments one after the other: the loop between lists, keys and media."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from streaming.faults import Fault, UpstreamError
from streaming.hls.fetch import Body, Fetcher
from streaming.hls.follow import Follower
from streaming.hls.forms import Form, form_of, judged
from streaming.hls.keys import Decryptor, KeyRing, usable, vector
from streaming.hls.playlist import Initialisation, Segment
from streaming.hls.variants import Listing

#: A live list without anything new for so many of its intervals has stopped, but none before so many seconds.
STALL_INTERVALS = 3.0
STALL_LEAST_S = 8.0
#: Segments in a row that may fail before the variant, or the stream, is given up; one is skipped.
_SEGMENT_FAILURES = 2
_LIST_FAILURES = 2
#: How soon a list is asked for again when its server did not even answer.
_RETRY_S = 0.5
#: Reading lists takes at most one part in so many of the time.
_READING_SHARE = 20.0
#: A segment may take so many times its own duration to arrive.
_SLOWEST = 4.0
_SLOWEST_LEAST_S = 20.0
#: 200 Mbit/s, and what no segment is refused for.
_MOST_BYTES_PER_S = 25_000_000
_MOST_BYTES = 64 * 1024 * 1024
_MAX_INITIALISATION_BYTES = 1024 * 1024
_MOST_INITIALISATIONS = 16
_MAX_KEY_ANSWER_BYTES = 4096
#: Answers that speak of the right to watch: no other segment or variant will fare better.
_DECISIVE = frozenset({401, 403, 451, 456, 458})


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a segment, decrypted."""

    data: bytes
    segment: Segment
    #: The segment begins here.
    first: bool
    #: Index of the track it belongs to.
    track: int
    #: What stands in front of the segment's form (fMP4); the same object until it changes.
    initialisation: bytes = b""


class Track:
    """One media list being played: the picture, or sound that is listed apart."""

    def __init__(self, listing: Listing, follower: Follower) -> None:
        self.listing = listing
        self.follower = follower
        #: Media time handed on so far.
        self.position_s = 0.0
        self.list_failures = 0
        self.segment_failures = 0
        self.retry_at: float | None = None
        self.loaded_at = 0.0

    def load(self, asked_at: float) -> None:
        """Load its list, for the first time or again. Raises UpstreamError."""
        begun = self.follower.playlist is not None
        self.follower.load(self.listing.load() if begun else self.listing.begin(), asked_at)
        self.loaded_at = asked_at

    @property
    def reload_at(self) -> float:
        """When the list may be asked for again. One that takes long to read is read less often: a list of a whole day
        must not stop the pictures of others."""
        if self.retry_at is not None:
            return self.retry_at
        return max(self.follower.reload_at, self.loaded_at + _READING_SHARE * self.listing.parsing_s)


class SegmentReader:
    """The pieces of one or two tracks, the track that is behind first, all over the fetcher's one connection.

    `lead_s` paces what is handed on: never further ahead of the clock than that. None hands live media on as it
    comes; a finished list is always paced, because it would arrive all at once.
    """

    #: How far a finished list may run ahead of the clock.
    FINISHED_LEAD_S = 8.0

    def __init__(
        self,
        fetcher: Fetcher,
        tracks: Sequence[Track],
        *,
        closed: threading.Event,
        lead_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.skipped = 0
        self._handed_on = False
        self._fetcher = fetcher
        self._tracks = tracks
        self._closed = closed
        self._lead_s = lead_s
        self._clock = clock
        self._began_at: float | None = None
        self._keys = KeyRing(self._fetch_key)
        self._initialisations: dict[Initialisation, bytes] = {}

    def pieces(self) -> Iterator[Piece]:
        """Everything from the entry on. Ends only with UpstreamError."""
        while True:
            number, track = min(enumerate(self._tracks), key=lambda pair: pair[1].position_s)
            # After a change of variant the segments in hand are the old one's.
            segment = track.follower.next() if track.retry_at is None else None
            if segment is None:
                self._wait_for_more(track)
                continue
            if not segment.gap:
                yield from self._attempt(number, track, segment)
            track.position_s += segment.duration_s or track.follower.interval_s

    # Lists ----------------------------------------------------------------------------------------------------

    def _wait_for_more(self, track: Track) -> None:
        if track.follower.at_end and not self._handed_on:
            raise UpstreamError(Fault.ENDED, "The provider's playlist holds nothing that can be played.")
        if track.follower.at_end:
            raise UpstreamError(Fault.ENDED, "The provider's playlist ended.")
        now = self._clock()
        stalled_s = track.follower.stalled_s(now)
        if stalled_s > max(STALL_INTERVALS * track.follower.interval_s, STALL_LEAST_S):
            raise UpstreamError(Fault.SILENT, f"The provider's playlist has had nothing new for {stalled_s:.0f} s.")
        self._sleep(track.reload_at - now)
        self._reload(track)

    def _reload(self, track: Track) -> None:
        asked_at = self._clock()
        try:
            track.load(asked_at)
        except UpstreamError as err:
            track.list_failures += 1
            patience_s = _RETRY_S if err.status_code is None else max(track.follower.interval_s / 2, _RETRY_S)
            track.retry_at = asked_at + patience_s
            self._give_up_if(err, track, final=track.list_failures >= _LIST_FAILURES, change=True)
            return
        track.list_failures = 0
        track.retry_at = None

    def _give_up_if(self, err: UpstreamError, track: Track, *, final: bool, change: bool) -> None:
        """After a failure: raise it, move to the next variant, or let it pass."""
        if self._fetcher.closed or err.status_code in _DECISIVE or err.fault is Fault.SCRAMBLED:
            raise err
        if change and track.listing.next_variant():
            track.list_failures = track.segment_failures = 0
            track.retry_at = self._clock()
        elif final:
            raise err

    # Segments -------------------------------------------------------------------------------------------------

    def _attempt(self, number: int, track: Track, segment: Segment) -> Iterator[Piece]:
        try:
            yield from self._read(number, track, segment)
        except UpstreamError as err:
            track.segment_failures += 1
            self.skipped += 1
            final = track.segment_failures >= _SEGMENT_FAILURES
            self._give_up_if(err, track, final=final, change=final)
        else:
            track.segment_failures = 0

    def _read(self, number: int, track: Track, segment: Segment) -> Iterator[Piece]:
        key = usable(segment.keys)
        decryptor = Decryptor(self._keys.get(key.uri), vector(key, segment)) if key else None
        initialisation = self._initialisation(segment)
        body = self._fetcher.body(segment.url, "a segment", byte_range=segment.byte_range, total_s=_patience_s(segment))
        first = True
        with contextlib.closing(body):
            for data in judged(self._clear(body, decryptor, track, segment), encrypted=decryptor is not None):
                self._handed_on = True
                yield Piece(data, segment, first, number, initialisation)
                first = False

    def _clear(self, body: Body, decryptor: Decryptor | None, track: Track, segment: Segment) -> Iterator[bytes]:
        """The segment's bytes as they may be handed on: paced and decrypted."""
        arrived = 0
        most_bytes = max(_MOST_BYTES_PER_S * segment.duration_s, _MOST_BYTES) if segment.duration_s else math.inf
        for data in body:
            self._pace(track, segment, arrived / body.length if body.length else 0.0)
            arrived += len(data)
            if arrived > most_bytes:
                raise UpstreamError(Fault.NOT_TS, "A segment is far larger than television of its duration can be.")
            yield decryptor.feed(data) if decryptor else data
        if decryptor:
            yield decryptor.finish()

    def _initialisation(self, segment: Segment) -> bytes:
        wanted = segment.initialisation
        if wanted is None:
            return b""
        if wanted not in self._initialisations:
            if len(self._initialisations) >= _MOST_INITIALISATIONS:
                self._initialisations.clear()
            self._initialisations[wanted] = self._fetch_initialisation(wanted, segment)
        return self._initialisations[wanted]

    def _fetch_initialisation(self, wanted: Initialisation, segment: Segment) -> bytes:
        page = self._fetcher.page(
            wanted.url, "the beginning of a segment", max_bytes=_MAX_INITIALISATION_BYTES, byte_range=wanted.byte_range
        )
        # Some packagers encrypt it like the segments, as the format says; some leave it in the clear.
        key = usable(wanted.keys) if form_of(page.body) is not Form.FMP4 else None
        if key is None:
            return page.body
        decryptor = Decryptor(self._keys.get(key.uri), vector(key, segment))
        return decryptor.feed(page.body) + decryptor.finish()

    def _fetch_key(self, url: str) -> bytes:
        return self._fetcher.page(url, "the key of the stream", max_bytes=_MAX_KEY_ANSWER_BYTES).body

    # Time -----------------------------------------------------------------------------------------------------

    def _pace(self, track: Track, segment: Segment, fraction: float) -> None:
        """Wait until the place in the segment is no further ahead of the clock than allowed."""
        playlist = track.follower.playlist
        lead_s = self.FINISHED_LEAD_S if playlist is not None and playlist.ended else self._lead_s
        if lead_s is None:
            return
        now = self._clock()
        if self._began_at is None:
            self._began_at = now
        ahead_s = track.position_s + fraction * segment.duration_s - (now - self._began_at)
        self._sleep(ahead_s - lead_s)

    def _sleep(self, seconds: float) -> None:
        """Raises UpstreamError(ENDED) when the source is closed meanwhile."""
        if self._closed.is_set() or (seconds > 0 and self._closed.wait(seconds)):
            raise UpstreamError(Fault.ENDED, "The stream was closed.")


def _patience_s(segment: Segment) -> float | None:
    """How long a segment may take; an endless one (no duration) for ever."""
    return max(_SLOWEST * segment.duration_s, _SLOWEST_LEAST_S) if segment.duration_s else None
