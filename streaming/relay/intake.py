"""From what a source sends to what may be published: whole packets, from a place where a viewer can begin.

One intake per opened source. What every viewer sees is decided here, once per block: `_rewrite` is the place where
packets are changed before they are published.
"""

from __future__ import annotations

from streaming.faults import Fault, UpstreamError
from streaming.mpegts.entries import Entry, EntryScanner
from streaming.mpegts.packets import Aligner
from streaming.relay.keyframes import EntryPoint

#: So much unaligned input is no transport stream any more.
GARBAGE_BYTES = 1024 * 1024

#: So long and so much is waited for a place to begin before the stream is given up.
NO_ENTRY_S = 20.0
NO_ENTRY_BYTES = 32 * 1024 * 1024


class Intake:
    """Aligns, scans and admits the packets of one source."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._aligner = Aligner()
        self._scanner = EntryScanner()
        #: Bytes given to the scanner; its positions count them.
        self._scanned = 0
        #: What has been held back before the first entry; None once the gate is open.
        self._held: bytearray | None = bytearray()
        self._garbage_allowed = GARBAGE_BYTES

    @property
    def admitted(self) -> bool:
        """The first entry has come; everything since is published."""
        return self._held is None

    @property
    def lost_bytes(self) -> int:
        """Bytes dropped because they were no packets."""
        return self._aligner.lost_bytes

    def feed(self, data: bytes, now: float) -> tuple[bytes, list[EntryPoint]]:
        """The packets to publish now, and the entries among them.

        Shape: positions are relative to the returned block; an entry that showed itself late lies before it and has a
        negative one. Raises UpstreamError when this is no television.
        """
        packets = self._aligner.feed(data)
        if self._aligner.lost_bytes + self._aligner.waiting > self._garbage_allowed:
            raise UpstreamError(Fault.NOT_TS)
        if not packets:
            return b"", []
        # Only what is lost without a packet in between counts as "no transport stream any more".
        self._garbage_allowed = self._aligner.lost_bytes + GARBAGE_BYTES
        start = self._scanned
        found = self._scanner.scan(packets, start, now).entries
        self._scanned += len(packets)
        if self._held is None:
            return self._rewrite(packets), [_point(entry, entry.position - start, now) for entry in found]
        self._held += packets
        return self._try_gate(self._held, found, now)

    def _try_gate(self, held: bytearray, found: list[Entry], now: float) -> tuple[bytes, list[EntryPoint]]:
        """Open the gate at the first entry: its tables, then everything from it on."""
        first_held = self._scanned - len(held)
        if not found:
            if now - self._since > NO_ENTRY_S or len(held) > NO_ENTRY_BYTES:
                raise UpstreamError(Fault.NO_VIDEO if self._scanner.programme else Fault.NOT_TS)
            return b"", []
        first = found[0]
        self._held = None
        block = first.tables + bytes(held[first.position - first_held :])
        shift = len(first.tables) - first.position
        return self._rewrite(block), [_point(entry, entry.position + shift, now) for entry in found]

    def _rewrite(self, block: bytes) -> bytes:
        """The one place where packets are changed before publication. Joining two sources will happen here."""
        return block


def _point(entry: Entry, position: int, now: float) -> EntryPoint:
    return EntryPoint(position, entry.tables, now)
