"""From what a source sends to what may be published: whole packets, from a place where a viewer can begin.

One intake per opened source; the joint that all sources of a relay go through decides what viewers see.
"""

from __future__ import annotations

import re

from streaming.faults import Fault, UpstreamError
from streaming.mpegts.packets import Aligner
from streaming.relay.block import Block
from streaming.relay.joint import Joint
from streaming.relay.keyframes import EntryPoint

#: So much unaligned input is no transport stream any more, nor is this little when no packet came for so long.
GARBAGE_BYTES = 1024 * 1024
NOISE_BYTES = 16 * 1024
NOISE_S = 2.0

#: So long and so much is waited for a place to begin before the stream is given up.
NO_ENTRY_S = 20.0
NO_ENTRY_BYTES = 32 * 1024 * 1024

#: A web page in the place of packets. Television that carries pages (HbbTV) has at most 184 bytes of one in a packet.
PAGE = re.compile(rb"<(?:!doctype html|html)[\t\n\r\x20-\x7e\x80-\xff]{200}", re.IGNORECASE)


class Intake:
    """Aligns the packets of one source, hands them to the joint, and gives up a source that never gets through it."""

    def __init__(self, now: float, joint: Joint | None = None) -> None:
        self._since = now
        #: When whole packets came last.
        self.heard_at = now
        self._aligner = Aligner()
        self._joint = joint or Joint()
        self._joint.begin()
        self._waited_bytes = 0
        self._garbage_allowed = GARBAGE_BYTES

    @property
    def admitted(self) -> bool:
        """The source is being published."""
        return self._joint.joined

    @property
    def lost_bytes(self) -> int:
        """Bytes dropped because they were no packets."""
        return self._aligner.lost_bytes

    def feed(self, data: bytes, now: float) -> tuple[Block, list[EntryPoint]]:
        """The packets to publish now, and the entries among them; see `Joint.take`.

        Raises UpstreamError when this is no television, or none that the running players could follow.
        """
        losses = self._aligner.losses
        packets = self._aligner.feed(data)
        spare_bytes = self._garbage_allowed - self._aligner.lost_bytes - self._aligner.waiting
        noise = not packets and now - self.heard_at > NOISE_S and spare_bytes < GARBAGE_BYTES - NOISE_BYTES
        if spare_bytes < 0 or noise:
            raise UpstreamError(Fault.NOT_TS)
        if (self._aligner.losses > losses or not packets) and PAGE.search(data):
            raise UpstreamError(Fault.NOT_TS, "The provider sent a web page in the middle of the stream.")
        if not packets:
            return Block(), []
        self.heard_at = now
        # Only what is lost without a packet in between counts as "no transport stream any more".
        self._garbage_allowed = self._aligner.lost_bytes + GARBAGE_BYTES
        published = self._joint.take(packets, now)
        if not self.admitted:
            self._waited_bytes += len(packets)
            if now - self._since > NO_ENTRY_S or self._waited_bytes > NO_ENTRY_BYTES:
                raise UpstreamError(Fault.NO_VIDEO if self._joint.knows_programme else Fault.NOT_TS)
        return published
