"""The newest PAT and PMT of a running stream, and the one programme that is relayed."""

from __future__ import annotations

from streaming.mpegts.packets import PACKET_SIZE, PAT_PID, counter_of
from streaming.mpegts.psi import (
    BadTable,
    Pat,
    Programme,
    SectionAssembler,
    build_pat,
    is_current,
    packetise,
    parse_pat,
    parse_pmt,
    recount,
)

#: So many PATs are waited for the PMTs of all programmes before one is chosen without them.
PATIENCE_PATS = 10


class TableWatch:
    """Reads the packets of the table PIDs and knows the programme, its layout and the packets that announce it."""

    def __init__(self, programme_number: int | None = None) -> None:
        #: The layout that is relayed; None until its PAT and PMT have come.
        self.programme: Programme | None = None
        self.changes = 0
        self._wanted = programme_number
        self._pat: Pat | None = None
        self._pat_section = b""
        self._pats = 0
        self._pmt_sections: dict[int, bytes] = {}
        self._known: dict[int, Programme] = {}
        self._assemblers = {PAT_PID: SectionAssembler()}
        self._counters: dict[int, int] = {}
        self._last_payload: dict[int, bytes] = {}

    @property
    def programmes(self) -> int:
        """How many programmes the PAT announces."""
        return len(self._pat.programmes) if self._pat else 0

    @property
    def pids(self) -> tuple[int, ...]:
        """The PIDs whose every packet is to be fed."""
        return tuple(self._assemblers)

    @property
    def damaged(self) -> int:
        """Sections whose CRC was wrong."""
        return sum(assembler.damaged for assembler in self._assemblers.values())

    @property
    def packets(self) -> bytes:
        """PAT and PMT packets whose continuity counters fit what follows now; empty without a programme."""
        if self.programme is None:
            return b""
        pat = self._pat_section if self.programmes == 1 else build_pat(self.programme, self._pat_version())
        packets = b""
        for pid, section in ((PAT_PID, pat), (self.programme.pmt_pid, self._pmt_sections[self.programme.number])):
            packets += recount(packetise(section, pid, 0), self._counters.get(pid, 15))
        return packets

    def feed(self, data: bytes, at: int, pid: int) -> bool:
        """Take the packet at `at`; True when the programme or the PIDs to be fed are others than before."""
        if pid not in self._assemblers:
            return False
        self._counters[pid] = counter_of(data, at)
        payload = data[at + 4 : at + PACKET_SIZE]
        if pid == PAT_PID and self.programme is None:
            self._pats += 1
        elif payload == self._last_payload.get(pid) and data[at + 1] & 0x40:
            return False
        self._last_payload[pid] = payload
        before = self.programme, self.pids
        for section in self._assemblers[pid].feed(data, at):
            if not is_current(section):
                continue
            try:
                self._take(section, pid)
            except BadTable:
                self._assemblers[pid].damaged += 1
        self.programme = self._choose()
        return (self.programme, self.pids) != before

    def _take(self, section: bytes, pid: int) -> None:
        if pid == PAT_PID and section[0] == 0:
            if section != self._pat_section:
                self._take_pat(section)
        elif section[0] == 2 and self._pat is not None:
            programme = parse_pmt(section, pid, self._pat.transport_stream_id)
            if self._pat.programmes.get(programme.number) != pid:
                return
            if self._pmt_sections.get(programme.number) != section:
                self.changes += programme.number in self._pmt_sections
                self._pmt_sections[programme.number] = section
                self._known[programme.number] = programme

    def _take_pat(self, section: bytes) -> None:
        pat = parse_pat(section)
        self.changes += self._pat is not None
        self._pat, self._pat_section = pat, section
        kept = {number for number, pid in pat.programmes.items() if self._is_known_at(number, pid)}
        self._known = {number: self._known[number] for number in kept}
        self._pmt_sections = {number: self._pmt_sections[number] for number in kept}
        wanted = [PAT_PID, *pat.programmes.values()]
        self._assemblers = {pid: self._assemblers.get(pid) or SectionAssembler() for pid in wanted}
        self._last_payload = {pid: payload for pid, payload in self._last_payload.items() if pid == PAT_PID}

    def _is_known_at(self, number: int, pid: int) -> bool:
        return number in self._known and self._known[number].pmt_pid == pid

    def _choose(self) -> Programme | None:
        """The programme asked for; else the one chosen before; else the first with a picture, or with sound."""
        order = list(self._pat.programmes) if self._pat else []
        if self._wanted in order:
            return self._known.get(self._wanted)
        if self.programme is not None and self.programme.number in order:
            return self._known.get(self.programme.number)
        if len(self._known) < len(order) and self._pats < PATIENCE_PATS:
            first = self._known.get(order[0])
            return first if first is not None and first.video else None
        known = [self._known[number] for number in order if number in self._known]
        with_video = [programme for programme in known if programme.video]
        with_sound = [programme for programme in known if programme.lead]
        return next(iter(with_video or with_sound or known), None)

    def _pat_version(self) -> int:
        return self._pat.version if self._pat else 0
