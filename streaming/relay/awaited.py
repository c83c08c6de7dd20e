"""The next source before it is shown: its packets are read until one of them is a place where it can take over.

Meanwhile viewers go on seeing what they see: null packets, or a slate.
"""

from __future__ import annotations

from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.joining import Joining
from streaming.mpegts.layout import match
from streaming.mpegts.psi import Programme


class Awaited:
    """Keeps no more of the source than what may turn out to be its beginning."""

    def __init__(self, output: Programme | None) -> None:
        """`output` is the layout that players know."""
        self.scanner = EntryScanner()
        self._output = output
        self._joining: Joining | None = None
        self._kept = bytearray()
        self._kept_from = 0
        self._read = 0

    def take(self, packets: bytes, now: float) -> bytes:
        """The next whole packets. Returns tables and all from the entry on once it can take over, b"" before.

        Raises CodecFamilyDiffers when players could not go on with it.
        """
        self._kept += packets
        ready = False
        for part in self.scanner.parts(packets, self._read, now):
            if self._joining is not None and not ready:
                ready = self._joining.take(part, 0, self.scanner.undecided) is not None
            if part.programme is not None and not ready:
                self._learn(part.programme)
        self._read += len(packets)
        if ready and self._joining is not None:
            entry = self._joining.entry
            return entry.tables + bytes(self._kept[entry.position - self._kept_from :])
        self._forget()
        return b""

    def _learn(self, programme: Programme) -> None:
        if self._output is not None:
            match(programme, self._output)
        self._joining = Joining(programme.lead.pid) if programme.lead is not None else None

    def _forget(self) -> None:
        needed = self._joining.needed_from if self._joining is not None else None
        if needed is None:
            needed = self._read
        del self._kept[: needed - self._kept_from]
        self._kept_from = needed
