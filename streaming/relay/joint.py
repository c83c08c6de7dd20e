"""Where sources become one stream: the relay's splicer, behind a gate that opens at the first place to begin.

A relay has one for its whole life; its sources come and go, and a slate may be shown between them. Positions inside are
the splicer's, what goes out is relative to the block it belongs to.
"""

from __future__ import annotations

from streaming.faults import Fault, UpstreamError
from streaming.mpegts.entries import EntryScanner
from streaming.mpegts.psi import Programme
from streaming.mpegts.slate import Slate
from streaming.mpegts.splice import CodecFamilyDiffers, Output, Splicer
from streaming.mpegts.statistics import Statistics
from streaming.relay.awaited import Awaited
from streaming.relay.block import Block
from streaming.relay.keyframes import EntryPoint

Published = tuple[Block, list[EntryPoint]]


class Joint:
    """Takes whole packets of one source after the other; gives what may be published, and the entries in it."""

    def __init__(self) -> None:
        self._splicer = Splicer()
        #: What was held back before the first entry; None once the gate is open.
        self._held: bytearray | None = bytearray()
        #: The present source, as long as it is not published; None for the first one, which fixes the layout.
        self._awaited: Awaited | None = None
        self._slate: Slate | None = None

    @property
    def joined(self) -> bool:
        """The present source is being published."""
        return self._held is None and self._slate is None and self._splicer.joined

    @property
    def open(self) -> bool:
        """Something has been published."""
        return self._held is None

    @property
    def held_bytes(self) -> int:
        """Kept back before the first entry."""
        return len(self._held) if self._held is not None else 0

    @property
    def programme(self) -> Programme | None:
        """The layout that players know."""
        return self._splicer.programme if self.open else None

    @property
    def knows_programme(self) -> bool:
        """The present source has shown its tables."""
        return self._scanner.programme is not None

    @property
    def lead_pid(self) -> int | None:
        """Of what is published: the picture's PID, or the sound's where there is none."""
        programme = self._splicer.programme
        return programme.lead.pid if programme is not None and programme.lead is not None else None

    @property
    def statistics(self) -> Statistics:
        """Of the present source."""
        return self._scanner.statistics

    @property
    def has_sound(self) -> bool:
        """The present source announces sound beside its picture."""
        programme = self._scanner.programme
        return programme is not None and programme.video is not None and bool(programme.audio)

    @property
    def decoded(self) -> tuple[str, str]:
        """Codec families the players decode, picture and first sound; "" where there is none (yet)."""
        programme = self._splicer.programme if self.open else None
        if programme is None:
            return "", ""
        picture = programme.video.codec.value if programme.video else ""
        return picture, programme.audio[0].codec.value if programme.audio else ""

    @property
    def _scanner(self) -> EntryScanner:
        return self._splicer.scanner if self._awaited is None else self._awaited.scanner

    # --- sources ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A source begins. As long as nothing was published, the layout is the new one's."""
        if self._held is None:
            self._awaited = Awaited(self._splicer.programme)
            return
        self._splicer, self._held = Splicer(), bytearray()
        self._splicer.begin()

    def take(self, packets: bytes, now: float) -> Published:
        """The next whole packets of the present source.

        Shape: positions are relative to the returned block and negative for an entry that showed itself late.
        Raises UpstreamError(OTHER_CODEC) when players could not go on with this source.
        """
        try:
            if self._awaited is None:
                return self._through_gate(self._splicer.rewrite(packets, now), now)
            ready = self._awaited.take(packets, now)
            return self._take_over(ready, now) if ready else (Block(), [])
        except CodecFamilyDiffers as err:
            raise UpstreamError(Fault.OTHER_CODEC) from err

    def cut(self, now: float) -> Published:
        """The present source is over: what of the rest is whole. A slate that is shown goes on."""
        if self._awaited is not None:
            self._awaited = None
            return Block(), []
        return (Block(), []) if self._slate is not None else self._through_gate(self._splicer.cut(), now)

    def _take_over(self, packets: bytes, now: float) -> Published:
        """The present source can be shown from here on: the slate ends, if one is shown."""
        before = self.end_slate()
        self._awaited = None
        self._splicer.begin()
        block, entries = self._through_gate(self._splicer.rewrite(packets, now), now)
        if not before:
            return block, entries
        return Block((before, *block.pieces)), [EntryPoint(len(before) + e.position, e.tables, now) for e in entries]

    # --- between them -------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Players see nothing: neither a source nor a slate."""
        return self.open and self._slate is None and not self._splicer.joined

    @property
    def shows_slate(self) -> bool:
        """Players see a slate."""
        return self._slate is not None

    def fill(self, packets: int) -> bytes:
        """Something for the wire while nothing comes; nothing before the first picture was published."""
        return self._splicer.fill(packets).data if self.open else b""

    def begin_slate(self, data: bytes, now: float) -> bytes:
        """Show a slate until the present source, or the next one, can be shown.

        Raises BadSlate, CodecFamilyDiffers; then nothing has changed.
        """
        slate = Slate(data, now)
        self._splicer.begin()
        try:
            output = self._splicer.rewrite(slate.read(now), now)
        except CodecFamilyDiffers:
            self._splicer.cut()
            raise
        self._slate = slate
        return output.data

    def go_on_with_slate(self, now: float) -> bytes:
        """What is due of the slate."""
        packets = self._slate.read(now) if self._slate is not None else b""
        return self._splicer.rewrite(packets, now).data if packets else b""

    def end_slate(self) -> bytes:
        """What of the slate is still to be published, if one is shown; its pictures are whole."""
        if self._slate is None:
            return b""
        self._slate = None
        return self._splicer.cut().data

    def _through_gate(self, output: Output, now: float) -> Published:
        if self._held is None:
            return Block(output.pieces), [_point(e.position - output.position, e.tables, now) for e in output.entries]
        self._held += output.data
        if not output.entries:
            return Block(), []
        first = output.entries[0]
        block = Block((first.tables, bytes(self._held[first.position :])))
        self._held = None
        shift = len(first.tables) - first.position
        return block, [_point(e.position + shift, e.tables, now) for e in output.entries]


def _point(position: int, tables: bytes, now: float) -> EntryPoint:
    return EntryPoint(position, tables, now)
