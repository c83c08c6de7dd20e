"""One sound track of the output: what is let through from a source, and silence where it has none."""

from __future__ import annotations

from fractions import Fraction

from streaming.mpegts.entries import Part, Unit
from streaming.mpegts.packets import CLOCK_HZ, CLOCK_MODULUS, difference, pes_header_length
from streaming.mpegts.psi import Codec
from streaming.mpegts.silence import Silence, duration_of, packetise_pes, silence_like, usual_silence

#: Overlaps up to this are let through, 90 kHz.
TOLERANCE = CLOCK_HZ // 1000
#: A source's sound may be missing for so long, or for one and a half of its packets, before silence takes its place.
PATIENCE = CLOCK_HZ * 6 // 10
#: How far sound is taken to lag behind the picture in transmission until it is known.
USUAL_LAG = CLOCK_HZ * 3 // 10
#: Silence without a source is sent in packets of about this length.
PORTION = CLOCK_HZ // 10
#: A hole longer than this has other reasons than a join.
LONGEST_HOLE = 30 * CLOCK_HZ


class NewestSound:
    """The PES packet a sound track sent last, in the blocks that hold it: how long it lasts is asked only at an end."""

    def __init__(self, pts: int | None, part: Part, unit: Unit, stop: int) -> None:
        self.pts = pts
        self._unit = unit
        self._parts = [(part, unit.packet, stop)]

    def go_on(self, part: Part, start: int, stop: int) -> None:
        """More of it is in this part."""
        self._parts.append((part, start, stop))

    def payload(self) -> bytes:
        """Its content, as much as came."""
        pes = b"".join(
            part.columns.block[begin:end]
            for part, start, stop in self._parts
            for begin, end in part.payloads(self._unit.pid, start, stop)
        )
        length = pes_header_length(pes, 0, len(pes))
        return b"" if length is None else pes[length : 6 + (pes[4] << 8 | pes[5])]


class OutputSound:
    """Where a sound track of the output stands, over all sources that feed it."""

    def __init__(self, pid: int, codec: Codec) -> None:
        self.pid = pid
        self.codec = codec
        #: PTS at which the next packet would follow without a hole.
        self.next: Fraction | None = None
        self.newest: NewestSound | None = None
        self._fed = False
        self._silence: Silence | None = None
        #: The present source's format is known.
        self.learned = False
        self._floor: int | None = None
        self._beginning = False
        self._bridging = False
        self._step = 0
        self._last: int | None = None
        #: How far the source's sound lags behind its picture, and the picture's DTS when it was last heard.
        self._lag = 0
        self._heard = 0

    def learn(self, sound: bytes) -> None:
        """The beginning of a PES packet's payload: silence will be like it."""
        if not self.learned:
            self._silence = silence_like(self.codec, sound) or self._silence
            self.learned = True

    def feed(self, *, fed: bool) -> None:
        """The present source has a track for this one, or has none."""
        self._fed = fed

    def source_begins(self, first_dts: int) -> None:
        """A source joins whose first picture has this DTS."""
        self.learned = False
        self._beginning = True
        self._bridging, self._last, self._lag = True, None, USUAL_LAG
        self._heard = first_dts
        if self.next is None:
            self.next = Fraction(first_dts)
        ahead = difference(int(self.next), first_dts)
        self._floor = int(self.next) if ahead > 0 else first_dts

    def go_on(self, heard: int) -> None:
        """The source goes on, rewritten from here; it was last heard when the picture's DTS was this."""
        self._heard, self._lag = heard, USUAL_LAG
        if self.next is None:
            # It was never heard: it begins with silence of the most usual kind.
            self.next = Fraction(heard)
            self._silence = self._silence or usual_silence(self.codec)

    def source_ended(self, pts: int, *, shortened: bool) -> None:
        """The source's sound ended about here; `shortened`: its last packet was taken away again."""
        newest, self.newest = self.newest, None
        if newest is not None and newest.pts is not None and not shortened:
            duration = duration_of(self.codec, newest.payload())
            if duration is not None:
                self.next = newest.pts + duration
                return
        if self.next is None or shortened or difference(pts, int(self.next)) > 0:
            self.next = Fraction(pts)

    def admit(self, pts: int, lead_dts: int) -> bool:
        """The packet with this PTS may pass: it neither overlaps what was sent nor comes before the first picture."""
        self._lag, self._heard = difference(lead_dts, pts), lead_dts
        if self._floor is not None:
            if difference(pts, self._floor) < -TOLERANCE:
                return False
            self._floor = None
        return True

    def bridge(self, pts: int) -> bytes:
        """Packets of silence for the hole before a packet with this PTS, if a join or silence made one."""
        if not self._bridging:
            return b""
        self._bridging = False
        if self._silence is None or self.next is None:
            return b""
        hole = difference(pts, int(self.next))
        if not self._silence.duration * 3 / 2 <= hole <= LONGEST_HOLE:
            return b""
        return self._fill(self._silence.frames_in(hole))

    def sent(self, pts: int) -> None:
        """The packet with this PTS has passed."""
        if self._last is not None and 0 < difference(pts, self._last) < CLOCK_HZ:
            self._step = difference(pts, self._last)
        self._last = pts
        self.next = Fraction(pts + self._step)

    def keep_up(self, lead_dts: int) -> bytes:
        """Packets of silence that are due when the picture has come to this DTS."""
        beginning, self._beginning = self._beginning, False
        if self._silence is None or self.next is None:
            return b""
        behind = difference(lead_dts, int(self.next))
        if beginning:
            # Nothing of the source comes before its first picture: the hole up to there can be closed at once.
            return self._fill(self._silence.frames_in(behind)) if behind <= LONGEST_HOLE else b""
        if self._fed:
            behind -= max(self._lag, 0)
            if difference(lead_dts, self._heard) < max(PATIENCE, self._step * 3 // 2) or behind < PORTION:
                return b""
        elif behind < PORTION:
            return b""
        self._bridging = True
        packets = self._fill(self._silence.frames_in(min(behind, LONGEST_HOLE)))
        self._floor = int(self.next)
        return packets

    def _fill(self, frames: int) -> bytes:
        assert self._silence is not None
        packets = b""
        while frames > 0 and self.next is not None:
            count = min(frames, self._silence.most_frames())
            packets += packetise_pes(self._silence.pes(round(self.next), count), self.pid)
            self.next = (self.next + count * self._silence.duration) % CLOCK_MODULUS
            frames -= count
        return packets
