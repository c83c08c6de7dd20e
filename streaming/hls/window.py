"""The list of segments players see: grows at its end, shrinks at its front, and keeps every promise it made.

Source: RFC 8216 sections 4.3.3 and 6.2.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from streaming.hls.cutter import TARGET_DURATION, CutSegment

#: Media time listed, at least: three target durations are the rule, one more helps who is slow.
WINDOW_S = 4.0 * TARGET_DURATION
LEAST_SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class ListedSegment:
    """What a list says about a segment."""

    sequence: int
    duration_s: float
    discontinuity: bool
    begins_at: float


class Window:
    """Which segments are listed and which must still be fetchable. Knows no files."""

    def __init__(self, discontinuity_sequence: int) -> None:
        self.listed: deque[ListedSegment] = deque()
        self.discontinuity_sequence = discontinuity_sequence
        self.ended = False
        #: Removed from the list, with the media time at which each may go.
        self._leaving: deque[tuple[ListedSegment, float]] = deque()
        self._media_s = 0.0
        self._longest_s = 0.0

    def add(self, segment: CutSegment) -> list[int]:
        """List a new segment; returns the numbers of those that nobody may ask for any more."""
        self.listed.append(
            ListedSegment(segment.sequence, segment.duration_s, segment.discontinuity, segment.begins_at)
        )
        self._media_s += segment.duration_s
        self._shrink()
        gone = []
        while self._leaving and self._leaving[0][1] <= self._media_s:
            gone.append(self._leaving.popleft()[0].sequence)
        return gone

    @property
    def media_sequence(self) -> int:
        """Number of the first segment listed."""
        return self.listed[0].sequence if self.listed else 0

    def text(self, uri: Callable[[int], str] = "{}.ts".format) -> str:
        """The playlist. `uri` names a segment by its number, relative to the playlist."""
        return render(self.listed, self.discontinuity_sequence, uri=uri, ended=self.ended)

    def _shrink(self) -> None:
        total_s = sum(segment.duration_s for segment in self.listed)
        while len(self.listed) > LEAST_SEGMENTS and total_s - self.listed[0].duration_s >= WINDOW_S:
            first = self.listed.popleft()
            # A player that loaded the list just before may fetch it for as long as that list was, and play it.
            self._leaving.append((first, self._media_s + first.duration_s + max(self._longest_s, total_s)))
            total_s -= first.duration_s
            self.discontinuity_sequence += first.discontinuity
        self._longest_s = max(self._longest_s, total_s)


def render(
    listed: Sequence[ListedSegment],
    discontinuity_sequence: int,
    *,
    uri: Callable[[int], str],
    ended: bool = False,
) -> str:
    """The text of a list. Every segment carries its date, so that no line changes when the one before leaves."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        f"#EXT-X-TARGETDURATION:{TARGET_DURATION}",
        f"#EXT-X-MEDIA-SEQUENCE:{listed[0].sequence if listed else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}",
    ]
    for segment in listed:
        if segment.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_date(segment.begins_at)}")
        # Six decimals are finer than the 90 kHz clock: sums do not drift.
        lines += [f"#EXTINF:{segment.duration_s:.6f},", uri(segment.sequence)]
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def newest_in(text: str) -> int:
    """The number of the last segment of a list that `render` wrote; 0 when it names none."""
    last = text.rstrip("\n").rpartition("\n")[2].removesuffix(".ts")
    return int(last) if last.isdecimal() else 0


def with_query(text: str, query: str) -> str:
    """The same list with a query behind every address: players keep a token only when it is written there."""
    if not query:
        return text
    lines = (line if not line or line.startswith("#") else f"{line}?{query}" for line in text.split("\n"))
    return "\n".join(lines)


def _date(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
