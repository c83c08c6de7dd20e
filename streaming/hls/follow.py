"""Where one stands in a media list that moves: which segment is next, when to ask again, when to give up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import replace

from streaming.hls.playlist import MediaPlaylist, Segment

#: Target durations behind the end at which a live list is entered (RFC 8216 section 6.3.3).
START_TARGETS = 3.0
#: Loads for which a list may lie behind us with unknown segments before it counts as restarted.
_PATIENCE_LOADS = 3
_SHORTEST_INTERVAL_S = 0.5
_RECENT = 64


class Follower:
    """The place in one media list. Knows no network; the clock is handed in.

    Source: RFC 8216 section 6.3; what servers do beside it: lists without a sequence number, edges that lag behind
    each other, encoders that restart at 0.
    """

    def __init__(self, *, start_sequence: int | None = None) -> None:
        self.playlist: MediaPlaylist | None = None
        #: Segments that left the list before they were taken, and restarts of its numbering.
        self.missed = 0
        self.resets = 0
        self._start_sequence = start_sequence
        self._next = 0
        self._jumped = False
        self._recent: deque[Segment] = deque(maxlen=_RECENT)
        self._behind_loads = 0
        self._grew = True
        self._loaded_at = 0.0
        self._grew_at = 0.0

    def load(self, playlist: MediaPlaylist, asked_at: float) -> None:
        """A list was loaded; `asked_at` is when its request began."""
        before, self.playlist = self.playlist, playlist
        if before is None:
            self._next = self._entry(playlist)
            self._grew = True
        else:
            known_end = before.end_sequence
            if playlist.media_sequence is None:
                self._grew = self._locate_by_identity(playlist)
            else:
                self._grew = self._locate_by_number(playlist, known_end)
        self._loaded_at = asked_at
        if self._grew:
            self._grew_at = asked_at

    def next(self) -> Segment | None:
        """The next segment, None when the list holds no more for now. Its `discontinuity` is set after a jump."""
        if self.playlist is None or not self.playlist.segments:
            return None
        index = self._next - self.playlist.segments[0].sequence
        if not 0 <= index < len(self.playlist.segments):
            return None
        segment = self.playlist.segments[index]
        self._next += 1
        self._recent.append(segment)
        if self._jumped:
            self._jumped = False
            return replace(segment, discontinuity=True)
        return segment

    @property
    def at_end(self) -> bool:
        """Everything was taken and nothing will be added."""
        return self.playlist is not None and self.playlist.ended and self._next >= self.playlist.end_sequence

    @property
    def reload_at(self) -> float:
        """When the list may be asked for again: a segment's time after it grew, half of it when it did not."""
        interval = self.interval_s
        return self._loaded_at + (interval if self._grew else interval / 2)

    @property
    def interval_s(self) -> float:
        """How often a new segment is to be expected. Target durations are often written far too large."""
        if self.playlist is None:
            return 0.0
        longest = max((segment.duration_s for segment in self.playlist.segments), default=0.0)
        target = self.playlist.target_s
        return max(min(target, longest) if longest else target, _SHORTEST_INTERVAL_S)

    def stalled_s(self, now: float) -> float:
        """For how long the list has had nothing new; 0 before it was loaded."""
        return now - self._grew_at if self.playlist is not None else 0.0

    def _entry(self, playlist: MediaPlaylist) -> int:
        """Number of the segment to begin with: the first of a finished list, three targets before a live one's end."""
        segments = playlist.segments
        if not segments:
            return playlist.end_sequence
        first = segments[0].sequence
        if playlist.ended:
            return first
        if self._start_sequence is not None and first <= self._start_sequence < playlist.end_sequence:
            return self._start_sequence
        wanted = START_TARGETS * playlist.target_s
        for segment in reversed(segments):
            wanted -= segment.duration_s or playlist.target_s
            if wanted <= 0:
                return segment.sequence
        return first

    def _locate_by_number(self, playlist: MediaPlaylist, known_end: int) -> bool:
        if not playlist.segments:
            return False
        end = playlist.end_sequence
        if self._next > end and self._is_restart(playlist):
            self.resets += 1
            self._jump(self._entry(playlist))
            return True
        if self._next > end:
            return False
        self._behind_loads = 0
        if self._next < playlist.segments[0].sequence:
            entry = self._entry(playlist)
            self.missed += entry - self._next
            self._jump(entry)
        return end > known_end

    def _is_restart(self, playlist: MediaPlaylist) -> bool:
        """All of the list lies behind us: has the encoder begun anew, or is this only an edge that lags?"""
        name = _naming(playlist)
        if name(playlist.segments[-1]) in {name(segment) for segment in self._recent}:
            return False
        self._behind_loads += 1
        return self._next - playlist.end_sequence > len(playlist.segments) or self._behind_loads >= _PATIENCE_LOADS

    def _locate_by_identity(self, playlist: MediaPlaylist) -> bool:
        """A list without numbers: go on behind the newest segment taken, from the entry when none is left of them."""
        name = _naming(playlist)
        taken = {name(segment) for segment in self._recent}
        for segment in reversed(playlist.segments):
            if name(segment) in taken:
                self._next = segment.sequence + 1
                return self._next < playlist.end_sequence
        if playlist.segments:
            self.missed += bool(self._recent)
            self._jump(self._entry(playlist))
        return bool(playlist.segments)

    def _jump(self, sequence: int) -> None:
        self._next = sequence
        self._jumped = True
        self._behind_loads = 0


def _naming(playlist: MediaPlaylist) -> Callable[[Segment], Hashable]:
    """How segments are told apart from load to load: by path where that suffices, as sessions change the query."""

    def by_path(segment: Segment) -> Hashable:
        return segment.reference.partition("?")[0], segment.byte_range

    def by_address(segment: Segment) -> Hashable:
        return segment.reference, segment.byte_range

    distinct = len({by_path(segment) for segment in playlist.segments})
    return by_path if distinct == len(playlist.segments) else by_address
