"""The HLS side of one relay: the players who come by, requests that wait for a first segment, and the cutting for them.

Runs in the loop. The cutter works while there is such a player, however many.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable

from restreamer.lib.errors import RestreamerError
from streaming.hls.window import newest_in, with_query
from streaming.relay import endings, heads
from streaming.relay.audience import Viewer
from streaming.relay.block import Block
from streaming.relay.cutting import Cutting, CuttingRoom, Published
from streaming.relay.endings import RelayEnded, StartTimedOut
from streaming.relay.keyframes import EntryPoint
from streaming.relay.loop import TickLoop
from streaming.relay.polling import Poller, Polls, poll_of
from streaming.relay.ring import CHUNK, Ring

#: So long a first request may wait for a segment; players give up after eight to twenty seconds.
HOLD_S = 9.0
#: A list of less would be played before more can come: the first request waits for so much media, unless it has waited
#: that long already. Seen with hls.js, which stalled three seconds behind a list of four (2026-11).
ENOUGH_S = 5.5
PATIENCE_S = 7.0
#: Who knows the list already may wait so long for the next segment. Players come again after the length of the last
#: segment, a moment before the next as often as after it; told that nothing is new they wait half a target duration,
#: three seconds, and had stalled meanwhile when they began with six (hls.js 1.7, measured 2026-11). After the short
#: first segments they come two seconds early: it must be more than that.
EARLY_S = 2.5
#: Said in a master playlist when nothing has been measured yet.
_GUESS_BPS = 8_000_000
#: Peaks are rounded up to this.
_ROUND_BPS = 100_000

_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class NoSegments(RestreamerError):
    """This relay cannot cut segments, or its disk does not take them."""

    status = 503
    retry_after_s = 5.0
    public = "This channel cannot be given as HLS right now. Try its MPEG-TS address, or again in a moment."


class Desk:
    """`left(poller, reason)` is called once for each player whose viewing is over."""

    def __init__(
        self,
        key: str,
        loop: TickLoop,
        polls: Polls,
        room: CuttingRoom | None,
        wall: Callable[[], float],
        left: Callable[[Poller, str], None],
    ) -> None:
        self._key = key
        self._loop = loop
        self._polls = polls
        self._room = room
        self._wall = wall
        self._left = left
        self._pollers: dict[str, Poller] = {}
        #: Requests that wait, by descriptor.
        self._held: dict[int, Viewer] = {}
        self._cutting: Cutting | None = None
        self._published: Published | None = None

    def __len__(self) -> int:
        """Players who watch."""
        return len(self._pollers)

    @property
    def pollers(self) -> list[Poller]:
        """Players who watch."""
        return list(self._pollers.values())

    @property
    def wants_to_begin(self) -> bool:
        """Somebody watches and nothing is cut yet."""
        return self._cutting is None and bool(self._pollers)

    def add(self, viewer: Viewer) -> None:
        """A request of a player, new or known: answered as soon as there is a segment."""
        poller = self._polls.enter(viewer.ticket, self._wall())
        self._pollers[poll_of(viewer.ticket.session_id)] = poller
        self._held[viewer.fd] = viewer
        self._loop.watch(viewer.fd, select.EPOLLRDHUP, self._told)
        if self._room is None:
            self.finish_all(NoSegments(), "no segments are cut here", for_good=False)
        else:
            self._answer_if_enough(viewer, self._loop.clock())

    # --- what is published ----------------------------------------------------------------------------------------

    def begin(self, ring: Ring, entry: EntryPoint, now: float) -> None:
        """Cut from here on: what the ring still has makes the first segments at once."""
        assert self._room is not None
        cutting: Cutting = Cutting(
            self._room,
            self._key,
            lambda published: self._got(cutting, published),
            lambda reason: self._failed(cutting, reason),
        )
        self._cutting = cutting
        position, before = entry.position, entry.tables
        while position < ring.head:
            arrived_at = ring.arrived_at(position)
            block = ring.read(position, CHUNK)
            cutting.feed(before + block, self._wall() - (now - (arrived_at if arrived_at is not None else now)))
            position, before = position + len(block), b""
        cutting.live()

    def publish(self, block: Block) -> None:
        """The relay has published a block."""
        if self._cutting is not None:
            self._cutting.feed(block.data, self._wall())

    def _got(self, cutting: Cutting, published: Published) -> None:
        if cutting is self._cutting:
            self._published = published
            for viewer in list(self._held.values()):
                self._answer_if_enough(viewer, self._loop.clock())

    def _failed(self, cutting: Cutting, reason: str) -> None:
        if cutting is self._cutting:
            self.finish_all(NoSegments(reason), reason, for_good=False)

    # --- going ----------------------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Let go of who has left, of who has watched for as long as he may, and of requests that waited too long."""
        for viewer in list(self._held.values()):
            self._poller_of(viewer).heard_at = now
            if now - viewer.attached_at >= HOLD_S:
                self._give_up(viewer)
            else:
                self._answer_if_enough(viewer, now)
        for poller in self.pollers:
            if 0 < poller.ticket.for_s <= now - poller.attached_at:
                self._leave(poller, endings.LONG_ENOUGH, for_good=True)
            elif poller.idle(now):
                self._leave(poller, endings.STOPPED_ASKING, for_good=False)

    def finish(self, session_id: str, reason: str) -> bool:
        """End one viewing for good; False when it is none of ours."""
        poller = self._pollers.get(poll_of(session_id))
        if poller is None or poller.ticket.session_id != session_id:
            return False
        self._leave(poller, reason, for_good=True)
        return True

    def finish_all(self, error: RestreamerError, reason: str, *, for_good: bool) -> None:
        """End every viewing; who waits for an answer is told the error."""
        for viewer in list(self._held.values()):
            self._send(viewer, heads.refusal(viewer.ticket.protocol, error))
        for poller in self.pollers:
            self._leave(poller, reason, for_good=for_good, keep=not for_good)

    def close(self) -> None:
        """Drop every request now."""
        for viewer in list(self._held.values()):
            self._drop(viewer)

    def _leave(self, poller: Poller, reason: str, *, for_good: bool, keep: bool = False) -> None:
        poll = poll_of(poller.ticket.session_id)
        for viewer in [one for one in self._held.values() if poll_of(one.ticket.session_id) == poll]:
            self._send(viewer, heads.refusal(viewer.ticket.protocol, RelayEnded()))
        del self._pollers[poll]
        self._polls.leave(poller, for_good=for_good)
        if not self._pollers and self._cutting is not None:
            self._cutting.end(keep=keep)
            self._cutting = self._published = None
        self._left(poller, poller.reason or reason)

    # --- requests -------------------------------------------------------------------------------------------------

    def _answer_if_enough(self, viewer: Viewer, now: float) -> None:
        published, waited_s = self._published, now - viewer.attached_at
        if published is None or (published.listed_s < ENOUGH_S and waited_s < PATIENCE_S):
            return
        if waited_s >= EARLY_S or not self._knows(viewer, published):
            self._answer(viewer)

    def _knows(self, viewer: Viewer, published: Published) -> bool:
        """It was given this very list before."""
        return viewer.ticket.hls == "list" and self._poller_of(viewer).known == newest_in(published.text)

    def _answer(self, viewer: Viewer) -> None:
        ticket, published = viewer.ticket, self._published
        if ticket.hls == "master":
            text = master(ticket.uri, published.peak_bps if published is not None else 0)
        else:
            assert published is not None
            self._poller_of(viewer).known = newest_in(published.text)
            text = with_query(published.text, ticket.uri)
        self._send(viewer, heads.playlist(ticket.protocol, text))

    def _poller_of(self, viewer: Viewer) -> Poller:
        return self._pollers[poll_of(viewer.ticket.session_id)]

    def _give_up(self, viewer: Viewer) -> None:
        """It waited long enough. The list may still come in time for one who has learnt where it is."""
        if viewer.ticket.hls == "master" or self._published is not None:
            self._answer(viewer)
        else:
            self._send(viewer, heads.refusal(viewer.ticket.protocol, StartTimedOut()))

    def _told(self, fd: int, events: int) -> None:
        viewer = self._held.get(fd)
        if viewer is not None and events & _GONE:
            # A request is gone, not the player: it may ask again.
            self._drop(viewer)

    def _send(self, viewer: Viewer, answer: bytes) -> None:
        # A playlist fits any fresh socket's buffer.
        with contextlib.suppress(OSError):
            viewer.sock.send(answer)
        self._drop(viewer)

    def _drop(self, viewer: Viewer) -> None:
        self._loop.unwatch(viewer.fd)
        self._held.pop(viewer.fd, None)
        with contextlib.suppress(OSError):
            viewer.sock.shutdown(socket.SHUT_WR)
            # Closing with unread input resets the connection, and the answer would be lost.
            viewer.sock.recv(65536)
        viewer.sock.close()


def master(uri: str, peak_bps: int) -> str:
    """A master playlist of one list, whose address tells this player from others."""
    bandwidth = -(-(peak_bps or _GUESS_BPS) // _ROUND_BPS) * _ROUND_BPS
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}\n{uri}\n"
