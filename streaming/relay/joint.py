"""Where sources become one stream: the relay's splicer, behind a gate that opens at the first place to begin.

A relay has one for its whole life; its sources come and go. Positions inside are the splicer's, what goes out is
relative to the block it belongs to.
"""

from __future__ import annotations

from streaming.faults import Fault, UpstreamError
from streaming.mpegts.splice import CodecFamilyDiffers, Output, Splicer
from streaming.mpegts.statistics import Statistics
from streaming.relay.keyframes import EntryPoint

#: Null packets at a time while nothing comes: one TCP segment's worth.
FILLER_PACKETS = 7


class Joint:
    """Takes whole packets of one source after the other; gives what may be published, and the entries in it."""

    def __init__(self) -> None:
        self._splicer = Splicer()
        #: What was held back before the first entry; None once the gate is open.
        self._held: bytearray | None = bytearray()

    @property
    def joined(self) -> bool:
        """The present source is being published."""
        return self._held is None and self._splicer.joined

    @property
    def open(self) -> bool:
        """Something has been published."""
        return self._held is None

    @property
    def held_bytes(self) -> int:
        """Kept back before the first entry."""
        return len(self._held) if self._held is not None else 0

    @property
    def knows_programme(self) -> bool:
        """The present source has shown its tables."""
        return self._splicer.scanner.programme is not None

    @property
    def lead_pid(self) -> int | None:
        """Of what is published: the picture's PID, or the sound's where there is none."""
        programme = self._splicer.programme
        return programme.lead.pid if programme is not None and programme.lead is not None else None

    @property
    def statistics(self) -> Statistics:
        """Of the present source."""
        return self._splicer.scanner.statistics

    @property
    def has_sound(self) -> bool:
        """The present source announces sound beside its picture."""
        programme = self._splicer.scanner.programme
        return programme is not None and programme.video is not None and bool(programme.audio)

    @property
    def decoded(self) -> tuple[str, str]:
        """Codec families the players decode, picture and first sound; "" where there is none (yet)."""
        programme = self._splicer.programme if self.open else None
        if programme is None:
            return "", ""
        picture = programme.video.codec.value if programme.video else ""
        return picture, programme.audio[0].codec.value if programme.audio else ""

    def begin(self) -> None:
        """A source begins. As long as nothing was published, the layout is the new one's."""
        if self._held is not None:
            self._splicer, self._held = Splicer(), bytearray()
        self._splicer.begin()

    def take(self, packets: bytes, now: float) -> tuple[bytes, list[EntryPoint]]:
        """The next whole packets of the present source.

        Shape: positions are relative to the returned block and negative for an entry that showed itself late.
        Raises UpstreamError(OTHER_CODEC) when players could not go on with this source.
        """
        try:
            return self._through_gate(self._splicer.rewrite(packets, now), now)
        except CodecFamilyDiffers as err:
            raise UpstreamError(Fault.OTHER_CODEC) from err

    def cut(self, now: float) -> tuple[bytes, list[EntryPoint]]:
        """The present source is over: what of the rest is whole."""
        return self._through_gate(self._splicer.cut(), now)

    def fill(self) -> bytes:
        """Something for the wire while nothing comes; nothing before the first picture was published."""
        return self._splicer.fill(FILLER_PACKETS).data if self.open else b""

    def _through_gate(self, output: Output, now: float) -> tuple[bytes, list[EntryPoint]]:
        if self._held is None:
            return output.data, [_point(e.position - output.position, e.tables, now) for e in output.entries]
        self._held += output.data
        if not output.entries:
            return b"", []
        first = output.entries[0]
        block = first.tables + bytes(self._held[first.position :])
        self._held = None
        shift = len(first.tables) - first.position
        return block, [_point(e.position + shift, e.tables, now) for e in output.entries]


def _point(position: int, tables: bytes, now: float) -> EntryPoint:
    return EntryPoint(position, tables, now)
