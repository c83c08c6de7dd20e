"""All that drink from one relay: sockets with a position in its ring. Runs in the loop only; never blocks."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable

from restreamer.lib.errors import RestreamerError
from streaming.mpegts.packets import next_unit
from streaming.relay import endings, heads
from streaming.relay.block import Block
from streaming.relay.keyframes import EntryPoint
from streaming.relay.loop import TickLoop
from streaming.relay.ring import PACKET, Ring
from streaming.relay.seams import Ticket

_GONE = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR

#: So few viewers are cheaper to serve by copying: it spares the ring fresh pages (see `ring`). Measured on loopback at
#: 1 MB/s per viewer: a copy costs 5 to 25 % more than a reference, fresh pages as much as 15 to 30 copies.
FEW = 16

#: Who has seconds to catch up on gets so much at a time: hundreds who join at once must not hold up the others' tick.
BURST_BYTES = 512 * 1024

#: So often it is looked who has watched for as long as he may.
COUNT_S = 1.0
#: A viewing that ends in the middle of a picture goes on to its end, if that is no further than this.
PICTURE_BYTES = 1024 * 1024


class Viewer:
    """One socket, what it has been sent, and what it still must be."""

    __slots__ = (
        "attached_at",
        "blocked",
        "end",
        "end_by",
        "fd",
        "owed",
        "position",
        "reason",
        "sent",
        "since",
        "sock",
        "ticket",
    )

    def __init__(self, ticket: Ticket, sock: socket.socket, attached_at: float, since: float) -> None:
        sock.setblocking(False)
        self.ticket = ticket
        self.sock = sock
        self.fd = sock.fileno()
        #: On the loop's clock, and in unix seconds.
        self.attached_at = attached_at
        self.since = since
        #: The next byte of the ring it gets; -1 before it has joined.
        self.position = -1
        #: Bytes that come before those of the ring: head and tables.
        self.owed = b""
        #: Where its viewing ends; None as long as it goes on. At the latest by `end_by` on the loop's clock.
        self.end: int | None = None
        self.end_by = 0.0
        self.reason = ""
        #: The socket is full: epoll says when to go on.
        self.blocked = False
        #: Bytes of the ring it has been sent.
        self.sent = 0


class Audience:
    """The viewers of one relay.

    `left(viewer, reason)` is called once for each that is gone; its socket is closed by then.
    """

    def __init__(
        self,
        loop: TickLoop,
        ring: Ring,
        left: Callable[[Viewer, str], None],
        *,
        flush_s: float,
        slow_flush_s: float,
        console: Callable[[Viewer, RestreamerError], bool] = lambda viewer, error: False,
        lead_pid: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`console` may take over the socket of a viewer who would be refused; his viewing here is over all the same.

        `lead_pid` is asked for the PID of the picture, or of the sound where there is none.
        """
        self._loop = loop
        self._lead_pid = lead_pid
        self._console = console
        #: So long a viewer whose viewing ended may take to read his last bytes.
        self._flush_s = flush_s
        #: One who was ended because he is slow.
        self._slow_flush_s = slow_flush_s
        self._ring = ring
        self._left = left
        self._waiting: dict[int, Viewer] = {}
        self._flowing: dict[int, Viewer] = {}
        self._ending: dict[int, Viewer] = {}
        #: When the viewings end that end by themselves, the first first.
        self._counted_at = float("-inf")

    def __len__(self) -> int:
        """Viewers who wait or watch, other nodes too; those who are being sent their last bytes do not count."""
        return len(self._waiting) + len(self._flowing)

    @property
    def nodes(self) -> list[Viewer]:
        """Of those, the relays of other nodes: they go on without us, see `finish_nodes`."""
        return [v for group in (self._waiting, self._flowing) for v in group.values() if v.ticket.node]

    @property
    def waiting(self) -> bool:
        """Somebody has not got a byte yet."""
        return bool(self._waiting)

    @property
    def empty(self) -> bool:
        """Nobody at all, not even one who is being sent his last bytes."""
        return not self._waiting and not self._flowing and not self._ending

    def only(self, viewer_id: int) -> bool:
        """Everybody who waits or watches here is this one viewer, and there is somebody."""
        here = [v.ticket for group in (self._waiting, self._flowing) for v in group.values()]
        ids = {ticket.viewer_id for ticket in here if not ticket.node}
        return ids == {viewer_id}

    def viewers(self) -> list[Viewer]:
        """Everybody, those who are being sent their last bytes too."""
        return [v for group in (self._waiting, self._flowing, self._ending) for v in group.values()]

    # --- coming -------------------------------------------------------------------------------------------------

    def add(self, viewer: Viewer) -> None:
        """A new viewer, who waits for `join`."""
        self._waiting[viewer.fd] = viewer
        self._loop.watch(viewer.fd, select.EPOLLRDHUP, self._told)

    def join(self, entry: EntryPoint) -> None:
        """Everybody who waits begins at this entry: head, PAT, PMT, keyframe, and on to live as one burst."""
        waiting, self._waiting = self._waiting, {}
        for viewer in waiting.values():
            viewer.owed = heads.live(viewer.ticket.protocol) + entry.tables
            viewer.position = entry.position
            # Until all of the burst is through, epoll paces it.
            viewer.blocked = True
            self._flowing[viewer.fd] = viewer
            self._push(viewer)

    # --- every tick ---------------------------------------------------------------------------------------------

    def send(self, block: Block) -> None:
        """Send everybody the block the ring was just given: one call each. A full socket waits for epoll."""
        ring = self._ring
        start, size = ring.head - block.size, block.size
        pieces, whole = block.pieces, block.pieces[0] if len(block.pieces) == 1 else None
        few = len(self._flowing) <= FEW
        place, lent = (0, size) if few else ring.lend(start)
        fd, sendfile = ring.fd, os.sendfile
        stuck: list[Viewer] = []
        for viewer in self._flowing.values():
            if viewer.blocked:
                continue
            sent = 0
            if viewer.position == start:
                try:
                    if not few:
                        sent = sendfile(viewer.fd, fd, place, lent)
                    else:
                        sent = viewer.sock.sendmsg(pieces) if whole is None else viewer.sock.send(whole)
                except OSError:
                    # Full, or gone: `_push` finds out which.
                    sent = 0
                viewer.position += sent
                viewer.sent += sent
            if sent < size:
                stuck.append(viewer)
        for viewer in stuck:
            self._push(viewer)

    def drop_behind(self, tail: int) -> None:
        """The ring is about to let go of everything before `tail`: end those who have yet to read it.

        The place for skipping a slow viewer forward by the joining rules; that needs clocks of his own, and cutting out
        bytes without them is worse than a clean end after a whole picture: he reconnects at once.
        """
        for viewer in [v for v in self._flowing.values() if v.position < tail]:
            self.finish(viewer, endings.TOO_SLOW, flush_s=self._slow_flush_s)

    # --- going --------------------------------------------------------------------------------------------------

    def finish(self, viewer: Viewer, reason: str, *, at: int | None = None, flush_s: float | None = None) -> None:
        """End one viewing cleanly: all up to `at`, or (None) the picture he is in, then the end of the answer."""
        viewer.reason = viewer.reason or reason
        if viewer.end is not None:
            return
        if viewer.position < 0:
            self._refuse(viewer, endings.RelayEnded(), viewer.reason)
            return
        if at is None:
            # It must not depend on the ring's memory.
            rest = self._rest_of_picture(viewer.position)
            viewer.owed += rest
            viewer.position += len(rest)
            at = viewer.position
        del self._flowing[viewer.fd]
        self._ending[viewer.fd] = viewer
        viewer.end = at
        viewer.end_by = self._loop.clock() + (self._flush_s if flush_s is None else flush_s)
        self._push(viewer)

    def _rest_of_picture(self, position: int) -> bytes:
        """From there to where the next picture begins, or to the head; of a huge one only what its packet lacks."""
        packet = self._ring.read(position, -position % PACKET)
        pid = self._lead_pid()
        if pid is None:
            return packet
        block = self._ring.read(position + len(packet), PICTURE_BYTES // PACKET * PACKET)
        at = next_unit(block, pid)
        if at is None:
            at = len(block) if len(block) < PICTURE_BYTES // PACKET * PACKET else 0
        return packet + block[:at]

    def finish_all(self, reason: str) -> None:
        """Everybody gets what is published, then a clean end; other nodes when it is their turn to open the source."""
        for viewer in list(self._flowing.values()):
            if not viewer.ticket.node:
                self.finish(viewer, reason, at=self._ring.head)

    def finish_nodes(self, reason: str) -> None:
        """The upstream is closed, or no longer ours to share: other nodes look again who has the channel."""
        for viewer in self.nodes:
            if viewer.position < 0:
                viewer.reason = reason
                self._drop(viewer)
            else:
                self.finish(viewer, reason, at=self._ring.head)

    def expire(self, now: float) -> None:
        """End the viewings that are over by now, and close those who have not taken their last bytes in time."""
        if now - self._counted_at >= COUNT_S:
            self._counted_at = now
            for viewer in [v for v in self._flowing.values() if 0 < v.ticket.for_s <= now - v.attached_at]:
                self.finish(viewer, endings.LONG_ENOUGH)
        for viewer in [v for v in self._ending.values() if v.end_by <= now]:
            self._drop(viewer)

    def refuse(self, error: RestreamerError, reason: str = "") -> None:
        """Everybody who waits is told why there is no picture."""
        for viewer in list(self._waiting.values()):
            # What we were told by the source, a node may tell its viewers; that we end, it need not.
            if not (viewer.ticket.node and isinstance(error, endings.RelayEnded)):
                self._refuse(viewer, error, reason)

    def refuse_late(self, attached_before: float, error: RestreamerError) -> None:
        """Refuse those who have waited since before that moment of the loop's clock."""
        for viewer in [v for v in self._waiting.values() if v.attached_at < attached_before]:
            self._refuse(viewer, error, "")

    def close(self) -> None:
        """Close every socket now."""
        for viewer in self.viewers():
            self._drop(viewer)

    def _refuse(self, viewer: Viewer, error: RestreamerError, reason: str) -> None:
        viewer.reason = reason or f"{endings.REFUSED}{error.public}"
        self._loop.unwatch(viewer.fd)
        del self._waiting[viewer.fd]
        if not viewer.ticket.node and self._console(viewer, error):
            self._left(viewer, viewer.reason)
            return
        # A refusal fits any fresh socket's buffer.
        with contextlib.suppress(OSError):
            viewer.sock.send(heads.refusal(viewer.ticket.protocol, error))
        self._drop(viewer)

    # --- one viewer ---------------------------------------------------------------------------------------------

    def _told(self, fd: int, events: int) -> None:
        viewer = self._flowing.get(fd) or self._waiting.get(fd) or self._ending.get(fd)
        if viewer is None:
            return
        if events & _GONE:
            viewer.reason = viewer.reason or endings.LEFT
            self._drop(viewer)
        elif events & select.EPOLLOUT:
            self._push(viewer)

    def _push(self, viewer: Viewer) -> None:
        """Send what one viewer is due until his socket is full; then have epoll say when to go on."""
        try:
            done = self._send_owed(viewer) and self._send_due(viewer)
        except BlockingIOError:
            done = False
        except OSError:
            viewer.reason = viewer.reason or endings.LEFT
            self._drop(viewer)
            return
        if done and viewer.end is not None:
            self._drop(viewer)
        elif done and viewer.blocked:
            viewer.blocked = False
            self._loop.rewatch(viewer.fd, select.EPOLLRDHUP)
        elif not done:
            viewer.blocked = True
            self._loop.rewatch(viewer.fd, select.EPOLLRDHUP | select.EPOLLOUT)

    def _send_owed(self, viewer: Viewer) -> bool:
        while viewer.owed:
            # More follows at once: head, tables and picture go out together.
            flags = socket.MSG_MORE if viewer.end is None else 0
            sent = viewer.sock.send(viewer.owed, flags)
            viewer.owed = viewer.owed[sent:]
            if viewer.end is not None:
                # His last bytes of the ring.
                viewer.sent += sent
        return True

    def _send_due(self, viewer: Viewer) -> bool:
        """Send from the ring, so much at a time; True when there is nothing left to send now."""
        stop = self._ring.head if viewer.end is None else viewer.end
        most = BURST_BYTES
        while viewer.position < stop and most:
            place, lent = self._ring.lend(viewer.position)
            due = min(stop - viewer.position, lent, most)
            sent = os.sendfile(viewer.fd, self._ring.fd, place, due)
            viewer.position += sent
            viewer.sent += sent
            most -= sent
            if sent < due:
                return False
        return viewer.position >= stop

    def _drop(self, viewer: Viewer) -> None:
        """Close the socket: the end of the answer, after what is queued in it."""
        self._loop.unwatch(viewer.fd)
        self._waiting.pop(viewer.fd, None)
        self._flowing.pop(viewer.fd, None)
        self._ending.pop(viewer.fd, None)
        with contextlib.suppress(OSError):
            viewer.sock.shutdown(socket.SHUT_WR)
            # Closing with unread input resets the connection, and the viewer would lose what he has not read yet.
            for _ in range(8):
                if not viewer.sock.recv(65536):
                    break
        viewer.sock.close()
        self._left(viewer, viewer.reason or "the relay ended")
