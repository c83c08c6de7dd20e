"""What viewers are sent while a source gives nothing: null packets for the wire, and word when a slate is due.

A silent socket dies after 8 s in ExoPlayer, after 10 to 30 s elsewhere. Null packets keep it alive and advance no
clock: the player's buffer runs dry all the same, and what comes afterwards continues where the picture stopped.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A few packets at a time: HTTP middle boxes pass them on at once, and they cost 5 kbit/s.
PACKETS = 7


@dataclass(slots=True)
class Filler:
    """Watches one output. All times are the caller's clock in seconds."""

    #: Null packets are sent this often.
    interval_s: float = 1.0
    #: After so long without real packets a slate should take over; None: never.
    slate_after_s: float | None = None
    _real_at: float | None = None
    _filled_at: float = 0.0

    def published(self, now: float) -> None:
        """Real packets have been published."""
        self._real_at = self._filled_at = now

    def due(self, now: float) -> int:
        """How many null packets to send now (see `Splicer.fill`). None before the first real packets."""
        if self._real_at is None or now - self._filled_at < self.interval_s:
            return 0
        self._filled_at = now
        return PACKETS

    def wants_slate(self, now: float) -> bool:
        """Nothing real has come for so long that a slate should be begun. Before the first real packets: never."""
        if self._real_at is None or self.slate_after_s is None:
            return False
        return now - self._real_at >= self.slate_after_s
