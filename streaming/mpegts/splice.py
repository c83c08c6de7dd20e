"""The spliced switch: any number of sources one after the other, one unbroken stream to the player.

    splicer = Splicer()
    splicer.begin()                          # a source begins
    output = splicer.rewrite(block, now)     # its whole packets, once per tick -> what may be published
    output = splicer.cut()                   # it ended, failed, or is to be left
    splicer.begin() ...                      # the next one

The first source fixes the layout: PIDs, programme, codecs. As long as it needs nothing it passes as it is, the pieces
of `Output` being views of the blocks that came in. Every later source, and a first one whose time jumps or whose layout
changes, is rewritten to continue what was sent (`rewrite.Rewriter`), from one of its keyframes on. Players see one
source: same PIDs, counters and clocks running on, exact to a frame.

What might have to be taken away again when a source ends is kept back (`hold.Hold`), typically one picture. What was
published is final.

A viewer who falls out of the ring is not skipped forward through this: that would need an offset, counters and a layout
of its own per viewer. It is closed at a packet boundary, and reconnects.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

from streaming.mpegts.absence import Absence
from streaming.mpegts.ending import NOTHING_SENT, End
from streaming.mpegts.entries import Entry, EntryScanner, Part
from streaming.mpegts.hold import Hold
from streaming.mpegts.joining import Joining, start_at
from streaming.mpegts.layout import CodecFamilyDiffers, grow, is_superset, match
from streaming.mpegts.packets import NULL_PACKET, PACKET_SIZE, PesTimes
from streaming.mpegts.psi import Programme
from streaming.mpegts.rewrite import Rewriter, Start
from streaming.mpegts.seam import ending_packet
from streaming.mpegts.sent import Passage, Sent, SentLead
from streaming.mpegts.sounds import NewestSound, OutputSound
from streaming.mpegts.statistics import JUMP, jumped

__all__ = ["CodecFamilyDiffers", "Output", "Splicer", "State"]


class State(Enum):
    """What the splicer does with the packets it is given."""

    #: No source.
    IDLE = "idle"
    #: The first source has not shown its tables yet: nothing passes.
    WAITING = "waiting"
    #: The first source passes as it is.
    PASSING = "passing"
    #: A source has not come to a place where it can take over: nothing passes.
    JOINING = "joining"
    #: A source passes rewritten.
    REWRITING = "rewriting"


_JOINED = (State.PASSING, State.REWRITING)


@dataclass(slots=True)
class Output:
    """What may be published now: append the pieces, in their order. Nothing of it is ever taken back."""

    #: Of the first byte, counted from the splicer's first.
    position: int = 0
    pieces: list[memoryview] = field(default_factory=list)
    #: Those in the pieces; positions counted likewise.
    entries: list[Entry] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(len(piece) for piece in self.pieces)

    @property
    def data(self) -> bytes:
        """All pieces as one."""
        return b"".join(self.pieces)


class Splicer:
    """One output, fed by one source at a time. `programme_number` chooses among several programmes of each source."""

    def __init__(self, programme_number: int | None = None) -> None:
        self._programme_number = programme_number
        #: Reads the present source: its programme, entries and statistics.
        self.scanner = EntryScanner(programme_number)
        self.state = State.IDLE
        #: How many times a source, or a source after a jump of its own, has joined.
        self.joins = 0
        self._output: Programme | None = None
        self._hold = Hold(lead_pid=-1)
        self._sounds: dict[int, OutputSound] = {}
        self._counters: dict[int, int] = {}
        #: Bytes read of the present source, published in all, and of null packets among them.
        self._read = 0
        self._published = 0
        self._filled = 0
        self._end = NOTHING_SENT
        self._source: Programme | None = None
        self._dts: int | None = None
        self._entries: list[Entry] = []
        #: The newest unit of the lead track: where its part begins in the output, and what it is.
        self._newest: tuple[int, SentLead] | None = None
        self._joining: Joining | None = None
        self._pairs: dict[int, int] = {}
        self._rewriter: Rewriter | None = None
        self._absence = Absence()

    @property
    def programme(self) -> Programme | None:
        """The output's layout; None until the first source has shown its tables."""
        return self._output

    @property
    def joined(self) -> bool:
        """The present source is being sent."""
        return self.state in _JOINED

    @property
    def pairs(self) -> dict[int, int]:
        """PIDs of the present source and what they become; empty while it passes as it is."""
        return dict(self._pairs)

    @property
    def held_bytes(self) -> int:
        """Bytes kept back."""
        return self._hold.end - self._hold.final

    # Sources --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A source begins. One that is still running must be `cut` first."""
        if self.state is not State.IDLE:
            raise ValueError("a source is running: cut it first")
        self.scanner = EntryScanner(self._programme_number)
        self._read = 0
        self._source = None
        self._wait_for_entry()
        self.state = State.WAITING if self._output is None else State.JOINING

    def cut(self) -> Output:
        """The present source is over: what of the rest is whole. Without a source nothing."""
        if self.joined:
            self._end_source()
        self.state = State.IDLE
        return self._publish(0.0)

    def fill(self, packets: int = 1) -> Output:
        """Null packets for the wire while nothing comes; none before the first real packets were published."""
        position = self._published
        if not position or packets <= 0:
            return Output(position)
        self._filled += packets * PACKET_SIZE
        self._published += packets * PACKET_SIZE
        return Output(position, [memoryview(NULL_PACKET * packets)])

    def rewrite(self, block: bytes | bytearray | memoryview, now: float = 0.0) -> Output:
        """The next whole packets of the present source; returns what may be published.

        `now` is the caller's clock in seconds. Raises CodecFamilyDiffers when the source turns out to be one that the
        players' decoders cannot go on with; `cut` then, which yields what there was before, and begin another.
        """
        if self.state is State.IDLE:
            raise ValueError("no source: begin first")
        for part in self.scanner.parts(block, self._read, now):
            self._take(part, 0)
        self._read += len(block)
        return self._publish(now)

    def _publish(self, now: float) -> Output:
        output = Output(self._published, self._hold.release(now))
        self._published += output.size
        final, filled = self._hold.final, self._filled
        for entry in self._entries:
            if entry.position < final:
                output.entries.append(Entry(entry.position + filled, entry.tables, entry.times, entry.access))
        self._entries = [entry for entry in self._entries if entry.position >= final]
        return output

    # Parts ----------------------------------------------------------------------------------------------------

    def _take(self, part: Part, start: int) -> None:
        """Deal with the packets of a part from `start` on."""
        if self.state is State.PASSING:
            self._pass(part, start)
        elif self.state is State.REWRITING:
            self._rewrite(part, start)
        elif self.state is State.JOINING:
            self._join(part, start)
        elif part.programme is not None and part.programme.lead is not None:
            self._found_output(part.programme)

    def _found_output(self, programme: Programme) -> None:
        """The first source has shown its tables."""
        assert programme.lead is not None
        self._output = self._source = programme
        self._hold.lead_pid = programme.lead.pid
        self._add_sounds(programme)
        self._passage = Passage(programme.lead.pid, self._sounds, self._counters)
        if self.scanner.programmes > 1:
            # The other programmes must go, and the PAT must say so.
            self.state = State.JOINING
        else:
            self.state = State.PASSING
            tables = self.scanner.tables
            self._hold.append(tables)
            for at in range(0, len(tables), PACKET_SIZE):
                pid = (tables[at + 1] & 0x1F) << 8 | tables[at + 2]
                self._counters[pid] = tables[at + 3] & 0x0F

    def _add_sounds(self, programme: Programme) -> None:
        for track in programme.audio:
            if track != programme.lead and track.pid not in self._sounds:
                self._sounds[track.pid] = OutputSound(track.pid, track.codec)

    def _jump_in(self, part: Part, start: int) -> int | None:
        """The packet of the first unit of the lead track, from `start` on, whose clock is another than before."""
        lead, dts = self._source.lead if self._source else None, self._dts
        pid = lead.pid if lead is not None else -1
        for unit in part.units:
            if unit.pid != pid or unit.times is None or unit.packet < start:
                continue
            new = unit.times.dts
            if dts is not None and not 0 <= new - dts <= JUMP and jumped(new, dts):
                self._dts = dts
                return unit.packet
            dts = new
        self._dts = dts
        return None

    # Sending --------------------------------------------------------------------------------------------------

    def _pass(self, part: Part, start: int) -> None:
        assert self._output is not None
        jump = self._jump_in(part, start)
        stop = part.columns.count if jump is None else jump
        if jump is None and part.programme is not None and not is_superset(part.programme, self._output):
            stop -= 1  # Players must not see this table.
        if not all(sound.learned for sound in self._sounds.values()):
            self._learn_sounds(part)
        sent = self._passage.process(part, start, stop, self._hold.open_sounds())
        self._send(part, sent)
        self._go_over(part, jump)
        lacks = self._absence.notices(sent, self._dts, self._sounds) or self._hold.broken_sounds()
        if lacks and self.state is State.PASSING and self._output.video:
            assert self._source is not None
            self._pairs = match(self._source, self._output)
            self._rewriter = self._take_over(self._source)
            self.state = State.REWRITING

    def _learn_sounds(self, part: Part) -> None:
        for unit in part.units:
            if unit.pid in self._sounds and not self._sounds[unit.pid].learned:
                self._sounds[unit.pid].learn(unit.payload(part.columns.block))

    def _rewrite(self, part: Part, start: int) -> None:
        assert self._rewriter is not None
        broken = self._hold.broken_sounds()
        if broken:
            self._rewriter.drop_rest(self._void_sounds(broken))
        jump = self._jump_in(part, start)
        stop = part.columns.count if jump is None else jump
        self._send(part, self._rewriter.process(part, start, stop, self._hold.open_sounds()))
        self._go_over(part, jump)

    def _send(self, part: Part, sent: Sent) -> None:
        """Put a part's packets at the end of the output and note what is in them."""
        base = self._hold.end
        self._hold.take(sent, self._counters)
        for sound in sent.sounds:
            if base + sound.offset < self._hold.doubted_from(sound.pid):
                self._sounds[sound.pid].newest = NewestSound(sound.pts, part, sound.unit, sent.stop)
        for pid in sent.more:
            newest = self._sounds[pid].newest
            if newest is not None:
                newest.go_on(part, sent.start, sent.stop)
        leads = {lead.source_position: lead for lead in sent.leads} if part.entries else {}
        for entry in part.entries:
            if entry.position in leads:
                self._note_entry(entry, base, leads[entry.position])
            elif self._newest is not None and self._newest[1].source_position == entry.position:
                self._note_entry(entry, *self._newest)
        if sent.leads:
            self._newest = base, sent.leads[-1]

    def _note_entry(self, entry: Entry, base: int, lead: SentLead) -> None:
        tables = entry.tables if lead.tables is None else lead.tables()
        self._entries.append(Entry(base + lead.offset, tables, lead.times, entry.access))

    # Changes --------------------------------------------------------------------------------------------------

    def _go_over(self, part: Part, jump: int | None) -> None:
        """The part's packets are sent up to a jump of the source's clock, or up to a change of its layout."""
        if jump is not None:
            self._end_source()
            self._wait_for_entry()
            self.state = State.JOINING
            self._take(part, jump)
        elif part.programme is not None:
            self._relayout(part.programme)

    def _end_source(self) -> None:
        """Cut what was sent so that another source, or this one at another time, can follow."""
        assert self._output is not None
        self._end = end = self._hold.cut(self._output.pids)
        self._counters.update(end.counters)
        if self._output.video is not None and end.dts is not None:
            pid = self._output.video.pid
            self._counters[pid] = (self._counters.get(pid, 15) + 1) & 0x0F
            self._hold.append(ending_packet(pid, self._counters[pid]))
        self._end_sounds(end)
        held, self._entries = self._entries, []
        for entry in held:
            if entry.position in end.moves:
                self._entries.append(Entry(end.moves[entry.position], entry.tables, entry.times, entry.access))
        self._newest = self._rewriter = None

    def _void_sounds(self, pids: Collection[int]) -> set[int]:
        """Take away the PES packets of these sounds that did not come whole; returns those that had one."""
        broken = set()
        for pid in pids:
            packets = self._hold.void_open(pid)
            if packets:
                broken.add(pid)
                self._counters[pid] = (self._counters.get(pid, 15) - packets) & 0x0F
        return broken

    def _end_sounds(self, end: End) -> None:
        for pid, pts in end.sounds.items():
            self._sounds[pid].source_ended(pts, shortened=pid in end.shortened)

    def _wait_for_entry(self) -> None:
        self._joining = None
        self._dts = None

    def _join(self, part: Part, start: int) -> None:
        """Nothing passes until an entry shows where the source can take over."""
        assert self._output is not None
        if self._source is not None and self._source.lead is not None:
            if self._joining is None:
                self._pairs = match(self._source, self._output)
                self._joining = Joining(self._source.lead.pid)
            parts = self._joining.take(part, start, self.scanner.undecided)
            if parts is not None:
                self._begin_rewriting(self._joining, self._source)
                for waited, begin in parts:
                    self._take(waited, begin)
                return
        if part.programme is not None:
            match(part.programme, self._output)
            self._source, self._joining = part.programme, None

    def _begin_rewriting(self, joining: Joining, source: Programme) -> None:
        assert self._output is not None
        assert source.lead is not None
        start = start_at(joining.entry, joining.dts, self._end, source.lead.codec)
        self._rewriter = Rewriter(source, self._output, self._pairs, start, self._end, self._sounds, self._counters)
        self._wait_for_entry()
        self.state = State.REWRITING
        self.joins += 1

    def _relayout(self, programme: Programme) -> None:
        """The source changed its layout while it was being sent."""
        assert self._output is not None
        assert self._source is not None
        before, self._source = self._source, programme
        if self.state is State.PASSING and is_superset(programme, self._output):
            self._output = programme
            self._add_sounds(programme)
            self._passage.sound_pids = set(self._sounds)
            return
        pairs = match(programme, self._output)
        if before.lead is None or programme.lead is None or before.lead.pid != programme.lead.pid:
            self._end_source()
            self._wait_for_entry()
            self.state = State.JOINING
            return
        if self._rewriter is None:
            self._rewriter = self._take_over(before)
            self.state = State.REWRITING
        known = {track.pid for track in before.tracks}
        self._output, pairs = grow(self._output, programme, pairs, known)
        self._add_sounds(self._output)
        self._rewriter.relayout(programme, self._output, pairs)

    def _take_over(self, source: Programme) -> Rewriter:
        """Go on rewriting a source that passed as it is, in the middle of it and with its own clock."""
        assert self._output is not None
        broken = self._void_sounds({*self._absence.gone, *self._hold.broken_sounds()})
        end = self._hold.end_so_far()
        end.shortened.update(broken)
        self._end_sounds(end)
        dts = end.dts or 0
        start = Start(0, PesTimes(dts, dts), dts, continues=True, pcr_lead=self._absence.pcr_lead)
        for pid, sound in self._sounds.items():
            sound.go_on(self._absence.heard.get(pid, dts))
        pairs = {track.pid: track.pid for track in source.tracks}
        return Rewriter(source, self._output, pairs, start, end, self._sounds, self._counters)
