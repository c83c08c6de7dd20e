"""How a stream is doing: counters and last values, kept per block for fault rules and the health score."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import sub

from streaming.mpegts.columns import NULL_CLASS, Columns, PidClasses, counters_of, counters_run, counters_without
from streaming.mpegts.packets import (
    CLOCK_HZ,
    PACKET_SIZE,
    PCR_HZ,
    PCR_PER_CLOCK,
    adaptation_flags,
    difference,
    is_duplicate,
    pcr_difference,
)
from streaming.mpegts.psi import Programme

#: A clock that is off by more than this has jumped.
JUMP_S = 1.0
JUMP = round(JUMP_S * CLOCK_HZ)
#: A PCR is to come every 0.1 s; this late it is worth counting.
LATE_PCR_S = 0.25


@dataclass(slots=True)
class Statistics:
    """What passed so far (counters only rise) and how things stand (last values). `…_at` is the caller's clock."""

    packets: int = 0
    null_packets: int = 0
    #: Those with payload.
    video_packets: int = 0
    audio_packets: int = 0
    scrambled_packets: int = 0
    transport_errors: int = 0
    #: Breaks of the continuity counters that nobody announced, in all and per PID.
    cc_errors: int = 0
    cc_errors_by_pid: dict[int, int] = field(default_factory=dict)
    #: Packets sent twice, which is legal.
    duplicates: int = 0
    #: Packets that said "my clock or counter breaks here".
    discontinuities: int = 0
    #: Jumps by more than a second: of the lead track's DTS (picture, or sound of a radio), and of the PCR.
    time_jumps: int = 0
    pcr_jumps: int = 0
    #: Smaller irregularities: a picture's DTS at least two of the usual steps after the one before, and a PCR later
    #: than `LATE_PCR_S` after the one before.
    holes: int = 0
    late_pcrs: int = 0
    psi_changes: int = 0
    damaged_tables: int = 0
    #: Units of the lead track, and how many of them were entries.
    units: int = 0
    entries: int = 0

    pcr: int | None = None
    pcr_moved_at: float | None = None
    video_dts: int | None = None
    video_moved_at: float | None = None
    audio_pts: int | None = None
    audio_moved_at: float | None = None
    #: Between the last two entries of a picture; None until known.
    keyframe_interval_s: float | None = None
    #: No entry for so long that ordinary units are offered as entries.
    long_gop: bool = False
    #: By the stream's own clock over its last second; 0 until known.
    bitrate_bps: int = 0

    def snapshot(self) -> Statistics:
        """A copy that stays as it is."""
        return replace(self, cc_errors_by_pid=dict(self.cc_errors_by_pid))


@dataclass(slots=True)
class Measured:
    """What counting one block brought to light, for those who rewrite it."""

    #: First and last continuity counter of each class that has packets with payload here.
    runs: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: Classes whose counters do not run on.
    broken: set[int] = field(default_factory=set)
    #: Index and value of each PCR on the PCR PID.
    pcrs: list[tuple[int, int]] = field(default_factory=list)
    #: Indices of packets that announce a discontinuity.
    flagged: list[int] = field(default_factory=list)


class Meter:
    """Fills `Statistics` from columns and clocks."""

    def __init__(self) -> None:
        self.statistics = Statistics()
        self._counters: dict[int, int] = {}
        self._video = -1
        self._audio: tuple[int, ...] = ()
        self._pcr_pid: int | None = None
        self._anchor: tuple[int, int] | None = None

    def learn(self, programme: Programme) -> None:
        """The programme's layout is this from now on."""
        self._video = programme.video.pid if programme.video else -1
        self._audio = tuple(track.pid for track in programme.audio)
        self._pcr_pid = programme.pcr_pid

    def count(self, columns: Columns, pids: PidClasses, position: int, now: float) -> Measured:
        """Take one block, whose first packet has the given position."""
        statistics, code_of = self.statistics, pids.code_of
        statistics.packets += columns.count
        statistics.null_packets += columns.classes.count(NULL_CLASS)
        statistics.scrambled_packets += columns.scrambled()
        statistics.transport_errors += columns.damaged()
        measured = Measured()
        self._check_counters(columns, code_of, measured)
        self._read_clocks(columns, measured)
        if measured.pcrs:
            self._take_pcrs(measured.pcrs, position, now)
        return measured

    def video(self, dts: int, now: float) -> None:
        """A picture with this DTS has begun."""
        if dts != self.statistics.video_dts:
            self.statistics.video_dts, self.statistics.video_moved_at = dts, now

    def audio(self, pts: int, now: float) -> None:
        """Sound with this PTS has begun."""
        if pts != self.statistics.audio_pts:
            self.statistics.audio_pts, self.statistics.audio_moved_at = pts, now

    # Continuity -----------------------------------------------------------------------------------------------

    def _check_counters(self, columns: Columns, code_of: dict[int, int], measured: Measured) -> None:
        statistics, counters = self.statistics, columns.counters()
        # Nearly all are the picture's: the others are looked for in the rest.
        most = code_of.get(self._video, -1)
        rest = counters_without(counters, most) if most >= 0 else counters
        for pid, code in code_of.items():
            own = counters_of(counters if code == most else rest, code)
            if not own:
                continue
            if code == most:
                statistics.video_packets += len(own)
            elif pid in self._audio:
                statistics.audio_packets += len(own)
            first, last = own[0] & 0x0F, own[-1] & 0x0F
            measured.runs[code] = first, last
            if not counters_run(own, code, self._counters.get(pid, first - 1)):
                measured.broken.add(code)
                self._find_breaks(columns, counters, code, pid)
            self._counters[pid] = last

    def _find_breaks(self, columns: Columns, counters: bytes, code: int, pid: int) -> None:
        """The slow way, for one PID in one block: tell losses from legal duplicates and announced breaks."""
        previous, repeated = self._counters.get(pid), False
        earlier = -1
        for index, counter in enumerate(counters):
            if counter & 0xF0 != code:
                continue
            counter &= 0x0F
            if previous is not None and counter != (previous + 1) & 0x0F:
                if counter == previous and not repeated and _same(columns.block, earlier, index):
                    self.statistics.duplicates += 1
                    repeated = True
                    continue
                if not adaptation_flags(columns.block, index * PACKET_SIZE) & 0x80:
                    self._break(pid)
            previous, repeated, earlier = counter, False, index

    def _break(self, pid: int) -> None:
        self.statistics.cc_errors += 1
        by_pid = self.statistics.cc_errors_by_pid
        by_pid[pid] = by_pid.get(pid, 0) + 1

    # Clocks ---------------------------------------------------------------------------------------------------

    def _read_clocks(self, columns: Columns, measured: Measured) -> None:
        """The PCRs and announced breaks; encoders send up to a hundred PCRs a second."""
        block, pcrs = columns.block, measured.pcrs
        pcr_pid = -1 if self._pcr_pid is None else self._pcr_pid
        for index in columns.clocked():
            at = index * PACKET_SIZE
            length, flags = block[at + 4], block[at + 5]
            if flags & 0x80 and length:
                self.statistics.discontinuities += 1
                measured.flagged.append(index)
            if flags & 0x10 and length >= 7 and (block[at + 1] & 0x1F) << 8 | block[at + 2] == pcr_pid:
                # As `decode_pcr`, without the call.
                raw = int.from_bytes(block[at + 6 : at + 12], "big")
                pcrs.append((index, (raw >> 15) * PCR_PER_CLOCK + (raw & 0x1FF)))

    def _take_pcrs(self, pcrs: list[tuple[int, int]], position: int, now: float) -> None:
        statistics, last = self.statistics, self.statistics.pcr
        if last is not None and _come_in_time([last, *(pcr for _, pcr in pcrs)]):
            index, pcr = pcrs[-1]
            if pcr != last:
                statistics.pcr, statistics.pcr_moved_at = pcr, now
                self._measure(pcr, position + index * PACKET_SIZE)
            return
        for index, pcr in pcrs:
            last = statistics.pcr
            if pcr == last:
                continue
            statistics.pcr, statistics.pcr_moved_at = pcr, now
            step = 0 if last is None else pcr_difference(pcr, last)
            if abs(step) > JUMP_S * PCR_HZ:
                statistics.pcr_jumps += 1
                self._anchor = None
            elif step > LATE_PCR_S * PCR_HZ:
                statistics.late_pcrs += 1
            self._measure(pcr, position + index * PACKET_SIZE)

    def _measure(self, pcr: int, position: int) -> None:
        """The bitrate between two PCRs about a second apart."""
        if self._anchor is None:
            self._anchor = (pcr, position)
            return
        elapsed = pcr_difference(pcr, self._anchor[0])
        if elapsed < 0:
            self._anchor = None
        elif elapsed >= PCR_HZ:
            self.statistics.bitrate_bps = (position - self._anchor[1]) * 8 * PCR_HZ // elapsed
            self._anchor = (pcr, position)


def _same(block: bytes, first: int, second: int) -> bool:
    """Two packets are one packet sent twice. One before this block is believed."""
    one, two = first * PACKET_SIZE, second * PACKET_SIZE
    return first < 0 or is_duplicate(block[two : two + PACKET_SIZE], block[one : one + PACKET_SIZE])


def _come_in_time(pcrs: list[int]) -> bool:
    """None steps back, none is late. A wrap is a step back."""
    steps: list[int] = list(map(sub, pcrs[1:], pcrs))
    return min(steps) >= 0 and max(steps) <= LATE_PCR_S * PCR_HZ


def runs_on(pcrs: list[int], last: int, limit_s: float) -> bool:
    """These PCRs follow `last` without a step back and, all together, within `limit_s`. A wrap is no running on."""
    return pcrs[0] >= last and pcrs[-1] - last <= limit_s * PCR_HZ and pcrs == sorted(pcrs)


def jumped(later: int, earlier: int) -> bool:
    """Between two 33-bit times lies more than a second, in either direction."""
    return not 0 <= later - earlier <= JUMP and abs(difference(later, earlier)) > JUMP
